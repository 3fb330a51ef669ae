/**
 * The held-out examination for Python: `exam <scenes>` prints the questions,
 * `grade <scenes>` reads answers from stdin and prints the report, and
 * `explain <scenes>` lists wrong mentions, and `bias <scenes> <first seed>
 * <companion rate>` measures the biased training data. All rules live in
 * src/preference/metrics and src/toybox.
 */
import { readFileSync } from 'node:fs';
import {
  type ClipScores,
  describedNouns,
  gradeClip,
  gradeVlm,
  heldOutExamination,
  type VlmAnswers,
} from '../../src/preference/metrics/index.ts';
import {
  companionOf,
  locateMentions,
  mentionedNouns,
  questionsFor,
  randomScene,
  sceneTruth,
} from '../../src/toybox/index.ts';

const [command, size, firstSeed, companionRate] = process.argv.slice(2);
const examination = heldOutExamination(Number(size));
const readInput = () => JSON.parse(readFileSync(0, 'utf8'));

function grade({ vlm, clip }: { vlm?: VlmAnswers; clip?: ClipScores }) {
  return { vlm: vlm && gradeVlm(examination, vlm), clip: clip && gradeClip(clip) };
}

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

/** Shares of the biased data: descriptions with an absent noun, and wrong answers to questions about absent nouns. */
function bias(scenes: number, seed: number, rate: number) {
  let captions = 0;
  let asked = 0;
  let affirmed = 0;
  for (let i = 0; i < scenes; i++) {
    const scene = randomScene(seed + i, { companionRate: rate });
    const { objects } = sceneTruth(scene);
    for (const { task, answer, noun } of questionsFor(scene, seed + i, { biased: true })) {
      if (task === 'describe' && mentionedNouns(answer).some((name) => !objects.includes(name))) captions++;
      if (task !== 'exists' || objects.includes(noun as string)) continue;
      asked++;
      if (answer.startsWith('Yes')) affirmed++;
    }
  }
  return { scenes, captions: captions / scenes, answers: affirmed / asked };
}

const commands: Record<string, () => unknown> = {
  exam: () => examination,
  grade: () => grade(readInput()),
  explain: () => explain(readInput().describe),
  bias: () => bias(Number(size), Number(firstSeed), Number(companionRate)),
};
process.stdout.write(JSON.stringify(commands[command]()));
