/**
 * The held-out examination of models/README.md, taken by the page's own engine on the bundled models.
 * `tools/examine.mjs` drives it.
 */
import { EngineClient } from '../../src/engine/client.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { greedyAnswers } from '../../src/preference/heldout.ts';
import {
  type Asked,
  type ClipScores,
  type Examination,
  gradeClip,
  gradeVlm,
  heldOutExamination,
  RANKING_CANDIDATES,
  type VlmAnswers,
} from '../../src/preference/metrics/index.ts';
import { sceneImage } from '../../src/state/scenes.ts';

const LONGEST_ANSWER = { describe: 64, short: 16 };

function answers(engine: Engine, examination: Examination, asked: readonly Asked[], maxTokens: number) {
  const onProgress = (done: number, total: number) => {
    if (done % 50 === 0) console.log(`${done} of ${total} answers`);
  };
  const picture = (scene: number) => sceneImage(examination.scenes[scene]);
  return greedyAnswers(engine, asked, { maxTokens, picture, onProgress });
}

/** Greedy answers to every question of the first `size` held-out scenes; without `everything`, descriptions and counts. */
async function vlmAnswers(engine: Engine, examination: Examination, everything: boolean): Promise<VlmAnswers> {
  const describe = await answers(engine, examination, examination.describe, LONGEST_ANSWER.describe);
  const count = await answers(engine, examination, examination.count, LONGEST_ANSWER.short);
  if (!everything) return { describe, count };
  const { random, popular, adversarial } = examination.pope;
  return {
    describe,
    count,
    pope: {
      random: await answers(engine, examination, random, LONGEST_ANSWER.short),
      popular: await answers(engine, examination, popular, LONGEST_ANSWER.short),
      adversarial: await answers(engine, examination, adversarial, LONGEST_ANSWER.short),
    },
  };
}

async function clipScores(engine: Engine, { scenes, captions }: Examination): Promise<ClipScores> {
  const block: number[][] = [];
  const added: number[] = [];
  for (const [i, scene] of scenes.entries()) {
    const first = i - (i % RANKING_CANDIDATES);
    const clean = captions.slice(first, first + RANKING_CANDIDATES).map((caption) => caption.clean);
    const image = await sceneImage(scene);
    const scores = await engine.clipScore({ image, texts: [...clean, captions[i].added] });
    block.push(scores.slice(0, -1));
    added.push(scores.at(-1)!);
  }
  return { block, added };
}

/** Loads the bundled models, takes the examination and grades it, and the answers in `other` beside it. */
async function examine(size: number, everything: boolean, other: VlmAnswers | null) {
  const engine = new EngineClient({ baseUrl: new URL('/models/', location.href).href });
  const { device } = await engine.load({ vlm: 'toybox-vlm', clip: 'toybox-clip' });
  const examination = heldOutExamination(size);
  const clip = gradeClip(await clipScores(engine, examination));
  const given = await vlmAnswers(engine, examination, everything);
  engine.dispose();
  const same = (mine: readonly string[] = [], theirs: readonly string[] = []) =>
    `${mine.filter((text, i) => text.trim() === theirs[i]?.trim()).length} of ${mine.length}`;
  return {
    adapter: device.adapter,
    page: { ...gradeVlm(examination, given), clip },
    ...(other && {
      transformers: gradeVlm(examination, everything ? other : { describe: other.describe, count: other.count }),
      sameAnswers: {
        describe: same(given.describe, other.describe),
        count: same(given.count, other.count),
        ...(everything && { adversarial: same(given.pope?.adversarial, other.pope?.adversarial) }),
      },
    }),
  };
}

Object.assign(globalThis, { examine });
