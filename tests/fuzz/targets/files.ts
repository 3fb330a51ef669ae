/** Files: pictures, tensors, archives, adapters, checkpoints. */

import { crc32 } from '../../../src/crc32.ts';
import { importPeft, matricesFor, planLora } from '../../../src/models/policy/index.ts';
import { Safetensors } from '../../../src/models/weights/safetensors.ts';
import { writeSafetensors } from '../../../src/models/weights/safetensors-write.ts';
import { decodePixels } from '../../../src/pictures/decode-pixels.ts';
import { decodeImage, MOST_PIXELS } from '../../../src/state/decode.ts';
import { pack, unpack } from '../../../src/state/persistence/packed.ts';
import type { Random } from '../../../src/toybox/random.ts';
import { installCheckpoint } from '../../../src/training/checkpoint.ts';
import { unzip, zip } from '../../../src/zip.ts';
import {
  animatedGif,
  avifHalves,
  avifHeader,
  gifHeader,
  jpegHeader,
  pngHeader,
  twoHalves,
  webpHeader,
  withOrientation,
} from '../../support/image-bytes.ts';
import { type Bytes, mutateBytes, mutateJson } from '../mutate.ts';
import { claim, type Target } from '../target.ts';

export const bytesOf = async (blob: Blob): Promise<Bytes> => new Uint8Array(await blob.arrayBuffer());
const load = async (path: string): Promise<Bytes> => bytesOf(await (await fetch(`/${path}`)).blob());

/** A PNG with one chunk changed and its checksum put right, so that what is behind the checksum is tried too. */
function mutatePngChunk(bytes: Bytes, random: Random): Bytes {
  const view = new DataView(bytes.buffer);
  const chunks: { at: number; length: number }[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) break;
    chunks.push({ at, length });
    at += 12 + length;
  }
  if (chunks.length === 0) return bytes;
  const { at, length } = random.pick(chunks);
  const changed = mutateBytes(bytes.slice(at + 4, at + 8 + length), random, random.chance(0.9) ? 4 : 0);
  const head = new DataView(new ArrayBuffer(4));
  head.setUint32(0, Math.max(0, changed.length - 4));
  const sum = new DataView(new ArrayBuffer(4));
  sum.setUint32(0, crc32(changed));
  const rest = bytes.slice(at + 12 + length);
  const parts = [bytes.slice(0, at), new Uint8Array(head.buffer), changed, new Uint8Array(sum.buffer), rest];
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Dropped and pasted pictures, up to what the page keeps and what a model would see. */
export const pictures: Target<Bytes> = {
  name: 'picture',
  seeds: async () => {
    const types = ['image/png', 'image/jpeg', 'image/webp'];
    const blobs = await Promise.all(types.map((type) => twoHalves(24, 12, type)));
    const wide = await twoHalves(1500, 40, 'image/jpeg');
    const turned = await Promise.all([3, 6, 8].map((turn) => withOrientation(blobs[1], turn)));
    const files = await Promise.all([...blobs, wide, ...turned, await avifHalves()].map(bytesOf));
    const lies = [pngHeader, jpegHeader, gifHeader, webpHeader, avifHeader].map((header) => header(16000, 16000));
    return [...files, animatedGif(), ...lies];
  },
  mutate: (seed, random) =>
    seed[0] === 0x89 && random.chance(0.6) ? mutatePngChunk(seed, random) : mutateBytes(seed, random),
  async run(bytes) {
    const { width, height, blob } = await decodeImage(new Blob([bytes]), 'picture.png');
    claim(width >= 1 && height >= 1 && width * height <= MOST_PIXELS, `the picture is ${width} × ${height}`);
    const pixels = await decodePixels(blob);
    claim(pixels.data.length === pixels.width * pixels.height * 3, 'a model would see another number of pixels');
  },
};

const matrix = (rows: number, cols: number) => ({
  shape: [rows, cols],
  data: Float32Array.from({ length: rows * cols }, (_, i) => Math.sin(i)),
});

/** A safetensors file with its header changed as JSON, or with bytes changed anywhere. */
function mutateTensors(bytes: Bytes, random: Random): Bytes {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (random.chance(0.35)) return mutateBytes(bytes, random, 0, random.chance(0.7) ? 8 + length : bytes.length);
  const header = mutateJson(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))), random);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const result = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  new DataView(result.buffer).setBigUint64(0, BigInt(text.length), true);
  result.set(text, 8);
  result.set(bytes.subarray(8 + length), 8 + text.length);
  return result;
}

