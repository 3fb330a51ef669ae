/** The small JSON files of a model folder, checked: what is read from them later has the type and the size it must have. */
import { isObject } from '../check.ts';
import { ModelFileError } from '../errors.ts';
import { jsonExcerpt } from '../json-excerpt.ts';
import type { CatalogEntry } from './catalog.ts';
import type { PreprocessorConfig } from './pixels.ts';
import type { BaseModel } from './policy/index.ts';

/** Largest side of a picture that a model takes: far above those of today. */
const MOST_PIXELS = 4096;
const MOST_SCALE = 1e6;
const MOST_TEXT_TOKENS = 2 ** 16;

const whole = (value: unknown, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most;
const side = (value: unknown): boolean => whole(value, MOST_PIXELS);
const sides = (value: unknown): boolean =>
  side(value) || (isObject(value) && Object.values(value).every((each) => each === null || side(each)));
const flag = (value: unknown): boolean => typeof value === 'boolean';
const finite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const perChannel = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length === 3 && value.every(finite);

const PREPROCESSOR: Readonly<Record<keyof PreprocessorConfig, (value: unknown) => boolean>> = {
  image_processor_type: (value) => typeof value === 'string',
  do_resize: flag,
  do_center_crop: flag,
  do_normalize: flag,
  do_rescale: flag,
  // Beyond these, pixel values would overflow float32.
  rescale_factor: (value) => finite(value) && value > 0 && value <= MOST_SCALE,
  image_mean: (value) => perChannel(value) && value.every((mean) => Math.abs(mean) <= MOST_SCALE),
  image_std: (value) => perChannel(value) && value.every((deviation) => deviation >= 1 / MOST_SCALE),
  resample: finite,
  size: sides,
  max_image_size: sides,
  crop_size: sides,
};

/**
 * A `preprocessor_config.json` whose values can be computed with; absent and `null` keys keep their defaults.
 * @param file name for the message.
 * @throws {ModelFileError} naming the key.
 */
export function readPreprocessor(json: unknown, file: string): PreprocessorConfig {
  if (!isObject(json)) throw new ModelFileError(`${file} is not the configuration of an image processor.`, file);
  const config: Record<string, unknown> = {};
  for (const [key, valid] of Object.entries(PREPROCESSOR)) {
    const value = json[key] ?? undefined;
    if (value === undefined) continue;
    if (!valid(value))
      throw new ModelFileError(`${file}: ${jsonExcerpt(key)} is ${jsonExcerpt(value)}, which cannot be used.`, file);
    config[key] = value;
  }
  return config;
}

/**
 * Tokens of the longest text that a CLIP model takes, both marks included.
 * @throws {ModelFileError} for a number that is none.
 */
export function clipTextLength(json: unknown, file: string): number {
  const text = isObject(json) && isObject(json.text_config) ? json.text_config : {};
  const length = text.max_position_embeddings ?? 77;
  if (!whole(length, MOST_TEXT_TOKENS)) {
    throw new ModelFileError(`${file}: "max_position_embeddings" is ${jsonExcerpt(length)}.`, file);
  }
  return length as number;
}

/** What an exported adapter says about its model; a bundled one is named by its folder in the project. */
export function baseModel(source: CatalogEntry['source'], config: unknown): BaseModel {
  const name = source.type === 'hub' ? source.repo : `models/${source.path}`;
  const { architectures, model_type: type } = isObject(config) ? config : {};
  const [base_model_class] = Array.isArray(architectures) ? architectures : [];
  if (typeof base_model_class !== 'string' || typeof type !== 'string') return { name };
  const module = type.replaceAll('-', '_');
  return { name, mapping: { base_model_class, parent_library: `transformers.models.${module}.modeling_${module}` } };
}
