/** What each call of `margin` takes, as data. Ranges are those of the page's own fields. */
import { checkFields, type Fields, filledText, isObject, type Rule, shown, text, whole } from './check.ts';
import { InputError } from './errors.ts';
import { everyLoss, taggedLoss } from './kernels/losses/families/every.ts';
import { ROW_FIELDS } from './kernels/losses/inputs.ts';
import { numbered } from './numbered.ts';
import { SETTING_RANGES } from './state/defaults.ts';
import { REWARDS, SETTING_RULES } from './state/training/settings.ts';

const image: Rule = {
  kind: 'other',
  words: 'a picture of the page: what margin.images.add returned, or its id',
  is: (value) => typeof value === 'string' || (isObject(value) && typeof value.id === 'string'),
};
const signal: Rule = { kind: 'other', words: 'an AbortSignal', is: (value) => value instanceof AbortSignal };
const object = (words: string): Rule => ({ kind: 'other', words, is: isObject });
const hyperparameters = object('an object of numbers, such as { beta: 0.1 }');
const objective: Rule = {
  kind: 'choice',
  of: everyLoss.map(({ loss }) => loss.id),
  words: 'the id of one of margin.objectives',
};
const isReward = (name: unknown): boolean => REWARDS.some((known) => known === name);
const reward: Rule = {
  kind: 'other',
  words: `one of ${REWARDS.join(', ')}, or weights such as { clip: 10, truth: 1 }`,
  is: (value) =>
    isObject(value)
      ? Object.entries(value).every(([name, weight]) => isReward(name) && Number.isFinite(weight))
      : isReward(value),
};

/** The settings of sampling, by the ranges of their fields; other libraries' names for them. */
const sampling = { prompt: filledText, ...SETTING_RANGES } as const;
const samplingAka = {
  max_new_tokens: 'maxTokens',
  max_length: 'maxTokens',
  num_return_sequences: 'n',
  images: 'image',
};

/** Names of other libraries, and of other calls, for what a run is configured with. */
const trainingAka = {
  lr: 'learning_rate',
  batch_size: 'per_device_train_batch_size',
  epochs: 'num_train_epochs',
  steps: 'max_steps',
  rank: 'r',
  alpha: 'lora_alpha',
  dropout: 'lora_dropout',
  maxTokens: 'max_completion_length',
  rewards: 'reward',
};

/** Every hyperparameter of any loss, with where it belongs; those of this loss say it without a doubt. */
function knobsElsewhere(id: unknown): Record<string, string> {
  const own = typeof id === 'string' ? taggedLoss(id)?.loss.hyperparameters : undefined;
  const all = everyLoss.flatMap(({ loss }) => loss.hyperparameters);
  const names = [...(own ?? []), ...all].flatMap(({ key, aliases }) => [key, ...Object.keys(aliases ?? {})]);
  return Object.fromEntries(names.map((name) => [name, `${name} belongs in hyperparameters: { ${name} }.`]));
}

/** TRL's switch between the losses of one trainer. */
const LOSS_TYPE = 'loss_type: here objective names the loss, such as objective: "ipo_avg".';

function training(objectiveId: unknown): Fields {
  return {
    rules: { objective, hyperparameters, ...SETTING_RULES, reward, config: object('an object of settings') },
    elsewhere: {
      ...knobsElsewhere(objectiveId),
      loss_type: LOSS_TYPE,
      signal: 'signal belongs in the second argument: margin.train(settings, { signal }).',
    },
    aka: trainingAka,
  };
}

const pairing: Fields = {
  rules: { ...sampling, images: { kind: 'list', of: image, filled: true }, keep: whole({ min: 1 }), signal },
  aka: { ...samplingAka, image: 'images' },
};