export const tensors: Target<Bytes> = {
  name: 'safetensors',
  seeds: async () => {
    const small = writeSafetensors(
      new Map([
        ['a', matrix(2, 3)],
        ['b.weight', matrix(1, 4)],
      ]),
    );
    return [new Uint8Array(small), await load('tests/golden/decoder-tied.safetensors')];
  },
  mutate: mutateTensors,
  run(bytes) {
    const file = Safetensors.parse(bytes, 'model.safetensors');
    for (const name of file.names) {
      const { shape, bytes: view } = file.get(name);
      claim(view.buffer === bytes.buffer, 'a tensor is a copy, so a header decides how much memory is taken');
      claim(
        shape.every((size) => Number.isSafeInteger(size) && size >= 0),
        `a tensor has shape [${shape}]`,
      );
    }
    const { metadata } = file;
    claim(typeof metadata === 'object' && metadata !== null, `the metadata is ${JSON.stringify(metadata)}`);
  },
};

/** Bytes that came out of the browser's decompression while a case ran. */
let inflated = 0;
const Plain = globalThis.DecompressionStream;
globalThis.DecompressionStream = class {
  readonly readable: ReadableStream<Bytes>;
  readonly writable: WritableStream<BufferSource>;
  constructor(format: CompressionFormat) {
    const { readable, writable } = new Plain(format);
    this.writable = writable;
    this.readable = readable.pipeThrough(
      new TransformStream<Bytes, Bytes>({
        transform(chunk, controller) {
          inflated += chunk.length;
          controller.enqueue(chunk);
        },
      }),
    );
  }
};

