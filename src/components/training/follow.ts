/** Redraws its host when something beside the state goes on, at most once per frame. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { App } from '../../state/app.ts';

interface Source {
  subscribe(listener: () => void): () => void;
}

class Follow<S extends Source> implements ReactiveController {
  #unsubscribe: (() => void) | undefined;
  #followed: S | undefined;
  #frame = 0;

  constructor(
    readonly host: ReactiveControllerHost,
    readonly source: () => S | undefined,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.#connect();
  }

  hostUpdate(): void {
    this.#connect();
  }

  hostDisconnected(): void {
    this.#unsubscribe?.();
    this.#followed = undefined;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  #connect(): void {
    const source = this.source();
    if (!source || source === this.#followed) return;
    this.#unsubscribe?.();
    this.#followed = source;
    this.#unsubscribe = source.subscribe(() => {
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        this.host.requestUpdate();
      });
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