const OTHERS = {
  sample: { rules: { ...sampling, image, signal }, aka: samplingAka },
  byClip: pairing,
  byTruth: pairing,
  look: { rules: { image, signal }, required: ['image'] },
  clipScore: {
    rules: { image, texts: { kind: 'list', of: filledText, filled: true, example: '["a cat", "two lemons"]' }, signal },
    required: ['image', 'texts'],
    aka: { text: 'texts', prompts: 'texts' },
  },
  logps: {
    rules: {
      image,
      prompt: filledText,
      response: text,
      model: { kind: 'choice', of: ['policy', 'reference'] },
      signal,
    },
    required: ['image', 'prompt', 'response'],
    aka: { text: 'response', answer: 'response', completion: 'response' },
  },
  addPair: {
    rules: { image, prompt: filledText, chosen: filledText, rejected: filledText },
    required: ['image', 'prompt', 'chosen', 'rejected'],
  },
  trainOptions: { rules: { signal } },
} as const satisfies Readonly<Record<string, Fields>>;

const NAMES: Readonly<Record<keyof typeof OTHERS, string>> = {
  sample: 'margin.sample',
  byClip: 'margin.pairs.byClip',
  byTruth: 'margin.pairs.byTruth',
  look: 'margin.look',
  clipScore: 'margin.clipScore',
  logps: 'margin.logps',
  addPair: 'margin.pairs.add',
  trainOptions: 'The second argument of margin.train',
};

/** @throws {InputError} with a sentence for all that this call cannot use. */
export function checkCall(call: keyof typeof OTHERS, given: unknown): void {
  checkFields(NAMES[call], given, OTHERS[call]);
}

/** The same for `margin.train`, whose settings may lie in a `config` of their own. */
export function checkTraining(given: unknown): void {
  const fields = training(isObject(given) ? given.objective : undefined);
  checkFields('margin.train', given, fields);
  const { config } = given as { config?: unknown };
  if (config !== undefined) checkFields('config', config, { ...fields, rules: SETTING_RULES });
}

const ROW_RULES: Readonly<Record<string, Rule>> = Object.fromEntries(
  ROW_FIELDS.map((name) => [name, { kind: 'number' } as const]),
);

/** The same for `margin.evaluate`, row by row. */
export function checkEvaluation(given: unknown): void {
  const rows: Rule = { kind: 'list', of: object('an object of numbers'), example: '[{ chosen: -10, rejected: -12 }]' };
  const id = isObject(given) ? given.objective : undefined;
  checkFields('margin.evaluate', given, {
    rules: { objective, hyperparameters, pairs: rows },
    elsewhere: { ...knobsElsewhere(id), loss_type: LOSS_TYPE },
    aka: { rows: 'pairs' },
  });
  const { pairs = [] } = given as { pairs?: readonly unknown[] };
  for (const [index, row] of pairs.entries()) {
    numbered('Pair', index, pairs.length, () => checkFields('a row', row, { rules: ROW_RULES }));
  }
}

/** The files of `margin.images.add`. @throws {InputError} for anything that is no list of files. */
export function checkFiles(files: unknown): Blob[] {
  const list = isIterable(files) ? [...files] : [];
  if (list.length === 0) {
    const given = isIterable(files) ? 'an empty list' : files instanceof Blob ? 'one by itself' : shown(files);
    throw new InputError(`margin.images.add takes a list of files, [file]; it was given ${given}.`, 'files');
  }
  for (const [index, file] of list.entries()) {
    numbered('File', index, list.length, () => {
      if (!(file instanceof Blob)) throw new InputError(`It is ${shown(file)}; it must be a File or a Blob.`, 'files');
    });
  }
  return list as Blob[];
}

/** The bytes of `margin.adapter.import`. @throws {InputError} for anything that holds none. */
export function checkBytes(bytes: unknown): Uint8Array {
  const given = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  if (given instanceof Uint8Array && given.length > 0) return given;
  const what = given instanceof Uint8Array ? 'no bytes at all' : shown(given);
  throw new InputError(
    `margin.adapter.import takes the bytes of a ZIP as a Uint8Array, new Uint8Array(await file.arrayBuffer()); it was given ${what}.`,
    'bytes',
  );
}

const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.iterator in value;
