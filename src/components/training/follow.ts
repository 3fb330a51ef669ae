/** Redraws its host when something beside the state goes on, at most once per frame. */
import type { ReactiveControllerHost } from 'lit';
import type { App } from '../../state/app.ts';
import { Subscription } from '../../state/subscription.ts';

interface Source {
  subscribe(listener: () => void): () => void;
}

class Follow<S extends Source> {
  #frame = 0;

  constructor(
    host: ReactiveControllerHost,
    readonly source: () => S | undefined,
  ) {
    new Subscription(host, source, (followed) => {
      const unsubscribe = followed.subscribe(() => {
        this.#frame ||= requestAnimationFrame(() => {
          this.#frame = 0;
          host.requestUpdate();
        });
      });
      return () => {
        unsubscribe();
        cancelAnimationFrame(this.#frame);
        this.#frame = 0;
      };
    });
  }
}

/** Metrics and progress of training. */
export class FollowTraining extends Follow<App['training']> {
  constructor(host: ReactiveControllerHost, app: () => App | undefined) {
    super(host, () => app()?.training);
  }

  get training(): App['training'] {
    return this.source()!;
  }
}

/** What the next run would take. */
export class FollowForecast extends Follow<App['forecast']> {
  constructor(host: ReactiveControllerHost, app: () => App | undefined) {
    super(host, () => app()?.forecast);
  }

  get forecast(): App['forecast'] {
    return this.source()!;
  }
}
