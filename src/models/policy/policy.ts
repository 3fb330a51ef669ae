/**
 * The policy: the VLM's text decoder on our own kernels. It scores given responses and samples new ones; both give
 * the same numbers for the same tokens.
 */
import { throwIfCancelled } from '../../errors.ts';
import type { Gpu, Scope, Tensor } from '../../kernels/gpu/index.ts';
import type { Safetensors } from '../weights/safetensors.ts';
import type { LlamaConfig } from './config.ts';
import { Decoder } from './decoder.ts';
import { DecoderPass } from './decoder-pass.ts';
import { type GeneratedToken, type GenerateRequest, generate } from './generate.ts';
import type { DivergenceTensors, TokenTensors } from './head.ts';
import { checkSequence, layoutLast, layoutScore, type ScoreLayout, type SequenceInput } from './layout.ts';
import { LoraAdapter, type LoraConfig, type LoraPlan, planLora } from './lora.ts';
import { rowBatches } from './row-batches.ts';
import { prepareDivergence, prepareDropout, prepareTraining, TrainingPass } from './training-pass.ts';
import { loadWeights } from './weights.ts';

/** Per response token, of the untempered distribution. */
export interface SequenceScore {
  /** Natural log-probabilities. */
  readonly logps: Float32Array;
  /** Entropy of the next-token distribution, nats. */
  readonly entropy: Float32Array;
  /** Probability of the most likely token. */
  readonly top1: Float32Array;
  /** The most likely token. */
  readonly topIds: Uint32Array;
}

/** Per response token, nats: exact over the whole vocabulary, given the tokens before. */
export interface SequenceDivergence {
  /** KL(policy ‖ reference): what a KL penalty holds, where the tokens are the policy's own. */
  readonly klToReference: Float32Array;
  /** KL(reference ‖ policy): what TDPO adds up along an answer. */
  readonly klFromReference: Float32Array;
}

export interface ScoreOptions {
  readonly signal?: AbortSignal;
  /** Scores under the policy; without it, under the reference. */
  readonly adapter?: LoraAdapter;
  /** Sequences done and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Scores that stay on the GPU: all sequences' response tokens one after another. */
export interface ScoreTensors extends TokenTensors {
  /** Sequence s has tokens starts[s] .. starts[s + 1] - 1. */
  readonly starts: readonly number[];
}

/** One batch under both models; everything in the order of `policy.starts`. */
export interface ComparisonTensors {
  readonly policy: ScoreTensors;
  readonly reference: ScoreTensors;
  readonly divergence: DivergenceTensors;
}

export class Policy {
  readonly config: LlamaConfig;
  readonly #gpu: Gpu;
  readonly #decoder: Decoder;
  readonly #scope: Scope;

  private constructor(decoder: Decoder) {
    this.config = decoder.config;
    this.#gpu = decoder.gpu;
    this.#decoder = decoder;
    this.#scope = decoder.scope;
  }

  /**
   * Uploads the weights in the file's own precision and compiles the kernels.
   * @throws ModelFileError when the file does not hold the decoder that `config` describes; OutOfMemoryError.
   */
  static async load(gpu: Gpu, config: LlamaConfig, file: Safetensors): Promise<Policy> {
    const scope = gpu.scope('policy');
    try {
      const decoder = new Decoder(gpu, config, loadWeights(scope, config, file), scope);
      await decoder.prepare();
      return new Policy(decoder);
    } catch (error) {
      scope.dispose();
      throw error;
    }
  }

  /**
   * Log-probability, entropy and top-1 of every response token.
   * @throws InputError with the numbers when the sequence cannot be scored; CancelledError.
   */
  async score(input: SequenceInput & ScoreOptions): Promise<SequenceScore> {
    return (await this.scoreMany([input], input))[0];
  }

  /**
   * Scores of several sequences, in batches of rows; sequences with the same prompt and picture share its rows.
   * The signal is heard between batches.
   * @throws InputError, CancelledError as `score`.
   */
  async scoreMany(sequences: readonly SequenceInput[], options: ScoreOptions = {}): Promise<SequenceScore[]> {
    const scores: SequenceScore[] = [];
    for (const batch of rowBatches(sequences, rowsOf)) {
      throwIfCancelled(options.signal);
      const scope = this.#gpu.scope('score');
      try {
        const { starts, ...tensors } = this.scoreTensors(scope, batch, options.adapter);
        const { logps, entropy, top1, topIds } = tensors;
        const [l, e, t, ids] = await this.#gpu.readAll([logps, entropy, top1, topIds]);
        for (let s = 0; s < batch.length; s++) {
          const [from, to] = [starts[s], starts[s + 1]];
          scores.push({
            logps: l.slice(from, to) as Float32Array,
            entropy: e.slice(from, to) as Float32Array,
            top1: t.slice(from, to) as Float32Array,
            topIds: ids.slice(from, to) as Uint32Array,
          });
        }
      } finally {
        scope.dispose();
      }
      options.onProgress?.(scores.length, sequences.length);
    }
    return scores;
  }

