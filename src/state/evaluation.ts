/**
 * The live numbers: loss, rewards and margins of all scored pairs and of the draft, recomputed whenever one of them,
 * the objective or a hyperparameter changes. Coalesced per frame; the newest inputs win.
 */
import type { Engine, EvaluateRequest, Evaluation, PairEvaluation, PairRow } from '../engine/engine.ts';
import { evaluatePairsF64 } from '../kernels/losses/families/evaluate-pairs.ts';
import { taggedLoss } from '../kernels/losses/families/every.ts';
import { sentence } from './context.ts';
import { hyperparameterValues, objectiveNamed } from './objectives.ts';
import { namedAsOnPage, scoreInputs } from './scores.ts';
import { shallowEqual } from './select.ts';
import { draftOf } from './selectors.ts';
import type { AppState, CandidateRecord, PairRecord } from './state.ts';
import type { Store } from './store.ts';

/** Id under which the marked, not yet added pair stands among `ids`. */
export const DRAFT = 'draft';

/** An engine busy with a long job answers late; until then the float64 reference gives the numbers. */
const PATIENCE_MS = 250;

/** The row of two marked answers. Without an adapter the reference is the policy. */
export function draftRow(chosen: CandidateRecord, rejected: CandidateRecord): PairRow {
  return {
    chosen: chosen.logpSum,
    rejected: rejected.logpSum,
    refChosen: chosen.reference?.sum ?? chosen.logpSum,
    refRejected: rejected.reference?.sum ?? rejected.logpSum,
    chosenLength: chosen.tokens.length,
    rejectedLength: rejected.tokens.length,
    chosenLogRatio: chosen.reference ? chosen.logpSum - chosen.reference.sum : 0,
    rejectedLogRatio: rejected.reference ? rejected.logpSum - rejected.reference.sum : 0,
    ...(chosen.clip !== undefined &&
      rejected.clip !== undefined &&
      scoreInputs({ clip: { chosen: chosen.clip, rejected: rejected.clip } })),
  };
}

interface Inputs {
  readonly ids: readonly string[];
  readonly rows: readonly PairRow[];
  readonly objective: string;
  readonly hyperparameters: Readonly<Record<string, number>>;
}

/** Newer rows than the scores, while a run changes the policy. */
export interface RowsSeen {
  rowSeen(pair: PairRecord): PairRow | undefined;
  subscribe(listener: () => void): () => void;
}

/** Everything the numbers depend on. */
function inputsOf(state: AppState, training: RowsSeen): Inputs {
  const objective = objectiveNamed(state.settings.objective);
  const scored = state.pairs.filter((pair) => pair.verdict === 'preferred' && pair.scores);
  const ids = scored.map((pair) => pair.id);
  const rows = scored.map((pair) => ({ ...(training.rowSeen(pair) ?? pair.scores!.row), ...scoreInputs(pair) }));
  const draft = draftOf(state);
  const known = ({ tokens, reference }: CandidateRecord) =>
    tokens.length > 0 && (!state.adapter || reference !== undefined);
  if (draft && known(draft.chosen) && known(draft.rejected)) {
    ids.push(DRAFT);
    rows.push(draftRow(draft.chosen, draft.rejected));
  }
  return {
    ids,
    rows,
    objective: state.settings.objective,
    hyperparameters: objective ? hyperparameterValues(state.settings, objective) : {},
  };
}

function sameRow(a: PairRow, b: PairRow): boolean {
  return a === b || shallowEqual(a, b);
}

function sameInputs(a: Inputs, b: Inputs): boolean {
  return (
    a.objective === b.objective &&
    shallowEqual(a.hyperparameters, b.hyperparameters) &&
    shallowEqual(a.ids, b.ids) &&
    a.rows.every((row, index) => sameRow(row, b.rows[index]))
  );
}

/** Whether the engine would answer soon: training keeps it busy for long. */
const engineFree = ({ engine, training }: AppState): boolean => engine.kind === 'ready' && training.phase === 'idle';

/** Once per frame; a hidden page has no frames, so a timer stands in for them. */
function nextFrame(callback: () => void): void {
  if (document.visibilityState === 'hidden') setTimeout(callback, 16);
  else requestAnimationFrame(callback);
}

