/**
 * One study, driven by `run.mjs`: held-out descriptions of the frozen model, then per seed and objective CLIP-ranked
 * pairs, training with the product's defaults, and the same descriptions again.
 */
import { EngineClient } from '../../src/engine/client.ts';
import type { ImageInput, StepMetrics, TrainingConfig } from '../../src/engine/engine.ts';
import { toyboxExam } from '../../src/preference/examinations.ts';
import { evaluateHeldOut, type HeldOutReport } from '../../src/preference/heldout.ts';
import { sceneImage } from '../../src/state/scenes.ts';
import { mentionedNouns, randomScene, type Scene, sceneTruth } from '../../src/toybox/index.ts';
import { type RankedPair, rankedPairs, type Sampling } from './pairs.ts';

export interface StudyOptions {
  readonly pairs: number;
  /** Scenes sampled for the pairs of a seed. */
  readonly images: number;
  readonly seeds: readonly number[];
  readonly trainings: readonly StudyTraining[];
  /** Held-out scenes. */
  readonly scenes: number;
  /** Deviations from the page's way of sampling the answers that become pairs. */
  readonly sampling: Partial<Sampling>;
  readonly vlm: string;
  readonly clip: string;
}

/** What is trained on the pairs of every seed. */
export interface StudyTraining {
  /** Tells it apart in table and figure. */
  readonly name: string;
  readonly objective: string;
  /** Deviations from the defaults of objective and trainer. */
  readonly hyperparameters?: Readonly<Record<string, number>>;
  readonly config?: Partial<TrainingConfig>;
}

type Grades = Pick<
  HeldOutReport,
  'chairI' | 'chairS' | 'cover' | 'precision' | 'f1' | 'mentions' | 'hallucinated' | 'captions'
>;

export interface StudyRun {
  readonly seed: number;
  /** Of the training. */
  readonly name: string;
  readonly config: TrainingConfig;
  readonly metrics: readonly StepMetrics[];
  readonly after: Grades;
  readonly seconds: number;
}

export interface StudyPairs {
  readonly seed: number;
  /** Share of pairs whose rejected answer invents more objects than the chosen one, and the reverse. */
  readonly rejectedInventsMore: number;
  readonly chosenInventsMore: number;
  readonly examples: readonly { readonly chosen: string; readonly rejected: string }[];
}

export interface StudyResult {
  readonly adapter: string;
  readonly isFallback: boolean;
  readonly options: StudyOptions;
  readonly before: Grades;
  readonly pairs: readonly StudyPairs[];
  readonly runs: readonly StudyRun[];
}

declare global {
  interface Window {
    study: (options: StudyOptions) => Promise<StudyResult>;
    /** Puts the result so far into files. */
    keepStudy: (result: StudyResult) => Promise<unknown>;
  }
}

const tell = (text: string): void => console.log(text);

/** Pictures by scene: answers about a picture share its visual tokens. */
const picture = async (scene: Scene): Promise<ImageInput> => {
  const { id, blob } = await sceneImage(scene);
  return { id, blob };
};

const invented = (answer: string, scene: number): number => {
  const { objects } = sceneTruth(randomScene(scene));
  return mentionedNouns(answer).filter((noun) => !objects.includes(noun)).length;
};

function describePairs(seed: number, pairs: readonly RankedPair[]): StudyPairs {
  const difference = pairs.map(({ rejected, chosen, scene }) => invented(rejected, scene) - invented(chosen, scene));
  const share = (test: (value: number) => boolean) => difference.filter(test).length / pairs.length;
  return {
    seed,
    rejectedInventsMore: share((value) => value > 0),
    chosenInventsMore: share((value) => value < 0),
    examples: pairs.slice(0, 3).map(({ chosen, rejected }) => ({ chosen, rejected })),
  };
}

const grades = ({ chairI, chairS, cover, precision, f1, mentions, hallucinated, captions }: HeldOutReport): Grades => ({
  chairI,
  chairS,
  cover,
  precision,
  f1,
  mentions,
  hallucinated,
  captions,
});

window.study = async (options) => {
  const engine = new EngineClient({ baseUrl: new URL('/models/', location.href).href });
  const { device } = await engine.load({ vlm: options.vlm, clip: options.clip });
  const { scenes } = options;
  const exam = toyboxExam(scenes, picture);
  const heldOut = async (model: 'policy' | 'reference') => {
    const report = grades(await evaluateHeldOut(engine, exam, { model }));
    tell(
      `  held-out ${model}: CHAIR-i ${(100 * report.chairI).toFixed(1)} %, cover ${(100 * report.cover).toFixed(1)} %`,
    );
    return report;
  };
  tell(`${device.adapter}; ${scenes} held-out scenes`);
  const before = await heldOut('reference');
  const pairReports: StudyPairs[] = [];
  const runs: StudyRun[] = [];
  const { adapter, isFallback } = device;
  const result = (): StudyResult => ({ adapter, isFallback, options, before, pairs: pairReports, runs });
  for (const seed of options.seeds) {
    const pairs = await rankedPairs(engine, {
      pairs: options.pairs,
      images: options.images,
      sampling: options.sampling,
      seed,
      picture,
      onProgress: (done, total) => done % 16 === 0 && tell(`  seed ${seed}: ${done} of ${total} scenes sampled`),
    });
    pairReports.push(describePairs(seed, pairs));
    for (const { name, objective, hyperparameters = {}, config: changes } of options.trainings) {
      await engine.adapter.reset();
      const start = performance.now();
      const metrics: StepMetrics[] = [];
      let config: TrainingConfig | undefined;
      const request = { pairs, objective, hyperparameters, config: { ...changes, seed, save_steps: 0 } };
      for await (const event of engine.train(request)) {
        if (event.type === 'plan') config = event.plan.config;
        if (event.type === 'step') metrics.push(event.metrics);
        if (event.type === 'step' && event.metrics.step % 10 === 0) {
          tell(`  seed ${seed}, ${name}: step ${event.metrics.step}, loss ${event.metrics.loss.toFixed(3)}`);
        }
      }
      const seconds = (performance.now() - start) / 1000;
      const last = metrics.at(-1)!;
      tell(
        `  seed ${seed}, ${name}: ${metrics.length} steps in ${seconds.toFixed(0)} s, loss ${last.loss.toFixed(3)}, margin ${last['rewards/margins']?.toFixed(3) ?? 'unknown'}`,
      );
      runs.push({ seed, name, config: config!, metrics, after: await heldOut('policy'), seconds });
      await window.keepStudy(result());
    }
  }
  engine.dispose();
  return result();
};
