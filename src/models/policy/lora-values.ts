/** The numbers of an adapter: matrices by their PEFT names, and the buffer of the GPU's layout that holds them. */
import { InputError } from '../../errors.ts';
import { Random } from '../../toybox/random.ts';
import type { LoraPlan, PlacedMatrix } from './lora-plan.ts';

/** `initializer_range` of Hugging Face's configurations. */
const SCORE_DEVIATION = 0.02;

/** Everything that is trained. */
export const matricesOf = ({ matrices, score }: LoraPlan): readonly PlacedMatrix[] =>
  score ? [...matrices, score] : matrices;

/** The matrices in a buffer of `plan.size` elements, by their PEFT names. */
export function unpack(plan: LoraPlan, values: Float32Array): Map<string, Float32Array> {
  return new Map(
    matricesOf(plan).map(({ name, shape: [rows, cols], start, stride }) => {
      const matrix = new Float32Array(rows * cols);
      for (let row = 0; row < rows; row++) {
        const at = start + row * stride;
        matrix.set(values.subarray(at, at + cols), row * cols);
      }
      return [name, matrix];
    }),
  );
}

/**
 * A buffer of `plan.size` elements from the matrices.
 * @throws InputError naming a matrix that is missing or has another size.
 */
export function pack(plan: LoraPlan, matrices: ReadonlyMap<string, Float32Array>): Float32Array {
  const values = new Float32Array(plan.size);
  for (const {
    name,
    shape: [rows, cols],
    start,
    stride,
  } of matricesOf(plan)) {
    const matrix = matrices.get(name);
    if (!matrix) throw new InputError(`The adapter has no "${name}".`, 'adapter');
    if (matrix.length !== rows * cols) {
      throw new InputError(
        `"${name}" has ${matrix.length} values; [${rows}, ${cols}] takes ${rows * cols}.`,
        'adapter',
      );
    }
    for (let row = 0; row < rows; row++) {
      values.set(matrix.subarray(row * cols, (row + 1) * cols), start + row * stride);
    }
  }
  return values;
}

/** As PEFT and `transformers` start: A uniform in ±1/√in, B zero, the score layer normal with deviation 0.02. */
export function initialValues(plan: LoraPlan): Float32Array {
  const values = new Float32Array(plan.size);
  plan.matrices.forEach(({ part, shape: [rows, cols], start }, index) => {
    if (part === 'B') return;
    const random = new Random(plan.config.seed, index);
    const bound = 1 / Math.sqrt(cols);
    for (let i = 0; i < rows * cols; i++) values[start + i] = (2 * random.next() - 1) * bound;
  });
  if (plan.score) values.set(initialScore(plan), plan.score.start);
  return values;
}

/** First values of the layer that makes scores; none where the plan has no such layer. */
export function initialScore({ config, matrices, score }: LoraPlan): Float32Array {
  const random = new Random(config.seed, matrices.length);
  return Float32Array.from({ length: score?.shape[1] ?? 0 }, () => SCORE_DEVIATION * normal(random));
}

/** Box and Muller's, the first of the two. */
const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
