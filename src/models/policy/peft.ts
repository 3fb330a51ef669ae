/**
 * A LoRA adapter as the folder that Python's PEFT writes and reads: `adapter_config.json` and
 * `adapter_model.safetensors`, packed in a ZIP.
 */
import { InputError } from '../../errors.ts';
import { zip } from '../../zip.ts';
import { writeSafetensors } from '../weights/safetensors-write.ts';
import { LORA_TARGETS, type LoraConfig, type LoraPlan, type LoraTarget, SCORE_NAME } from './lora.ts';
import { initialScore, matricesOf } from './lora-values.ts';
import { openAdapter, WEIGHTS_FILE } from './peft-archive.ts';
import { alphaOf, CONFIG_FILE, readPeftConfig, SCORE, scaleOf } from './peft-config.ts';
import { type PeftTensors, readPeftTensors } from './peft-tensors.ts';

/** The model that an adapter belongs to, as Python finds it. */
export interface BaseModel {
  /** Hub id, or the folder of a bundled model. */
  readonly name: string;
  /** Class in `transformers`, and the module that has it: `AutoPeftModel` needs them. */
  readonly mapping?: { readonly base_model_class: string; readonly parent_library: string };
}

/** A matrix of a file. Its rank may be below the adapter's. */
interface PeftMatrix {
  readonly part: 'A' | 'B';
  readonly rank: number;
  readonly values: Float32Array;
}

/** An adapter as it stands in a file. */
export interface PeftAdapter {
  readonly lora: Omit<LoraConfig, 'seed'>;
  /** By layer, target and part (see `matrixKey`). */
  readonly matrices: ReadonlyMap<string, PeftMatrix>;
  /** Weights of the layer that makes scores, f32 [1, hidden]. */
  readonly score?: Float32Array;
  /** What a person should know about how it was read, as sentences. */
  readonly notices: readonly string[];
}

/** Where a matrix belongs, whatever the path of the decoder's layers in the file that held it. */
const matrixKey = (layer: number, target: LoraTarget, part: 'A' | 'B'): string => `${layer}.${target}.${part}`;

/**
 * Packs an adapter; a critic stays behind.
 * @param matrices by the names of `plan.matrices`, as `LoraAdapter.read` gives them.
 */
export async function exportPeft(
  plan: LoraPlan,
  matrices: ReadonlyMap<string, Float32Array>,
  base: BaseModel,
): Promise<Uint8Array<ArrayBuffer>> {
  const kept = plan.config.critic ? plan.matrices : matricesOf(plan);
  const tensors = new Map(kept.map(({ name, shape }) => [name, { shape, data: matrices.get(name)! }] as const));
  const files = new Map<string, Blob | string>([
    [CONFIG_FILE, `${JSON.stringify(adapterConfig(plan, base), null, 2)}\n`],
    [WEIGHTS_FILE, new Blob([writeSafetensors(tensors)])],
  ]);
  return new Uint8Array(await (await zip(files)).arrayBuffer());
}

/**
 * `target_modules` is a pattern with the whole path: a list of names would also reach layers of the same names in the
 * vision tower. With a `task_type`, `AutoPeftModel` would refuse a vision-language model: it takes the class from
 * `auto_mapping`. Only keys that every PEFT knows: old ones pass all of them to a constructor.
 */
function adapterConfig({ config, matrices }: LoraPlan, base: BaseModel): Record<string, unknown> {
  const path = /^base_model\.model\.(.*)layers\.\d+\./.exec(matrices[0].name)![1];
  const targets = config.targets.join('|');
  return {
    auto_mapping: base.mapping ?? null,
    base_model_name_or_path: base.name,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    modules_to_save: config.score ? [SCORE] : null,
    peft_type: 'LORA',
    r: config.r,
    target_modules: `${path.replaceAll('.', '\\.')}layers\\.\\d+\\.(self_attn|mlp)\\.(${targets})`,
    task_type: config.score ? 'SEQ_CLS' : null,
    use_dora: false,
    use_rslora: false,
  };
}

/**
 * Reads an adapter written by `exportPeft` or by PEFT (zip the folder's two files, or the folder).
 * @throws InputError for a file that is no LoRA adapter, or one that does more than plain LoRA on the decoder.
 */