async function deflated(content: Bytes): Promise<Bytes> {
  const stream = new Blob([content]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** An archive of one deflated entry that says it unpacks to `declared` bytes. */
async function deflatedArchive(content: Bytes, declared = content.length): Promise<Bytes> {
  const stored = await deflated(content);
  const archive = await bytesOf(await zip(new Map([['notes.txt', new Blob([stored])]])));
  const view = new DataView(archive.buffer);
  const directory = view.getUint32(archive.length - 6, true);
  for (const [at, shift] of [
    [0, 0],
    [directory, 2],
  ]) {
    view.setUint16(at + 8 + shift, 8, true);
    view.setUint32(at + 14 + shift, crc32(content), true);
    view.setUint32(at + 22 + shift, declared, true);
  }
  return archive;
}

/** What the central directory says that the archive unpacks to, and how many entries it has. */
function declaredBytes(bytes: Bytes): { bytes: number; entries: number } {
  const view = new DataView(bytes.buffer);
  let [sum, entries] = [0, 0];
  for (let at = 0; at + 46 <= bytes.length; at++) {
    if (view.getUint32(at, true) !== 0x02014b50) continue;
    sum += view.getUint32(at + 24, true);
    entries += 1;
  }
  return { bytes: sum, entries };
}

/** What may come out beyond an entry's own size before somebody notices. */
const ONE_CHUNK = 2 ** 20;

export const archives: Target<Bytes> = {
  name: 'zip',
  seeds: async () => {
    const letters = Uint8Array.from({ length: 3000 }, (_, i) => 97 + (i % 26));
    const files = new Map<string, Blob | string>([
      ['workspace.json', '{"format":"margin-workspace"}'],
      ['images/a', new Blob([letters])],
      ['empty/', ''],
    ]);
    const bomb = new Uint8Array(48 * 2 ** 20);
    return [
      await bytesOf(await zip(files)),
      await deflatedArchive(letters),
      await deflatedArchive(letters),
      await deflatedArchive(bomb, 1000),
    ];
  },
  mutate: (seed, random) => {
    // The headers: the ends of the file. What is between them is mostly content.
    const tail = random.chance(0.7) ? Math.max(0, seed.length - 200) : 0;
    return mutateBytes(seed, random, tail, seed.length);
  },
  async run(bytes) {
    inflated = 0;
    const declared = declaredBytes(bytes);
    const bounded = () => {
      const most = declared.bytes + (1 + declared.entries) * ONE_CHUNK;
      claim(inflated <= most, `${inflated} bytes were unpacked, and the archive says ${declared.bytes}`);
    };
    try {
      await unzip(new Blob([bytes]));
    } catch (error) {
      bounded();
      throw error;
    }
    bounded();
  },
};

/** The smallest decoder that the golden adapter's shape of names fits. */
const MODEL = {
  vocabSize: 64,
  hiddenSize: 8,
  intermediateSize: 12,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 32,
  tiedHead: true,
};
const LORA = { r: 2, alpha: 4, targets: ['q_proj', 'up_proj'] as const, dropout: 0, seed: 0 };
const PREFIX = 'model.text_model.';

interface AdapterParts {
  readonly config: Record<string, unknown>;
  readonly weights: Bytes;
  /** The archive itself, where it is what is wrong. */
  readonly archive?: Bytes;
}

const archiveOf = async ({ config, weights, archive }: AdapterParts): Promise<Bytes> =>
  archive ??
  bytesOf(
    await zip(
      new Map<string, Blob | string>([
        ['adapter/adapter_config.json', JSON.stringify(config)],
        ['adapter/adapter_model.safetensors', new Blob([weights])],
      ]),
    ),
  );

export const adapters: Target<AdapterParts> = {
  name: 'adapter',
  seeds: async () => {
    const golden = await unzip(new Blob([await load('tests/golden/peft/adapter.zip')]));
    const config = JSON.parse(new TextDecoder().decode(golden.get('adapter_config.json')));
    const plan = planLora(MODEL, PREFIX, LORA);
    const named = plan.matrices.map(({ name, shape }) => [name, matrix(...shape)] as const);
    const weights = new Uint8Array(writeSafetensors(new Map(named)));
    const peft = {
      alpha_pattern: {},
      auto_mapping: null,
      bias: 'none',
      fan_in_fan_out: false,
      init_lora_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
      lora_alpha: 4,
      lora_dropout: 0.05,
      modules_to_save: null,
      peft_type: 'LORA',
      r: 2,
      rank_pattern: {},
      target_modules: ['q_proj', 'up_proj'],
      task_type: 'CAUSAL_LM',
      use_dora: false,
      use_rslora: false,
    };
    return [
      { config: { ...config, r: 2, lora_alpha: 4 }, weights },
      { config: peft, weights },
      { config: peft, weights },
    ];
  },
  async mutate({ config, weights }, random) {
    const parts = {
      config: random.chance(0.6) ? mutateJson(config, random) : config,
      weights: random.chance(0.5) ? mutateTensors(weights, random) : weights,
    };
    return random.chance(0.1) ? { ...parts, archive: mutateBytes(await archiveOf(parts), random) } : parts;
  },
  async run(parts) {
    const adapter = await importPeft(await archiveOf(parts));
    const { r, alpha, dropout, targets } = adapter.lora;
    claim(
      Number.isInteger(r) && r > 0 && Number.isFinite(alpha) && dropout >= 0 && dropout < 1,
      'the rank or the scale is no number',
    );
    claim(targets.length > 0, 'no module is adapted');
    for (const [name, { values }] of adapter.matrices)
      claim(values.every(Number.isFinite), `${name} holds values that are not finite`);
    const plan = planLora(MODEL, PREFIX, { ...LORA, r, alpha, targets });
    const matrices = matricesFor(plan, adapter);
    claim(
      plan.matrices.every(({ name, shape }) => matrices.get(name)?.length === shape[0] * shape[1]),
      'a matrix has another size',
    );
  },
};

/** A checkpoint as the browser's storage gives it back. */
type Stored = Parameters<typeof installCheckpoint>[2];

function checkpoint(): Stored {
  const plan = planLora(MODEL, PREFIX, LORA);
  const values = Float32Array.from({ length: plan.parameterCount }, (_, i) => Math.sin(i));
  return {
    version: 1,
    objective: 'dpo_sigmoid',
    hyperparameters: { beta: 0.1 },
    config: {} as Stored['config'],
    lora: { r: 2, lora_alpha: 4, lora_dropout: 0, target_modules: ['q_proj', 'up_proj'] },
    step: 3,
    numTokens: 120,
    pairsHash: 'abc',
    tensors: plan.matrices.map(({ name, shape }) => ({ name, shape })),
    values,
    firstMoments: values.slice(),
    secondMoments: values.slice(),
  };
}

export const checkpoints: Target<Stored> = {
  name: 'checkpoint',
  seeds: async () => [checkpoint()],
  mutate: (seed, random) => mutateJson(seed, random, { beyond: true }),
  run(stored) {
    const plan = planLora(MODEL, PREFIX, LORA);
    let written: Float32Array | undefined;
    const gpu = { write: (_: unknown, values: Float32Array) => (written = values) };
    installCheckpoint(gpu as never, { plan, parameters: null } as never, stored);
    claim(
      written instanceof Float32Array && written.every(Number.isFinite),
      'the adapter would hold no finite numbers',
    );
  },
};

/** Run files as they lie in the private file system. */
export const packedFiles: Target<Bytes> = {
  name: 'packed',
  seeds: async () => {
    const tracks = { ids: ['a'], tracks: [[{ step: 1, loss: Number.NaN }]], more: new Float64Array([1, 2]) };
    return Promise.all([checkpoint(), tracks, { bytes: new Uint8Array(5) }].map(async (each) => bytesOf(pack(each))));
  },
  mutate: (seed, random) => {
    const header = 4 + new DataView(seed.buffer).getUint32(0, true);
    return mutateBytes(seed, random, 0, random.chance(0.8) ? header : seed.length);
  },
  run: (bytes) => unpack(bytes.buffer),
};
