/**
 * The head over the vocabulary: what it says of tokens, without the logits ever existing. Hidden state, head,
 * log-softmax and gather are one pair of kernels, tile by tile.
 */
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { headDivergenceCombine, headDivergenceTiles } from '../../kernels/head-divergence/kernel.ts';
import { headLogprobCombine, headLogprobTiles, headParts } from '../../kernels/head-logprob/kernel.ts';
import type { Weight } from '../../kernels/shared/weights.ts';

/** What the fused head says about each token: f32 [tokens], and u32 [tokens] for `topIds`. */
export interface TokenTensors {
  readonly logps: Tensor;
  readonly entropy: Tensor;
  readonly top1: Tensor;
  readonly topIds: Tensor;
  /** log Σ p² over the vocabulary: the logarithm of the chance that two draws agree. */
  readonly logCollision: Tensor;
  /** Logits of the targets: with `logps` they give the log-sum-exp that the backward pass needs. */
  readonly targetLogits: Tensor;
}

/** How far two models' next-token distributions are apart, per token: exact over the vocabulary, in nats. */
export interface DivergenceTensors {
  /** KL(policy ‖ reference), f32 [tokens]. */
  readonly klToReference: Tensor;
  /** KL(reference ‖ policy), f32 [tokens]. */
  readonly klFromReference: Tensor;
  /** Both models' hidden states before the head, f32 [2, tokens, hidden], and their log-sum-exps, f32 [2, tokens]. */
  readonly hidden: Tensor;
  readonly lse: Tensor;
}

export class Head {
  readonly #gpu: Gpu;
  readonly #weight: Weight;

  constructor(gpu: Gpu, weight: Weight) {
    this.#gpu = gpu;
    this.#weight = weight;
  }

  /** Kernels of `tokenLogprobs`. */
  get kernels(): readonly KernelSpec[] {
    return [headLogprobTiles[this.#weight.format], headLogprobCombine] as KernelSpec[];
  }

  /** Log-probability, entropy and largest probability per row of `hidden`, without ever holding the logits. */
  tokenLogprobs(scope: Scope, hidden: Tensor, targetIds: Uint32Array): TokenTensors {
    const tokens = targetIds.length;
    const head = this.#weight;
    const work = this.#gpu.scope('head log-probability');
    const parts = headParts(head.out);
    const targets = work.upload('u32', [tokens], targetIds, 'targets');
    const partials = work.tensor('f32', [parts, tokens, 4], 'partials');
    const partial_top = work.tensor('u32', [parts, tokens], 'partial top');
    const target_logits = scope.tensor('f32', [tokens], 'target logits');
    this.#gpu.run(headLogprobTiles[head.format], {
      x: hidden,
      weights: head.tensor,
      targets,
      partials,
      partial_top,
      target_logits,
    });
    const logps = scope.tensor('f32', [tokens], 'logps');
    const entropy = scope.tensor('f32', [tokens], 'entropy');
    const top1 = scope.tensor('f32', [tokens], 'top1');
    const topIds = scope.tensor('u32', [tokens], 'top ids');
    const logCollision = scope.tensor('f32', [tokens], 'log collision');
    this.#gpu.run(headLogprobCombine, {
      partials,
      partial_top,
      target_logits,
      logps,
      entropy,
      top1,
      top_id: topIds,
      log_collision: logCollision,
    });
    work.dispose();
    return { logps, entropy, top1, topIds, logCollision, targetLogits: target_logits };
  }

  /** Compiles what `divergence` runs, which few uses of the model need. */
  prepareDivergence(): Promise<void> {
    const head = this.#weight;
    return this.#gpu.prepare([headDivergenceTiles[head.format], headDivergenceCombine] as KernelSpec[]);
  }

  /**
   * Divergence of the policy's next-token distributions from the reference's, without ever holding the logits.
   * @param policy hidden states before the head, f32 [tokens, hidden], and `reference` those of the same tokens.
   */
  divergence(scope: Scope, policy: Tensor, reference: Tensor): DivergenceTensors {
    const head = this.#weight;
    const tokens = policy.rows;
    const hidden = scope.tensor('f32', [2, tokens, policy.cols], 'hidden of both models');
    this.#gpu.copy(policy, hidden);
    this.#gpu.copy(reference, hidden, { toIndex: policy.size });
    const klToReference = scope.tensor('f32', [tokens], 'KL to the reference');
    const klFromReference = scope.tensor('f32', [tokens], 'KL from the reference');
    const lse = scope.tensor('f32', [2, tokens], 'log-sum-exps');
    const work = this.#gpu.scope('head divergence');
    const partials = work.tensor('f32', [headParts(head.out), tokens, 2, 4], 'divergence partials');
    this.#gpu.run(headDivergenceTiles[head.format], { x: hidden, weights: head.tensor, partials });
    this.#gpu.run(headDivergenceCombine, {
      partials,
      kl_to_reference: klToReference,
      kl_from_reference: klFromReference,
      lse,
    });
    work.dispose();
    return { klToReference, klFromReference, hidden, lse };
  }
}
