/** Gradients by jax-js, the way its users write them: the forward pass under `jit(valueAndGrad(..))`. */
import { type Array as JaxArray, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';
import type { AttentionCase, HeadGradientCase } from '../cases.ts';
import type { Contender } from '../contender.ts';
import { type AttentionInputs, attentionValues, type HeadGradientInputs } from '../training-inputs.ts';
import { largestLogits, pickedLogprobs, running, startJax } from './jax.ts';

export async function jaxHeadGradient(
  { tokens, width, vocab }: HeadGradientCase,
  inputs: HeadGradientInputs,
): Promise<Contender> {
  await startJax();
  const hidden = np.array(inputs.hidden, { shape: [tokens, width] });
  const weights = np.array(inputs.weights, { shape: [vocab, width] });
  const targets = np.array(Int32Array.from(inputs.targets), { shape: [tokens], dtype: np.int32 });
  const dLogps = np.array(inputs.dLogps, { shape: [tokens] });
  const step = jit(
    valueAndGrad((h: JaxArray, w: JaxArray, t: JaxArray, d: JaxArray) => pickedLogprobs(h, w, t).mul(d).sum()),
  );
  const compute = () => {
    const [loss, dHidden] = step(hidden.ref, weights.ref, targets.ref, dLogps.ref) as [JaxArray, JaxArray];
    return [dHidden, loss];
  };
  return running(compute, [hidden, weights, targets, dLogps], largestLogits(vocab));
}

export async function jaxAttention(
  { tokens, heads, kvHeads, headDim }: AttentionCase,
  inputs: AttentionInputs,
): Promise<Contender> {
  await startJax();
  const q = np.array(inputs.q, { shape: [tokens, heads, headDim] });
  const k = np.array(inputs.k, { shape: [tokens, kvHeads, headDim] });
  const v = np.array(inputs.v, { shape: [tokens, kvHeads, headDim] });
  const dy = np.array(inputs.dy, { shape: [tokens, heads, headDim] });
  const attend = (query: JaxArray, key: JaxArray, value: JaxArray, d: JaxArray): [JaxArray, JaxArray] => {
    const y = nn.dotProductAttention(query, key, value, { isCausal: true });
    return [y.ref.mul(d).sum(), y];
  };
  const step = jit(valueAndGrad(attend, { argnums: [0, 1, 2], hasAux: true }));
  const compute = () => {
    type Outputs = [[JaxArray, JaxArray], JaxArray[]];
    const [[loss, y], gradients] = step(q.ref, k.ref, v.ref, dy.ref) as unknown as Outputs;
    return [y, ...gradients, loss];
  };
  const gather = (outputs: readonly Float32Array[]) => attentionValues(inputs, outputs.slice(0, 4));
  return running(compute, [q, k, v, dy], undefined, gather);
}
