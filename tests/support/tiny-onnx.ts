/**
 * Writes small ONNX files, so that the ONNX Runtime tests need no binary fixtures and can say what they expect.
 * Only the protobuf fields used here; numbers are those of `onnx.proto3`.
 */

type Bytes = number[];

function varint(value: number): Bytes {
  const bytes: Bytes = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

const integer = (field: number, value: number): Bytes => [...varint(field * 8), ...varint(value)];

function bytes(field: number, value: ArrayLike<number>): Bytes {
  return [...varint(field * 8 + 2), ...varint(value.length), ...Array.from(value)];
}

const text = (field: number, value: string): Bytes => bytes(field, new TextEncoder().encode(value));

const FLOAT = 1;
const INT64 = 7;

/** A constant. Integers are stored as int64. */
export interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface Value {
  readonly name: string;
  readonly type: 'float' | 'int64';
  readonly dims: readonly (number | string)[];
}

export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

function attribute(name: string, value: number | readonly number[]): Bytes {
  return typeof value === 'number'
    ? [...text(1, name), ...integer(3, value), ...integer(20, 2)]
    : [...text(1, name), ...value.flatMap((item) => integer(8, item)), ...integer(20, 7)];
}

function node({ op, inputs, outputs, attributes = {} }: Node): Bytes {
  return [
    ...inputs.flatMap((input) => text(1, input)),
    ...outputs.flatMap((output) => text(2, output)),
    ...text(3, outputs[0]),
    ...text(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) => bytes(5, attribute(name, value))),
  ];
}

function initializer({ name, dims, data }: Initializer): Bytes {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return [
    ...dims.flatMap((dim) => integer(1, dim)),
    ...integer(2, data instanceof Float32Array ? FLOAT : INT64),
    ...text(8, name),
    ...bytes(9, raw),
  ];
}

function value({ name, type, dims }: Value): Bytes {
  const shape = dims.flatMap((dim) => bytes(1, typeof dim === 'number' ? integer(1, dim) : text(2, dim)));
  const tensor = [...integer(1, type === 'float' ? FLOAT : INT64), ...bytes(2, shape)];
  return [...text(1, name), ...bytes(2, bytes(1, tensor))];
}

/** The bytes of a model with opset 17. */
export function onnxModel(graph: Graph): Uint8Array<ArrayBuffer> {
  const body = [
    ...graph.nodes.flatMap((item) => bytes(1, node(item))),
    ...text(2, 'tiny'),
    ...graph.initializers.flatMap((item) => bytes(5, initializer(item))),
    ...graph.inputs.flatMap((item) => bytes(11, value(item))),
    ...graph.outputs.flatMap((item) => bytes(12, value(item))),
  ];
  return new Uint8Array([...integer(1, 8), ...bytes(8, [...text(1, ''), ...integer(2, 17)]), ...bytes(7, body)]);
}

/**
 * A vision encoder in miniature: one patch convolution. pixel_values [1, 3, edge, edge] -> image_features
 * [1, (edge/patch)^2, hidden].
 * @param weights [hidden, 3, patch, patch]
 */
export function tinyVisionEncoder(edge: number, patch: number, hidden: number, weights: Float32Array) {
  return onnxModel({
    inputs: [{ name: 'pixel_values', type: 'float', dims: ['batch', 3, edge, edge] }],
    outputs: [{ name: 'image_features', type: 'float', dims: ['batch', (edge / patch) ** 2, hidden] }],
    initializers: [
      { name: 'weights', dims: [hidden, 3, patch, patch], data: weights },
      { name: 'flat', dims: [3], data: BigInt64Array.of(0n, BigInt(hidden), -1n) },
    ],
    nodes: [
      {
        op: 'Conv',
        inputs: ['pixel_values', 'weights'],
        outputs: ['patches'],
        attributes: { kernel_shape: [patch, patch], strides: [patch, patch] },
      },
      { op: 'Reshape', inputs: ['patches', 'flat'], outputs: ['rows'] },
      { op: 'Transpose', inputs: ['rows'], outputs: ['image_features'], attributes: { perm: [0, 2, 1] } },
    ],
  });
}
