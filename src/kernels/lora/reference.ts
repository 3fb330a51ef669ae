export interface LoraShape {
  readonly rank: number;
  readonly out: number;
  /** (first, end) column of y per slice. */
  readonly slices: readonly (readonly [first: number, end: number])[];
  readonly scale: number;
}

/** Calls `visit` for every column that has a slice. */
function eachColumn({ slices }: LoraShape, visit: (column: number, slice: number) => void): void {
  slices.forEach(([first, end], slice) => {
    for (let column = first; column < end; column++) visit(column, slice);
  });
}

/** start [rows, out] + scale · u Bᵀ, slice by slice. */
export function loraUpReference(
  u: ArrayLike<number>,
  b: ArrayLike<number>,
  start: ArrayLike<number>,
  shape: LoraShape,
): Float64Array {
  const { rank, out, slices, scale } = shape;
  const y = Float64Array.from(start);
  for (let row = 0; row < y.length / out; row++) {
    eachColumn(shape, (column, slice) => {
      for (let j = 0; j < rank; j++) {
        y[row * out + column] += scale * u[(row * slices.length + slice) * rank + j] * b[column * rank + j];
      }
    });
  }
  return y;
}

/** d/du of Σ dy · loraUp(u, b). */
export function loraUpBackwardReference(dy: ArrayLike<number>, b: ArrayLike<number>, shape: LoraShape): Float64Array {
  const { rank, out, slices, scale } = shape;
  const rows = dy.length / out;
  const du = new Float64Array(rows * slices.length * rank);
  for (let row = 0; row < rows; row++) {
    eachColumn(shape, (column, slice) => {
      for (let j = 0; j < rank; j++) {
        du[(row * slices.length + slice) * rank + j] += scale * dy[row * out + column] * b[column * rank + j];
      }
    });
  }
  return du;
}

/** start [out, width] + scale · dyᵀ x, slice by slice; for `width` read the shape's rank. */
export function loraGradientReference(
  dy: ArrayLike<number>,
  x: ArrayLike<number>,
  start: ArrayLike<number>,
  shape: LoraShape,
): Float64Array {
  const { rank: width, out, slices, scale } = shape;
  const dw = Float64Array.from(start);
  for (let row = 0; row < dy.length / out; row++) {
    eachColumn(shape, (line, slice) => {
      for (let i = 0; i < width; i++) {
        dw[line * width + i] += scale * dy[row * out + line] * x[(row * slices.length + slice) * width + i];
      }
    });
  }
  return dw;
}
