/**
 * Examinations of a run on held-out pictures of its model's world: the reference once per model, the policy whenever
 * asked.
 */
import type { CallOptions, Engine, World } from '../../engine/engine.ts';
import { type Exam, type ExamTools, examinationFor } from '../../preference/examinations.ts';
import { evaluateHeldOut } from '../../preference/heldout.ts';
import { photographInput } from '../photographs.ts';
import { sceneImage } from '../scenes.ts';
import type { HeldOutPoint, RunRecord } from '../state.ts';
import type { MetricsLog } from './metrics.ts';

const mean = (values: Float64Array): number =>
  values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;

/**
 * What the run drives up, at its start and now: margins, or the reward of sampled answers. Means of an epoch, because
 * single batches differ too much to compare. Before the first step the margin is 0, and the reward the reference's.
 */
function driven(log: MetricsLog, { reward, stepsPerEpoch }: RunRecord): { start: number; now: number } {
  const values = log.column(reward ? 'reward' : 'rewards/margins');
  const window = Math.max(1, stepsPerEpoch);
  const now = mean(values.subarray(Math.max(0, values.length - window)));
  return { start: reward ? mean(values.subarray(0, window)) : 0, now };
}

/** How much is looked at. */
export interface Extent {
  readonly scenes: number;
  /** Of these, how many are asked about. */
  readonly popeScenes: number;
}

/** How much of which world is looked at. */
export interface WorldExtent extends Extent {
  readonly world: World;
}

const clamped = ({ world, scenes, popeScenes }: WorldExtent): WorldExtent => ({
  world,
  scenes,
  popeScenes: Math.min(popeScenes, scenes),
});

const keyOf = ({ vlm }: RunRecord, extent: WorldExtent): string => JSON.stringify([vlm, clamped(extent)]);

/** Of which world a point tells. */
export const worldOf = ({ world = 'toybox' }: HeldOutPoint): World => world;

/** Whether a point tells of just these pictures: others are no part of the same curve. */
export function isAbout(point: HeldOutPoint, { world, scenes }: Pick<WorldExtent, 'world' | 'scenes'>): boolean {
  return point.scenes === scenes && worldOf(point) === world;
}

/** Whether a point of a run is its reference on just these pictures. */
function isBefore(point: HeldOutPoint, extent: WorldExtent): boolean {
  return point.step === 0 && isAbout(point, extent) && (point.pope?.scenes ?? 0) === clamped(extent).popeScenes;
}

export class Examiner {
  #engine: Pick<Engine, 'sampleBatch' | 'look'>;
  /** The reference never changes, so its point is computed once per model and extent. */
  #reference = new Map<string, HeldOutPoint>();
  /** The newest examination: the same is mostly taken again. */
  #prepared: { readonly key: string; readonly exam: Exam } | null = null;

  constructor(engine: Pick<Engine, 'sampleBatch' | 'look'>) {
    this.#engine = engine;
  }

  /** What the reference says on these pictures, if it has been asked in this visit or by this run. */
  known(run: RunRecord, extent: WorldExtent): HeldOutPoint | undefined {
    return this.#reference.get(keyOf(run, extent)) ?? run.heldOut.find((point) => isBefore(point, extent));
  }

  /** The point before training (step 0): the reference's, computed where it is not known. */
  async before(run: RunRecord, extent: WorldExtent, options: CallOptions, parts = 1): Promise<HeldOutPoint> {
    const at = { step: 0, margin: 0 };
    const point = this.known(run, extent) ?? (await this.#point('reference', clamped(extent), at, options, [0, parts]));
    this.#reference.set(keyOf(run, extent), point);
    return point;
  }

  /** The run's points with a fresh one for the present policy, and one for the reference (step 0). */
  async examine(
    run: RunRecord,
    log: MetricsLog,
    given: WorldExtent,
    options: CallOptions,
  ): Promise<readonly HeldOutPoint[]> {
    const extent = clamped(given);
    const parts = this.known(run, extent) ? 1 : 2;
    const reference = await this.before(run, extent, options, parts);
    const { start, now } = driven(log, run);
    const at = { step: run.step, margin: now };
    const point = await this.#point('policy', extent, at, options, [parts - 1, parts]);
    const earlier = run.heldOut.filter((each) => each.step > 0 && each.step < run.step && isAbout(each, extent));
    return [{ ...reference, margin: start }, ...earlier, point];
  }

  /** @param part of how many: both models are asked the same. */
  async #point(
    model: 'policy' | 'reference',
    { world, scenes, popeScenes }: WorldExtent,
    at: Pick<HeldOutPoint, 'step' | 'margin'>,
    { signal, onProgress }: CallOptions,
    [part, parts]: readonly [number, number],
  ): Promise<HeldOutPoint> {
    const exam = await this.#exam(world, scenes, { signal, onProgress });
    const { chairI, cover, f1, answers, pope } = await evaluateHeldOut(this.#engine, exam, {
      popeScenes,
      model,
      signal,
      onProgress: (done, total) => onProgress?.(part * total + done, parts * total),
    });
    const accuracies = pope && {
      scenes: popeScenes,
      random: pope.random.accuracy,
      popular: pope.popular.accuracy,
      adversarial: pope.adversarial.accuracy,
    };
    const example = answers[0] ?? '';
    const about = { scenes, ...(world !== 'toybox' && { world }) };
    return { ...at, ...about, chairI, cover, f1, ...(accuracies && { pope: accuracies }), example };
  }

  async #exam(world: World, size: number, options: CallOptions): Promise<Exam> {
    const key = `${world} ${size}`;
    if (this.#prepared?.key !== key) {
      const tools: ExamTools = {
        drawn: async (scene) => {
          const { id, blob } = await sceneImage(scene);
          return { id, blob };
        },
        photograph: photographInput,
        look: (request, how) => this.#engine.look(request, how),
      };
      this.#prepared = { key, exam: await examinationFor(world).prepare(size, tools, options) };
    }
    return this.#prepared.exam;
  }
}