export async function importPeft(bytes: Uint8Array): Promise<PeftAdapter> {
  const { config: text, weights } = await openAdapter(new Blob([new Uint8Array(bytes)]));
  const config = readPeftConfig(text);
  const { modules, score, outside } = readPeftTensors(weights, config);
  // One rank and one scale for all: smaller ranks are filled up with zeros, another scale is multiplied into B.
  const largest = modules.reduce((a, b) => (b.rank > a.rank ? b : a));
  const { rank: r } = largest;
  const alpha = alphaOf(config, largest.path) * (config.rslora ? Math.sqrt(r) : 1);
  const scale = scaleOf(config, largest.path, r);
  const matrices = new Map<string, PeftMatrix>();
  let folded = false;
  for (const { path, layer, target, rank, a, b } of modules) {
    const factor = scaleOf(config, path, rank) / scale;
    folded ||= factor !== 1 || rank !== r;
    matrices.set(matrixKey(layer, target, 'A'), { part: 'A', rank, values: a });
    matrices.set(matrixKey(layer, target, 'B'), { part: 'B', rank, values: scaled(b, factor, path) });
  }
  const targets = LORA_TARGETS.filter((target) => modules.some((module) => module.target === target));
  return {
    lora: { r, alpha, targets, dropout: config.dropout, ...(score && { score: true }) },
    matrices,
    ...(score && { score }),
    notices: [...outsideNotices(outside), ...(folded ? [FOLDED] : [])],
  };
}

const FOLDED =
  'Its modules differ in rank or alpha (rank_pattern, alpha_pattern). They are held at the largest rank, with the scale in B: the numbers are the same, but steps of further training are not quite those of PEFT.';

function scaled(values: Float32Array, factor: number, path: string): Float32Array {
  if (factor === 1) return values;
  const product = values.map((value) => value * factor);
  if (product.every(Number.isFinite)) return product;
  throw new InputError(`The matrix B of "${path}" times its alpha is too large for a 32-bit number.`, path);
}

const counted = ({ length }: readonly string[]): string => (length === 1 ? 'one module' : `${length} modules`);

function outsideNotices({ trained, untrained }: PeftTensors['outside']): string[] {
  const notices: string[] = [];
  if (trained.length > 0) {
    notices.push(
      `It also changes ${counted(trained)} of the vision tower or connector (such as ${trained[0]}). Margin adapts only the decoder, so this was left out, and log-probabilities differ from those of PEFT with the whole adapter.`,
    );
  }
  if (untrained.length > 0) {
    notices.push(
      `Left out, because untrained, which changes no number: ${counted(untrained)} outside the decoder (such as ${untrained[0]}).`,
    );
  }
  return notices;
}

/**
 * The matrices under the names of a plan. Layers that the file leaves alone get zeros, which have no gradient and stay
 * zeros; a layer that makes scores, and that the file lacks, gets its first values.
 * @throws InputError when the adapter was made for a decoder of another shape.
 */
export function matricesFor(plan: LoraPlan, { matrices, score }: PeftAdapter): Map<string, Float32Array> {
  const keys = new Set(plan.matrices.map(({ layer, target, part }) => matrixKey(layer, target, part)));
  for (const key of matrices.keys()) if (!keys.has(key)) throw foreign(key, 'is a layer this model lacks');
  const named = new Map(
    plan.matrices.map(({ name, layer, target, part, shape: [rows, cols] }) => {
      const key = matrixKey(layer, target, part);
      const matrix = matrices.get(key);
      return [name, matrix ? filledUp(matrix, rows, cols, key) : new Float32Array(rows * cols)] as const;
    }),
  );
  if (!plan.score) return named;
  const width = plan.score.shape[1];
  if (score && score.length !== width) {
    throw foreign(SCORE, `has ${score.length} values where this model takes [1, ${width}]`);
  }
  return named.set(SCORE_NAME, score ?? initialScore(plan));
}

/** A matrix [rows, cols] whose rank is that of the plan. */
function filledUp({ part, rank, values }: PeftMatrix, rows: number, cols: number, key: string): Float32Array {
  const [high, wide] = part === 'A' ? [rank, cols] : [rows, rank];
  if (values.length !== high * wide || high > rows || wide > cols) {
    throw foreign(key, `has ${values.length} values where this model takes [${high}, ${wide}]`);
  }
  if (high === rows && wide === cols) return values;
  const matrix = new Float32Array(rows * cols);
  for (let row = 0; row < high; row++) matrix.set(values.subarray(row * wide, (row + 1) * wide), row * cols);
  return matrix;
}

const foreign = (key: string, why: string): InputError =>
  new InputError(`The adapter belongs to another model: ${key} ${why}.`, key);
