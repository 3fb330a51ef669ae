/** A LoRA-DPO step on jax-js: `jit(valueAndGrad(loss))`, then clipping and AdamW in a second jitted function. */
import {
  blockUntilReady,
  getWebGPUDevice,
  type Array as JaxArray,
  jit,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from '@jax-js/jax';
import type { TrainingCase } from '../cases.ts';
import type { Contender } from '../contender.ts';
import { DPO_BETA, OPTIMIZER, type TrainingInputs } from '../training-inputs.ts';
import { startJax } from './jax.ts';
import { type JaxLora, type JaxWeights, jaxLogprobs, jaxLora, jaxWeights } from './jax-llama.ts';

/** As `torch.nn.utils.clip_grad_norm_`. */
const CLIP_EPSILON = 1e-6;

/** One update of every leaf: parameters, moments, and the gradients' norm before clipping. */
function adamw(
  parameters: JaxArray[],
  gradients: JaxArray[],
  first: JaxArray[],
  second: JaxArray[],
  correction1: JaxArray,
  correction2: JaxArray,
): [JaxArray[], JaxArray[], JaxArray[], JaxArray] {
  const { learning_rate, adam_beta1, adam_beta2, adam_epsilon, weight_decay, max_grad_norm } = OPTIMIZER;
  const squares = gradients.map((gradient) => np.square(gradient.ref).sum());
  const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)));
  const clip = np.minimum(np.reciprocal(norm.ref.add(CLIP_EPSILON)).mul(max_grad_norm), 1);
  const updated = parameters.map((parameter, i) => {
    const gradient = gradients[i]!.mul(clip.ref);
    const m = first[i]!.mul(adam_beta1).add(gradient.ref.mul(1 - adam_beta1));
    const v = second[i]!.mul(adam_beta2).add(np.square(gradient).mul(1 - adam_beta2));
    const root = np.sqrt(v.ref.div(correction2.ref)).add(adam_epsilon);
    const update = m.ref.div(correction1.ref).div(root).mul(learning_rate);
    return [parameter.mul(1 - learning_rate * weight_decay).sub(update), m, v] as const;
  });
  for (const array of [clip, correction1, correction2]) array.dispose();
  return [updated.map(([p]) => p), updated.map(([, m]) => m), updated.map(([, , v]) => v), norm];
}

export async function jaxTraining({ steps }: TrainingCase, inputs: TrainingInputs): Promise<Contender> {
  await startJax();
  const { config, promptIds, chosenIds, rejectedIds } = inputs;
  const length = promptIds.length + chosenIds.length;
  const weights = jaxWeights(inputs, length);
  let lora = jaxLora(inputs);
  const matrix = (rows: readonly (readonly number[])[]) =>
    np.array(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0]!.length], dtype: np.int32 });
  const ids = matrix([
    [...promptIds, ...chosenIds],
    [...promptIds, ...rejectedIds],
  ]);
  const targets = matrix([chosenIds, rejectedIds]);

  const score = jit((w: JaxWeights, l: JaxLora, i: JaxArray, t: JaxArray) => jaxLogprobs(config, w, l, i, t).sum(-1));
  const step = jit(
    valueAndGrad((l: JaxLora, w: JaxWeights, i: JaxArray, t: JaxArray, reference: JaxArray) => {
      const ratios = jaxLogprobs(config, w, l, i, t).sum(-1).sub(reference);
      const margin = ratios.mul(np.array([DPO_BETA, -DPO_BETA])).sum();
      return np.negative(nn.logSigmoid(margin));
    }),
  );
  const update = jit(adamw);

  // B is zero, so the first policy is the reference.
  const reference = score(tree.ref(weights), tree.ref(lora), ids.ref, targets.ref) as JaxArray;
  const [, structure] = tree.flatten<JaxArray>(lora);
  const zeros = () => tree.leaves<JaxArray>(lora).map((leaf) => np.zeros(leaf.shape));
  let [first, second] = [zeros(), zeros()];
  let taken = 0;
  const trajectory: number[] = [];
  const run = async () => {
    taken++;
    const given = [tree.ref(lora), tree.ref(weights), ids.ref, targets.ref, reference.ref] as const;
    const [loss, gradients] = step(...given) as [JaxArray, JaxLora];
    const updated = update(
      tree.leaves<JaxArray>(lora),
      tree.leaves<JaxArray>(gradients),
      first,
      second,
      np.array(1 - OPTIMIZER.adam_beta1 ** taken),
      np.array(1 - OPTIMIZER.adam_beta2 ** taken),
    ) as ReturnType<typeof adamw>;
    [, first, second] = updated;
    lora = tree.unflatten<JaxArray>(structure, updated[0]) as JaxLora;
    const numbers = [loss.jsAsync(), updated[3].jsAsync()];
    await blockUntilReady([...updated[0], ...first, ...second]);
    trajectory.push(...((await Promise.all(numbers)) as number[]));
  };
  // The protocol's own first run is the last of the compared steps.
  for (let i = 1; i < steps; i++) await run();
  return {
    run,
    sync: () => getWebGPUDevice().queue.onSubmittedWorkDone(),
    result: async () => trajectory.slice(0, 2 * steps),
    dispose: () => tree.dispose([weights, lora, first, second, ids, targets, reference]),
  };
}
