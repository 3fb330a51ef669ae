/** Redraws its host when training goes on, at most once per frame. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { App } from '../../state/app.ts';

export class FollowTraining implements ReactiveController {
  #unsubscribe: (() => void) | undefined;
  #source: App['training'] | undefined;
  #frame = 0;

  constructor(
    readonly host: ReactiveControllerHost,
    readonly app: () => App | undefined,
  ) {
    host.addController(this);
  }

  /** Metrics and progress. */
  get training(): App['training'] {
    return this.app()!.training;
  }

  hostConnected(): void {
    this.#connect();
  }

  hostUpdate(): void {
    this.#connect();
  }

  hostDisconnected(): void {
    this.#unsubscribe?.();
    this.#source = undefined;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  #connect(): void {
    const source = this.app()?.training;
    if (!source || source === this.#source) return;
    this.#unsubscribe?.();
    this.#source = source;
    this.#unsubscribe = source.subscribe(() => {
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        this.host.requestUpdate();
      });
    });
  }
}
