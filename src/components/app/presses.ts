/**
 * A double click is one press. Buttons come and go under the finger: Sample makes place for Cancel, a deleted row for the
 * next one, a dialog opens where its button was. What the first click of a double click brought there does not get the
 * second; and a button marked `data-once` does its work once, however fast it is done.
 */
import type { ReactiveController, ReactiveControllerHost } from 'lit';

const CONTROLS = 'button, a[href], input, select, textarea, summary, label, dialog, [role="button"], [role="option"]';

/** What a click is meant for: the control that it lands on, else the very element. */
function targetOf(event: Event): EventTarget | undefined {
  const path = event.composedPath();
  return path.find((node) => node instanceof Element && node.matches(CONTROLS)) ?? path[0];
}

/** Listens on the window while its host is on the page. */
export class Presses implements ReactiveController {
  #first: EventTarget | undefined;

  constructor(host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    window.addEventListener('click', this.handle, { capture: true });
    window.addEventListener('keydown', this.hold, { capture: true });
  }

  hostDisconnected(): void {
    window.removeEventListener('click', this.handle, { capture: true });
    window.removeEventListener('keydown', this.hold, { capture: true });
  }

  /** One click; `detail` counts those that follow each other as fast as a double click, 0 from a keyboard or a script. */
  handle = (event: MouseEvent): void => {
    const target = targetOf(event);
    if (event.detail < 2) {
      this.#first = target;
      return;
    }
    const once = target instanceof HTMLElement && target.dataset.once !== undefined;
    if (target === this.#first && !once) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };

  /** A key held down presses a button once. */
  hold = (event: KeyboardEvent): void => {
    const target = event.composedPath()[0];
    if (event.repeat && event.key === 'Enter' && target instanceof HTMLButtonElement) event.preventDefault();
  };
}
