/** Examinations of a run on held-out Toybox scenes: the reference once per model, the policy whenever asked. */
import type { CallOptions, Engine, ImageInput } from '../../engine/engine.ts';
import { evaluateHeldOut } from '../../preference/heldout.ts';
import type { Scene } from '../../toybox/index.ts';
import { sceneImage } from '../scenes.ts';
import type { HeldOutPoint, RunRecord } from '../state.ts';
import type { MetricsLog } from './metrics.ts';

async function picture(scene: Scene): Promise<ImageInput> {
  const { id, blob } = await sceneImage(scene);
  return { id, blob };
}

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

const clamped = ({ scenes, popeScenes }: Extent): Extent => ({ scenes, popeScenes: Math.min(popeScenes, scenes) });

const keyOf = ({ vlm }: RunRecord, extent: Extent): string => JSON.stringify([vlm, clamped(extent)]);

/** Whether a point of a run is its reference on just these scenes. */
function isBefore({ step, scenes, pope }: HeldOutPoint, extent: Extent): boolean {
  return step === 0 && scenes === extent.scenes && (pope?.scenes ?? 0) === clamped(extent).popeScenes;
}

export class Examiner {
  #engine: Pick<Engine, 'sampleBatch'>;
  /** The reference never changes, so its point is computed once per model and extent. */
  #reference = new Map<string, HeldOutPoint>();

  constructor(engine: Pick<Engine, 'sampleBatch'>) {
    this.#engine = engine;
  }

  /** What the reference says on these scenes, if it has been asked in this visit or by this run. */
  known(run: RunRecord, extent: Extent): HeldOutPoint | undefined {
    return this.#reference.get(keyOf(run, extent)) ?? run.heldOut.find((point) => isBefore(point, extent));
  }

  /** The point before training (step 0): the reference's, computed where it is not known. */
  async before(run: RunRecord, extent: Extent, options: CallOptions, parts = 1): Promise<HeldOutPoint> {
    const at = { step: 0, margin: 0 };
    const point = this.known(run, extent) ?? (await this.#point('reference', clamped(extent), at, options, [0, parts]));
    this.#reference.set(keyOf(run, extent), point);
    return point;
  }

  /** The run's points with a fresh one for the present policy, and one for the reference (step 0). */
  async examine(
    run: RunRecord,
    log: MetricsLog,
    given: Extent,
    options: CallOptions,
  ): Promise<readonly HeldOutPoint[]> {
    const extent = clamped(given);
    const { scenes } = extent;
    const parts = this.known(run, extent) ? 1 : 2;
    const reference = await this.before(run, extent, options, parts);
    const { start, now } = driven(log, run);
    const at = { step: run.step, margin: now };
    const point = await this.#point('policy', extent, at, options, [parts - 1, parts]);
    // Points over another number of scenes are no part of the same curve.
    const earlier = run.heldOut.filter((each) => each.step > 0 && each.step < run.step && each.scenes === scenes);
    return [{ ...reference, margin: start }, ...earlier, point];
  }

  /** @param part of how many: both models are asked the same. */
  async #point(
    model: 'policy' | 'reference',
    extent: Extent,
    at: Pick<HeldOutPoint, 'step' | 'margin'>,
    { signal, onProgress }: CallOptions,
    [part, parts]: readonly [number, number],
  ): Promise<HeldOutPoint> {
    const { chairI, cover, f1, answers, pope } = await evaluateHeldOut(this.#engine, {
      ...extent,
      model,
      picture,
      signal,
      onProgress: (done, total) => onProgress?.(part * total + done, parts * total),
    });
    const accuracies = pope && {
      scenes: extent.popeScenes,
      random: pope.random.accuracy,
      popular: pope.popular.accuracy,
      adversarial: pope.adversarial.accuracy,
    };
    const { scenes } = extent;
    return { ...at, scenes, chairI, cover, f1, ...(accuracies && { pope: accuracies }), example: answers[0] ?? '' };
  }
}