  /**
   * Records the scoring of all sequences as one batch and leaves the results on the GPU, in `scope`: for reductions
   * of per-token differences.
   * @throws InputError as `score`.
   */
  scoreTensors(scope: Scope, sequences: readonly SequenceInput[], adapter?: LoraAdapter): ScoreTensors {
    const layout = this.#layout(sequences);
    const work = this.#gpu.scope('score forward');
    try {
      const hidden = this.#hidden(work, layout, adapter);
      return { ...this.#decoder.head.tokenLogprobs(scope, hidden, layout.targets), starts: layout.starts };
    } finally {
      work.dispose();
    }
  }

  /**
   * Records the scoring of all sequences as one batch under policy and reference, and how far the two are apart; the
   * results stay on the GPU, in `scope`.
   * @throws InputError as `score`.
   */
  comparisonTensors(scope: Scope, sequences: readonly SequenceInput[], adapter: LoraAdapter): ComparisonTensors {
    const layout = this.#layout(sequences);
    const { targets, starts } = layout;
    const work = this.#gpu.scope('comparison');
    try {
      const [policy, reference] = [adapter, undefined].map((each) => this.#hidden(work, layout, each));
      return {
        policy: { ...this.#decoder.head.tokenLogprobs(scope, policy, targets), starts },
        reference: { ...this.#decoder.head.tokenLogprobs(scope, reference, targets), starts },
        divergence: this.#decoder.head.divergence(scope, policy, reference),
      };
    } finally {
      work.dispose();
    }
  }

  /**
   * How far the policy's next-token distributions are from the reference's at every response token, in batches of rows
   * as `scoreMany`. Without an adapter the two are one model, and all is 0.
   * @throws InputError, CancelledError as `score`.
   */
  async divergence(
    sequences: readonly SequenceInput[],
    { adapter, signal, onProgress }: ScoreOptions = {},
  ): Promise<SequenceDivergence[]> {
    await this.#decoder.head.prepareDivergence();
    const divergences: SequenceDivergence[] = [];
    for (const batch of rowBatches(sequences, rowsOf)) {
      throwIfCancelled(signal);
      const scope = this.#gpu.scope('divergence');
      try {
        const layout = this.#layout(batch);
        const [policy, reference] = [adapter, undefined].map((each) => this.#hidden(scope, layout, each));
        const { klToReference, klFromReference } = this.#decoder.head.divergence(scope, policy, reference);
        const [to, from] = (await this.#gpu.readAll([klToReference, klFromReference])) as Float32Array[];
        for (const s of batch.keys()) {
          const own = [layout.starts[s], layout.starts[s + 1]] as const;
          divergences.push({ klToReference: to.slice(...own), klFromReference: from.slice(...own) });
        }
      } finally {
        scope.dispose();
      }
      onProgress?.(divergences.length, sequences.length);
    }
    return divergences;
  }

  /** Samples answers to prompts side by side and yields their tokens as they come; see `generate.ts`. */
  generate(request: GenerateRequest): AsyncGenerator<GeneratedToken> {
    return generate(this.#decoder, request);
  }

  /**
   * Names, places and size of an adapter for this model, before anything is allocated.
   * @throws InputError for a rank, alpha or target that cannot be used.
   */
  planLora(lora?: Partial<LoraConfig>): LoraPlan {
    return planLora(this.config, this.#decoder.weights.modulePath, lora);
  }

  /**
   * A new adapter; it acts where it is given to `score`, `generate` or `trainingPass`. Dispose it.
   * @throws InputError as `planLora`; OutOfMemoryError.
   */
  createAdapter(lora?: Partial<LoraConfig>): LoraAdapter {
    return new LoraAdapter(this.#gpu, this.planLora(lora));
  }

  /** Compiles what the backward pass needs; with `divergence`, also through `TrainingPass.diverge`; with `dropout`, that. */
  async prepareTraining({ divergence = false, dropout = false } = {}): Promise<void> {
    const decoder = this.#decoder;
    await Promise.all([
      prepareTraining(decoder),
      divergence && prepareDivergence(decoder),
      dropout && prepareDropout(decoder),
    ]);
  }

  /**
   * Records the forward pass of one micro-batch, ready for its backward pass. Sequences with the same prompt and
   * picture share its rows, and with them the masks of dropout.
   * @throws InputError as `score`; OutOfMemoryError.
   */
  trainingPass(sequences: readonly SequenceInput[], adapter: LoraAdapter): TrainingPass {
    return new TrainingPass(this.#decoder, adapter, this.#layout(sequences));
  }

  /** Hidden states before the head of the rows that predict, f32 [tokens, hidden]. */
  #hidden(scope: Scope, layout: ScoreLayout, adapter: LoraAdapter | undefined): Tensor {
    const work = this.#gpu.scope('forward');
    try {
      const stream = this.#decoder.forward(work, layout, 'many', { adapter });
      return this.#decoder.normed(scope, stream, layout.predictedBy);
    } finally {
      work.dispose();
    }
  }

  /**
   * Records the forward pass of one micro-batch up to the final hidden state of each sequence's last token, ready for
   * its backward pass: for a reward model, whose score layer stands there.
   * @throws InputError as `score`; OutOfMemoryError.
   */
  scoringPass(sequences: readonly SequenceInput[], adapter: LoraAdapter): DecoderPass {
    for (const sequence of sequences) checkSequence(this.config, sequence);
    const { last, ...layout } = layoutLast(sequences);
    return new DecoderPass(this.#decoder, adapter, layout, last);
  }

  #layout(sequences: readonly SequenceInput[]): ScoreLayout {
    for (const sequence of sequences) checkSequence(this.config, sequence);
    return layoutScore(sequences);
  }

  /** Gives the weights' memory back. */
  dispose(): void {
    this.#scope.dispose();
  }
}

/** Rows of a sequence scored alone. */
const rowsOf = ({ promptIds, responseIds }: SequenceInput): number => promptIds.length + responseIds.length;
