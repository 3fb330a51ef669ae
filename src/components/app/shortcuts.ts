/** The keys of the page. They act on intents, as the buttons do, and never while a person types in a field. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { App } from '../../state/app.ts';
import { candidatesOnTable } from '../../state/selectors.ts';
import { pointersOf } from '../shared/pointed.ts';

/** What the help shows; the same keys `handle` understands. */
export const SHORTCUTS: readonly { readonly keys: readonly string[]; readonly does: string }[] = [
  { keys: ['1', '…', '9'], does: 'pick a candidate' },
  { keys: ['c'], does: 'mark the picked candidate chosen' },
  { keys: ['r'], does: 'mark the picked candidate rejected' },
  { keys: ['t'], does: 'keep the two marked candidates as a tie' },
  { keys: ['a'], does: 'add the pair' },
  { keys: ['n'], does: 'next image' },
  { keys: ['e'], does: 'explore the objective on the whole window' },
  { keys: ['Space'], does: 'train, or pause the training' },
  { keys: ['Ctrl', 'Z'], does: 'undo (Cmd on a Mac)' },
  { keys: ['Ctrl', 'Shift', 'Z'], does: 'redo' },
  { keys: ['?'], does: 'show or hide this list' },
];

/** Whether the event comes from something a person writes in, looking through shadow roots. */
export function isTyping(event: Event): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true;
  if (!(target instanceof HTMLInputElement)) return false;
  return !['range', 'checkbox', 'radio', 'button', 'submit', 'reset', 'file', 'color'].includes(target.type);
}

/** Whether space already means something where the focus is: a button, a link, a box to tick, a tab. */
function answersSpace(event: Event): boolean {
  const target = event.composedPath()[0];
  return target instanceof Element && target.matches('button, a[href], summary, input, [role]');
}

/** Listens on the window while its host is on the page. */
export class Shortcuts implements ReactiveController {
  constructor(
    readonly host: ReactiveControllerHost,
    readonly app: () => App | undefined,
    readonly toggleHelp: () => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    window.addEventListener('keydown', this.handle);
  }

  hostDisconnected(): void {
    window.removeEventListener('keydown', this.handle);
  }

  /** One key press. Arrow function: it is the listener itself. */
  handle = (event: KeyboardEvent): void => {
    const app = this.app();
    if (!app || event.defaultPrevented || isTyping(event)) return;
    // A key held down acts once, but for those that go on step by step.
    if (event.repeat && !/^[nz]$/i.test(event.key)) return;
    if (event.key === '?') {
      this.act(event, this.toggleHelp);
      return;
    }
    // Behind a dialog nothing may change unseen.
    if (event.composedPath().some((node) => node instanceof HTMLDialogElement)) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== 'z' || event.altKey) return;
      this.act(event, () => (event.shiftKey ? app.intents.redo() : app.intents.undo()));
      return;
    }
    if (event.altKey) return;
    if (/^[1-9]$/.test(event.key)) {
      const candidate = candidatesOnTable(app.store.state)[Number(event.key) - 1];
      if (candidate) {
        this.act(event, () => {
          pointersOf(app).candidate.id = candidate.id;
        });
      }
      return;
    }
    if (event.key === ' ') {
      if (!answersSpace(event)) this.act(event, () => app.intents.toggleTraining());
      return;
    }
    const action = this.#actions(app)[event.key];
    if (action) this.act(event, action);
  };

  private act(event: Event, action: () => unknown): void {
    event.preventDefault();
    action();
  }

  #actions(app: App): Record<string, () => unknown> {
    const { intents } = app;
    const table = candidatesOnTable(app.store.state);
    const picked = table.find(({ id }) => id === pointersOf(app).candidate.id);
    const mark = (kind: 'chosen' | 'rejected') => {
      if (!picked) return;
      if (picked.mark === kind) intents.clearMark(picked.id);
      else if (kind === 'chosen') intents.markChosen(picked.id);
      else intents.markRejected(picked.id);
    };
    return {
      c: () => mark('chosen'),
      r: () => mark('rejected'),
      t: () => intents.tie(),
      a: () => intents.addPair(),
      n: () => intents.next(),
      e: () => intents.openOverlay('explorer'),
    };
  }
}
