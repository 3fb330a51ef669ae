/** What an earlier visit left, and how it comes back. */
import type { ModelIds } from '../../engine/engine.ts';
import { DEFAULT_SETTINGS, INITIAL_STATE } from '../defaults.ts';
import { repairSelections } from '../history.ts';
import type { AppState, CandidateRecord, RunRecord, Settings } from '../state.ts';

export interface Restored {
  /** The stored part of the state, to be laid over a fresh one. */
  readonly state: Partial<
    Pick<AppState, 'images' | 'candidates' | 'pairs' | 'selectedImage' | 'selectedPair' | 'adapter'>
  >;
  readonly training: Partial<AppState['training']>;
  readonly settings: Partial<Settings>;
  readonly view: Partial<AppState['view']>;
  /** Models that the link asks for: they become settings when they have loaded. */
  readonly models?: Partial<ModelIds>;
  /** What of the link cannot be used, as sentences. */
  readonly problems?: readonly string[];
}

/** What was streaming or being scored when the page went away is picked up where it can be. */
export function revive(candidate: CandidateRecord): CandidateRecord {
  if (candidate.status !== 'streaming') return candidate;
  return { ...candidate, status: candidate.text.trim() ? 'scoring' : 'ready', finish: 'cancelled' };
}

/** A run that a closed tab ended can be continued from its newest checkpoint. */
function interrupted(run: RunRecord): RunRecord {
  if (run.status !== 'running') return run;
  return {
    ...run,
    status: 'paused',
    message: `The page was closed during this run. It can go on from step ${run.step}.`,
  };
}

/** What was stored, as a state of its own. */
export const asState = (restored: Restored): AppState => withRestored(INITIAL_STATE, restored);

/** Lays what was stored under what has happened since the page opened (a picture dropped early is not lost). */
export function withRestored(state: AppState, restored: Restored): AppState {
  const merge = <T extends { readonly id: string }>(stored: readonly T[] = [], now: readonly T[]): readonly T[] => {
    const known = new Set(stored.map(({ id }) => id));
    return [...stored, ...now.filter(({ id }) => !known.has(id))];
  };
  return repairSelections({
    ...state,
    settings: { ...DEFAULT_SETTINGS, ...restored.settings },
    images: merge(restored.state.images, state.images),
    candidates: merge(restored.state.candidates, state.candidates),
    pairs: merge(restored.state.pairs, state.pairs),
    selectedImage: state.selectedImage ?? restored.state.selectedImage ?? null,
    selectedPair: state.selectedPair ?? restored.state.selectedPair ?? null,
    adapter: restored.state.adapter ?? null,
    training: {
      ...INITIAL_STATE.training,
      ...restored.training,
      runs: (restored.training.runs ?? []).map(interrupted),
    },
    view: { ...INITIAL_STATE.view, overlay: state.view.overlay, loss: state.view.loss, ...restored.view },
  });
}
