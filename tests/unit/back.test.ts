import { expect } from '@esm-bundle/chai';
import { OverlayEntries } from '../../src/state/persistence/back.ts';

/** A browser's history with one page before this one; `back` and `forward` arrive when `travel` is called. */
class FakeHistory {
  entries: unknown[] = ['another site', null];
  at = 1;
  wanted: number | null = null;
  arrived: (state: unknown) => void = () => {};

  get state(): unknown {
    return this.entries[this.at];
  }
  pushState(state: unknown): void {
    this.entries = [...this.entries.slice(0, this.at + 1), state];
    this.at++;
  }
  replaceState(state: unknown): void {
    this.entries[this.at] = state;
  }
  back(): void {
    this.wanted = this.at - 1;
  }
  forward(): void {
    this.wanted = this.at + 1;
  }
  /** A person opens a link in this tab. */
  visit(): void {
    this.pushState(null);
    this.arrived(null);
  }
  travel(): void {
    if (this.wanted === null) return;
    this.at = this.wanted;
    this.wanted = null;
    this.arrived(this.state);
  }
}

function start(history = new FakeHistory(), open = false) {
  const page = { open };
  const entries = new OverlayEntries(history, open, () => set(false));
  const set = (next: boolean) => {
    page.open = next;
    entries.open = next;
  };
  const links: boolean[] = [];
  history.arrived = (state) => links.push(!entries.arrived(state));
  const back = () => {
    history.back();
    history.travel();
  };
  return { history, page, set, links, back };
}

describe('the browser’s Back', () => {
  it('closes what is open, and the page’s old address is no link', () => {
    const { history, page, set, links, back } = start();
    set(true);
    back();
    expect(page.open).to.equal(false);
    expect(history.at).to.equal(1);
    expect(links).to.deep.equal([false]);
    back();
    expect(history.state, 'the next one leaves').to.equal('another site');
  });

  it('has no more entries than before when it was closed otherwise, however often', () => {
    const { history, set } = start();
    for (let i = 0; i < 5; i++) {
      set(true);
      set(false);
      history.travel();
    }
    expect(history.at).to.equal(1);
    expect(history.entries).to.have.length(3);
  });

  it('has one entry for overlays that follow each other', () => {
    const { history, set, page, back } = start();
    set(true);
    set(false);
    set(true); // before the browser has gone back
    history.travel();
    expect(page.open).to.equal(true);
    expect(history.at).to.equal(2);
    back();
    expect(page.open).to.equal(false);
    expect(history.at).to.equal(1);
  });

  it('and Forward opens nothing and breaks nothing', () => {
    const { history, page, set, back } = start();
    set(true);
    back();
    history.forward();
    history.travel();
    expect(page.open).to.equal(false);
    set(true);
    expect(history.entries).to.have.length(3);
    back();
    expect(page.open).to.equal(false);
    expect(history.at).to.equal(1);
  });

  it('closes what a link opened, on arrival or later', () => {
    const { page, back, history } = start(new FakeHistory(), true);
    back();
    expect(page.open).to.equal(false);
    expect(history.at).to.equal(1);
    const later = start();
    later.history.visit();
    later.set(true);
    later.back();
    expect(later.page.open).to.equal(false);
    expect(later.history.at).to.equal(2);
    later.back();
    expect(later.links, 'from one link to the one before').to.deep.equal([true, false, true]);
  });

  it('knows its entry after the page was loaded again', () => {
    const { history, set } = start();
    set(true);
    const again = start(history, true);
    expect(history.entries).to.have.length(3);
    again.back();
    expect(again.page.open).to.equal(false);
    history.forward();
    history.travel();
    start(history, false);
    history.travel();
    expect(history.at, 'nothing is open, so its entry is left').to.equal(1);
  });
});
