/** A decoder pass that ends in the head: from sequences to log-probabilities, and from their gradient to the adapter's. */
import { EngineError } from '../../errors.ts';
import { addScaled } from '../../kernels/add-scaled/kernel.ts';
import { gatherRowsBackward } from '../../kernels/gather-rows/kernel.ts';
import type { KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { headDivergenceBackward } from '../../kernels/head-divergence/kernel.ts';
import { headLogprobBackward, headSlab } from '../../kernels/head-logprob/kernel.ts';
import { linearBackward } from '../../kernels/linear/kernel.ts';
import { loraDropout, loraDropoutBackward } from '../../kernels/lora-dropout/kernel.ts';
import { rmsNormBackward } from '../../kernels/rms-norm/kernel.ts';
import type { Decoder } from './decoder.ts';
import { DecoderPass } from './decoder-pass.ts';
import type { DivergenceTensors, TokenTensors } from './head.ts';
import { layerBackwardKernels } from './layer-backward.ts';
import type { ScoreLayout } from './layout.ts';
import type { LoraAdapter } from './lora.ts';

/** Compiles the kernels of the backward pass. */
export function prepareTraining(decoder: Decoder): Promise<void> {
  const { head } = decoder.weights;
  return decoder.gpu.prepare([
    ...layerBackwardKernels(decoder.weights),
    addScaled as KernelSpec,
    gatherRowsBackward as KernelSpec,
    rmsNormBackward as KernelSpec,
    headLogprobBackward[head.format] as KernelSpec,
    linearBackward[head.format] as KernelSpec,
    [linearBackward[head.format] as KernelSpec, { ACCUMULATE: 1 }],
  ]);
}

/** Compiles what an adapter with dropout needs beside that. */
export function prepareDropout(decoder: Decoder): Promise<void> {
  return decoder.gpu.prepare([loraDropout as KernelSpec, loraDropoutBackward as KernelSpec]);
}

/** Compiles what `TrainingPass.diverge` and its gradient need beside that. */
export function prepareDivergence(decoder: Decoder): Promise<void> {
  const backward = headDivergenceBackward[decoder.weights.head.format] as KernelSpec;
  return Promise.all([decoder.head.prepareDivergence(), decoder.gpu.prepare([backward])]).then(() => undefined);
}

/** Made by `policy.trainingPass(sequences, adapter)`; the forward pass is recorded by then. Dispose it. */
export class TrainingPass {
  /** Log-probability of every response token, f32 [tokens]: all sequences one after another. */
  readonly logps: Tensor;
  /** Sequence s has tokens starts[s] .. starts[s + 1] - 1. */
  readonly starts: readonly number[];
  readonly #decoder: Decoder;
  readonly #layout: ScoreLayout;
  readonly #pass: DecoderPass;
  readonly #scores: TokenTensors;
  #divergence: DivergenceTensors | undefined;

  constructor(decoder: Decoder, adapter: LoraAdapter, layout: ScoreLayout) {
    this.#decoder = decoder;
    this.#layout = layout;
    this.#pass = new DecoderPass(decoder, adapter, layout, layout.predictedBy);
    try {
      decoder.gpu.phases.begin('forward');
      this.#scores = decoder.head.tokenLogprobs(this.#pass.scope, this.#pass.hidden, layout.targets);
      decoder.gpu.phases.begin('loss');
    } catch (error) {
      this.#pass.dispose();
      throw error;
    }
    this.logps = this.#scores.logps;
    this.starts = layout.starts;
  }

  /** Scores beside the log-probabilities: entropy and top-1 of every response token. */
  get scores(): TokenTensors {
    return this.#scores;
  }

  /** The final hidden state that predicts each response token, f32 [tokens, hidden]: for losses that look at more than one logit. */
  get hidden(): Tensor {
    return this.#pass.hidden;
  }

  /** Rows of the decoder: shared prompts, and answers. */
  get rows(): number {
    return this.#pass.rows;
  }

  /** Response tokens in all. */
  get tokens(): number {
    return this.#layout.targets.length;
  }

  /**
   * Records the reference's forward pass over the same rows (the adapter off) and how far the policy's next-token
   * distribution is from the reference's at every response token, so that `backward` can take a gradient through it.
   * The tensors live as long as the pass.
   */
  diverge(): DivergenceTensors {
    const { gpu } = this.#decoder;
    const work = gpu.scope('reference forward');
    try {
      gpu.phases.begin('reference');
      const stream = this.#decoder.forward(work, this.#layout, 'many');
      const reference = this.#decoder.normed(work, stream, this.#layout.predictedBy);
      this.#divergence = this.#decoder.head.divergence(this.#pass.scope, this.hidden, reference);
      gpu.phases.begin('loss');
      return this.#divergence;
    } finally {
      work.dispose();
    }
  }

  /**
   * Records the backward pass, once, and gives the kept activations back.
   * @param dLogps f32 [tokens]: d(loss) / d(logps).
   * @param gradients f32 [adapter.plan.size], in the places of `adapter.parameters`; d(loss) / d(parameters) is added.
   * @param more.dHidden f32 [tokens, hidden]: what the loss takes from the hidden states on other ways than `logps`.
   * @param more.dKlFromReference f32 [tokens]: d(loss) / d(KL(reference ‖ policy)), after `diverge`.
   * @throws EngineError when called again, and for the gradient of a divergence that was never asked for.
   */
  backward(dLogps: Tensor, gradients: Tensor, more: { dHidden?: Tensor; dKlFromReference?: Tensor } = {}): void {
    const { dHidden, dKlFromReference } = more;
    if (dKlFromReference && !this.#divergence)
      throw new EngineError('Call diverge() before backward takes its gradient.');
    this.#pass.backward((scope) => {
      const throughHead = this.#head(scope, dLogps, dKlFromReference);
      if (dHidden) {
        const flat = [dHidden.size];
        this.#decoder.gpu.run(addScaled, { x: dHidden.reshape(flat), y: throughHead.reshape(flat) }, { scale: 1 });
      }
      return throughHead;
    }, gradients);
  }

  /** Gives everything back. */
  dispose(): void {
    this.#pass.dispose();
  }

  /** Gradient of the hidden states through head and log-softmax, a slab of the vocabulary at a time. */
  #head(work: Scope, dLogps: Tensor, dKl: Tensor | undefined): Tensor {
    const { gpu, weights } = this.#decoder;
    const { head } = weights;
    const slab = headSlab(head.out);
    const targets = work.upload('u32', [this.tokens], this.#layout.targets, 'targets');
    const d_logits = work.tensor('f32', [this.tokens, slab], 'd(logits)');
    const dHidden = work.tensor('f32', this.hidden.shape, 'd(hidden)');
    for (let first = 0; first < head.out; first += slab) {
      const both = { weights: head.tensor, targets, d_logps: dLogps, d_logits };
      if (dKl) {
        const { hidden: x, lse } = this.#divergence!;
        gpu.run(headDivergenceBackward[head.format], { ...both, x, lse, d_kl: dKl }, { first });
      } else {
        const scores = { x: this.hidden, target_logits: this.#scores.targetLogits, logps: this.logps };
        gpu.run(headLogprobBackward[head.format], { ...both, ...scores }, { first });
      }
      const tensors = { dy: d_logits, weights: head.tensor, dx: dHidden };
      gpu.run(linearBackward[head.format], tensors, { first }, { ACCUMULATE: first === 0 ? 0 : 1 });
    }
    return dHidden;
  }
}