export class LiveEvaluation {
  #store: Store<AppState>;
  #engine: Engine;
  #training: RowsSeen;
  #listeners = new Set<() => void>();
  #inputs: Inputs | null = null;
  #scheduled = false;
  #inFlight = false;
  #available = false;
  /** Ends an evaluation whose inputs have been superseded while a busy engine had not begun it. */
  #latest: AbortController | null = null;
  #unsubscribe: readonly (() => void)[];

  /** Per pair in the order of `ids`, and the batch means; null when there is nothing to evaluate. */
  evaluation: Evaluation | null = null;
  /** Pair ids aligned with `evaluation.pairs` and `rows`; `'draft'` for the marked pair, which comes last. */
  ids: readonly string[] = [];
  /** The rows that were evaluated. */
  rows: readonly PairRow[] = [];
  /** The marked pair alone; null without one. */
  draft: PairEvaluation | null = null;
  /** Why the objective cannot be computed on these pairs, as a sentence. */
  error: string | null = null;

  constructor(store: Store<AppState>, engine: Engine, training: RowsSeen) {
    this.#store = store;
    this.#engine = engine;
    this.#training = training;
    this.#unsubscribe = [store.subscribe(() => this.#changed()), training.subscribe(() => this.#changed())];
    this.#changed();
  }

  /** Called after every new evaluation; returns the unsubscribe function. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The numbers of one pair, if it takes part. */
  of(id: string): PairEvaluation | undefined {
    const index = this.ids.indexOf(id);
    return index < 0 ? undefined : this.evaluation?.pairs[index];
  }

  dispose(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#listeners.clear();
  }

  #changed(): void {
    if (this.#scheduled) return;
    const inputs = inputsOf(this.#store.state, this.#training);
    const available = engineFree(this.#store.state);
    const engineCame = available && !this.#available;
    this.#available = available;
    if (this.#inputs && sameInputs(inputs, this.#inputs) && !engineCame) return;
    if (this.#inFlight) return; // looked at again when the answer is there
    this.#scheduled = true;
    nextFrame(() => {
      this.#scheduled = false;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    const inputs = inputsOf(this.#store.state, this.#training);
    this.#inputs = inputs;
    if (inputs.rows.length === 0) return this.#publish(inputs, null, null);
    const { objective, hyperparameters, rows } = inputs;
    const request: EvaluateRequest = { objective, hyperparameters, rows };
    // The engine evaluates pairs; what other families make of pairs is a picture, drawn here.
    const pairwise = taggedLoss(objective)?.kind === 'pairwise';
    if (!pairwise || !engineFree(this.#store.state)) return this.#reference(inputs, request);
    this.#inFlight = true;
    this.#latest?.abort();
    const controller = new AbortController();
    this.#latest = controller;
    try {
      const answer = this.#engine.evaluate(request, { signal: controller.signal });
      answer.catch(() => {}); // heard below, or superseded
      const late = Symbol('late');
      const first = await Promise.race([
        answer,
        new Promise<typeof late>((resolve) => setTimeout(resolve, PATIENCE_MS, late)),
      ]);
      if (first === late) {
        this.#reference(inputs, request);
        void this.#replaceLater(inputs, answer);
      } else {
        this.#publish(inputs, first, null);
      }
    } catch {
      // Whatever ails the engine, the same formulas in float64 say the numbers, or what is wrong with the inputs.
      this.#reference(inputs, request);
    } finally {
      this.#inFlight = false;
      if (!sameInputs(inputsOf(this.#store.state, this.#training), inputs)) this.#changed();
    }
  }

  /** A late answer of the kernel replaces the reference's numbers, unless the inputs have moved on. */
  async #replaceLater(inputs: Inputs, answer: Promise<Evaluation>): Promise<void> {
    const evaluation = await answer.catch(() => null);
    if (evaluation && this.#inputs === inputs) this.#publish(inputs, evaluation, null);
  }

  #reference(inputs: Inputs, request: EvaluateRequest): void {
    try {
      this.#publish(inputs, evaluatePairsF64(request), null);
    } catch (error) {
      this.#publish(inputs, null, namedAsOnPage(sentence(error), inputs.ids, this.#store.state.pairs));
    }
  }

  #publish(inputs: Inputs, evaluation: Evaluation | null, error: string | null): void {
    this.evaluation = evaluation;
    this.error = error;
    this.ids = inputs.ids;
    this.rows = inputs.rows;
    this.draft = inputs.ids.at(-1) === DRAFT ? (evaluation?.pairs.at(-1) ?? null) : null;
    for (const listener of [...this.#listeners]) listener();
  }
}
