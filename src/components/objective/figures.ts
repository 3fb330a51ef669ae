/** What the objective panel shows numbers of: the person's pairs, or log-probabilities typed in by hand. */
import type { ReactiveControllerHost } from 'lit';
import type { Evaluation, PairRow } from '../../engine/engine.ts';
import { evaluateF64 } from '../../kernels/losses/evaluate.ts';
import type { InputName } from '../../kernels/losses/inputs.ts';
import type { App } from '../../state/app.ts';
import { Subscription } from '../../state/subscription.ts';

/** Rows, the ids they go by, and what the objective makes of them. */
export interface Figures {
  readonly ids: readonly string[];
  readonly rows: readonly PairRow[];
  readonly evaluation: Evaluation | null;
  readonly error: string | null;
}

/** The numbers of typed-in rows, always from the float64 reference: nothing is asked of the engine. */
export function typedFigures(
  rows: readonly PairRow[],
  objective: string,
  hyperparameters: Record<string, number>,
): Figures {
  const ids = rows.map((_, i) => `typed-${i + 1}`);
  if (rows.length === 0) return { ids, rows, evaluation: null, error: null };
  try {
    return { ids, rows, evaluation: evaluateF64({ objective, hyperparameters, rows }), error: null };
  } catch (error) {
    return { ids, rows, evaluation: null, error: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether an objective with these needs compares with a reference that, on all these rows, is still the policy itself. */
export function referenceIsPolicy(needs: readonly InputName[], rows: readonly PairRow[]): boolean {
  const ratioIsZero = (ratio: number | undefined, policy: number, reference: number | undefined) =>
    ratio !== undefined ? Math.abs(ratio) < 1e-9 : reference !== undefined && Math.abs(policy - reference) < 1e-9;
  return (
    rows.length > 0 &&
    needs.includes('refChosen') &&
    rows.every(
      (row) =>
        ratioIsZero(row.chosenLogRatio, row.chosen, row.refChosen) &&
        ratioIsZero(row.rejectedLogRatio, row.rejected, row.refRejected),
    )
  );
}

/** Redraws its host after every new evaluation. `app` is a function because it is set after construction. */
export class FollowEvaluation {
  constructor(
    host: ReactiveControllerHost,
    readonly app: () => App | undefined,
  ) {
    new Subscription(
      host,
      () => app()?.evaluation,
      (evaluation) => evaluation.subscribe(() => host.requestUpdate()),
    );
  }

  get figures(): Figures {
    const source = this.app()!.evaluation;
    return { ids: source.ids, rows: source.rows, evaluation: source.evaluation, error: source.error };
  }
}
