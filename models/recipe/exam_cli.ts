/**
 * The held-out examination for Python: `exam <scenes>` prints the questions,
 * `grade <scenes>` reads answers from stdin and prints the report, and
 * `explain <scenes>` lists wrong mentions. All rules live in src/preference/metrics.
 */
import { readFileSync } from 'node:fs';
import { describedNouns, gradeClip, gradeVlm, heldOutExamination } from '../../src/preference/metrics/index.ts';
import { companionOf, locateMentions } from '../../src/toybox/index.ts';

const [command, size] = process.argv.slice(2);
const examination = heldOutExamination(Number(size));
const input = command === 'exam' ? {} : JSON.parse(readFileSync(0, 'utf8'));

/** Per scene: each mention with its place in the text and, where it is wrong, the host that explains it. */
function explain(answers: readonly string[]) {
  return describedNouns(examination, answers).map(({ truth }, i) => ({
    seed: examination.seeds[i],
    truth,
    mentions: locateMentions(answers[i]).map((mention) => ({
      ...mention,
      wrong: !truth.includes(mention.noun),
      host: truth.find((host) => companionOf(host) === mention.noun),
    })),
  }));
}

const reply = {
  exam: () => examination,
  grade: () => ({ vlm: input.vlm && gradeVlm(examination, input.vlm), clip: input.clip && gradeClip(input.clip) }),
  explain: () => explain(input.describe),
}[command]?.();
process.stdout.write(JSON.stringify(reply));
