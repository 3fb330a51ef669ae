import { expect } from '@esm-bundle/chai';
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { Select, shallowEqual } from '../../src/state/select.ts';
import { deepFreeze, Store } from '../../src/state/store.ts';

const microtask = () => new Promise<void>((resolve) => queueMicrotask(resolve));

class Host implements ReactiveControllerHost {
  redraws = 0;
  controllers: ReactiveController[] = [];
  updateComplete = Promise.resolve(true);
  addController(controller: ReactiveController) {
    this.controllers.push(controller);
  }
  removeController() {}
  requestUpdate() {
    this.redraws += 1;
  }
  /** What Lit does when the element comes onto the page, draws, and leaves. */
  connect() {
    for (const each of this.controllers) each.hostConnected?.();
  }
  update() {
    for (const each of this.controllers) each.hostUpdate?.();
  }
  disconnect() {
    for (const each of this.controllers) each.hostDisconnected?.();
  }
}

describe('Store', () => {
  it('tells subscribers once per microtask, with the newest state', async () => {
    const store = new Store({ n: 0 });
    const heard: number[] = [];
    store.subscribe(({ n }) => heard.push(n));
    for (let i = 0; i < 5; i++) store.update(({ n }) => ({ n: n + 1 }));
    expect(heard).to.deep.equal([]);
    await microtask();
    expect(heard).to.deep.equal([5]);
  });

  it('tells nobody when nothing changed', async () => {
    const store = new Store({ n: 0 });
    let heard = 0;
    store.subscribe(() => heard++);
    store.update((state) => state);
    await microtask();
    expect(heard).to.equal(0);
  });

  it('forgets a listener that unsubscribed', async () => {
    const store = new Store({ n: 0 });
    let heard = 0;
    store.subscribe(() => heard++)();
    store.update(() => ({ n: 1 }));
    await microtask();
    expect(heard).to.equal(0);
  });

  it('freezes the state all the way down', () => {
    const store = new Store({ list: [{ a: 1 }] });
    expect(() => {
      store.state.list[0].a = 2;
    }).to.throw(TypeError);
    store.update((state) => ({ list: [...state.list, { a: 3 }] }));
    expect(() => store.state.list.push({ a: 4 })).to.throw(TypeError);
  });

  it('leaves typed arrays and blobs as they are', () => {
    const value = deepFreeze({ bytes: new Uint8Array(2), blob: new Blob(['x']) });
    value.bytes[0] = 7;
    expect(value.bytes[0]).to.equal(7);
  });
});

describe('shallowEqual', () => {
  it('compares one level deep', () => {
    const inner = {};
    expect(shallowEqual({ a: inner, b: 1 }, { a: inner, b: 1 })).to.equal(true);
    expect(shallowEqual({ a: {} }, { a: {} })).to.equal(false);
    expect(shallowEqual([1, 2], [1, 2])).to.equal(true);
    expect(shallowEqual([1], { 0: 1 })).to.equal(false);
    expect(shallowEqual({ a: undefined }, { b: undefined })).to.equal(false);
  });
});

describe('Select', () => {
  it('redraws its host only when the selection changed', async () => {
    const store = new Store({ a: 1, b: 1 });
    const host = new Host();
    const select = new Select(host, store, ({ a }) => ({ a }));
    host.connect();
    store.update((state) => ({ ...state, b: 2 }));
    await microtask();
    expect(host.redraws).to.equal(0);
    store.update((state) => ({ ...state, a: 2 }));
    await microtask();
    expect(host.redraws).to.equal(1);
    expect(select.value).to.deep.equal({ a: 2 });
  });

  it('keeps one identity for an unchanged selection', () => {
    const store = new Store({ a: 1, b: 1 });
    const select = new Select(new Host(), store, ({ a }) => [a]);
    const first = select.value;
    store.update((state) => ({ ...state, b: 5 }));
    expect(select.value).to.equal(first);
  });

  it('hears nothing while its host is off the page', async () => {
    const store = new Store({ a: 1 });
    const host = new Host();
    new Select(host, store, ({ a }) => a);
    host.connect();
    host.disconnect();
    store.update(() => ({ a: 2 }));
    await microtask();
    expect(host.redraws).to.equal(0);
    host.connect();
    store.update(() => ({ a: 3 }));
    await microtask();
    expect(host.redraws).to.equal(1);
  });

  it('stays unsubscribed when an update that was asked for earlier comes after its host left the page', async () => {
    const store = new Store({ a: 1 });
    let listeners = 0;
    const subscribe = store.subscribe.bind(store);
    store.subscribe = (listener) => {
      const stop = subscribe(listener);
      listeners += 1;
      return () => {
        listeners -= 1;
        stop();
      };
    };
    const host = new Host();
    new Select(host, store, ({ a }) => a);
    host.connect();
    host.update();
    expect(listeners).to.equal(1);
    host.disconnect();
    host.update();
    expect(listeners).to.equal(0);
  });
});
