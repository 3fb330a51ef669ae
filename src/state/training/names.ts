/** Runs named by what differs between them. */
import { objectiveNamed } from '../objectives.ts';
import type { ImportedAdapter, RunRecord } from '../state.ts';
import { DEFAULT_TRAINING, LOOKING, SAMPLING, type TrainingSettings } from './settings.ts';

const SHORT: Partial<Record<keyof TrainingSettings, string>> = {
  learning_rate: 'lr',
  per_device_train_batch_size: 'batch',
  gradient_accumulation_steps: 'accumulation',
  num_train_epochs: 'epochs',
  lora_alpha: 'α',
};
/** These change what is looked at, not what is learnt. */
const BESIDE_THE_POINT: readonly string[] = [...LOOKING, 'save_steps'];

/** "A", "B", ...: which of several values without a name this is. */
const letterOf = (value: string, values: readonly string[]): string =>
  String.fromCharCode(65 + [...new Set(values)].indexOf(value));

const textsOf = ({ textsKey, pairsKey }: RunRecord): string => textsKey ?? pairsKey;

/** The pairs by their number; where as many were other ones, by a letter too. Prompts likewise. */
function pairsTrait(run: RunRecord, runs: readonly RunRecord[]): string {
  const word = `${run.reward ? 'prompt' : 'pair'}${run.pairs === 1 ? '' : 's'}`;
  const alike = runs.filter(({ pairs, reward }) => pairs === run.pairs && !reward === !run.reward).map(textsOf);
  const set = new Set(alike).size > 1 ? ` (set ${letterOf(textsOf(run), alike)})` : '';
  return `${run.pairs} ${word}${set}`;
}

/** Scores of the same pairs, where the objective looks at them and they have changed between its runs. */
function scoresTrait(run: RunRecord, runs: readonly RunRecord[]): string | undefined {
  const same = runs.filter((each) => each.objective === run.objective && textsOf(each) === textsOf(run));
  const keys = same.map(({ pairsKey }) => pairsKey);
  return new Set(keys).size > 1 ? `scores ${letterOf(run.pairsKey, keys)}` : undefined;
}

/** The imported adapter that it started from; where other files have the same name, with a letter. */
function fromTrait({ from }: RunRecord, runs: readonly RunRecord[]): string {
  if (!from) return '';
  const nameOf = ({ name = 'imported adapter' }: ImportedAdapter) => name;
  const keys = runs.flatMap((run) => (run.from && nameOf(run.from) === nameOf(from) ? [run.from.key] : []));
  const file = new Set(keys).size > 1 ? ` (file ${letterOf(from.key, keys)})` : '';
  return `from ${nameOf(from)}${file}`;
}

function traits(run: RunRecord, runs: readonly RunRecord[]): Map<string, string> {
  const objective = objectiveNamed(run.objective);
  const map = new Map<string, string>([
    ['objective', objective?.label ?? run.objective],
    ['vlm', run.vlm],
    ['from', fromTrait(run, runs)],
  ]);
  for (const [key, value] of Object.entries(run.hyperparameters)) {
    map.set(
      `${run.objective}.${key}`,
      `${objective?.hyperparameters.find((each) => each.key === key)?.symbol ?? key} ${value}`,
    );
  }
  for (const key of Object.keys(DEFAULT_TRAINING) as (keyof TrainingSettings)[]) {
    if (BESIDE_THE_POINT.includes(key)) continue;
    if (run.reward === undefined && (SAMPLING as readonly string[]).includes(key)) continue;
    // The reward may have been given for this run alone.
    // A stored run may be older than a setting, and had its default.
    const value = key === 'reward' ? run.reward : (run.settings[key] ?? DEFAULT_TRAINING[key]);
    const text = Array.isArray(value)
      ? value.map((name: string) => name.replace('_proj', '')).join('+')
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);
    map.set(key, `${SHORT[key] ?? key} ${text}`);
  }
  map.set('pairs', pairsTrait(run, runs));
  const scores = scoresTrait(run, runs);
  if (scores) map.set('scores', scores);
  return map;
}

/** The names of these runs, in their order: the objective, then whatever any two of them differ in: model, start, settings, pairs. */
export function runNames(runs: readonly RunRecord[]): string[] {
  const all = runs.map((run) => traits(run, runs));
  const keys = [...new Set(all.flatMap((map) => [...map.keys()]))].filter((key) => {
    if (key === 'objective') return true;
    // A hyperparameter that only another objective has is no difference: the objective's name says it.
    return new Set(all.filter((map) => map.has(key)).map((map) => map.get(key))).size > 1;
  });
  return all.map((map) => keys.flatMap((key) => map.get(key) || []).join(', '));
}
