// What a soak looks at: GPU bytes, JavaScript heaps after a collection, resident memory of the browser's processes,
// DOM, listeners and storage. Through the DevTools protocol, so the page itself carries nothing for it.

import { readFile } from 'node:fs/promises';

const MIB = 2 ** 20;
const ANSWER_MS = 60_000;

/** Speaks to the page's workers, whose DevTools sessions Playwright does not open. */
class Workers {
  #page;
  #sessions = new Map();
  #waiting = new Map();
  #next = 1;

  constructor(page) {
    this.#page = page;
  }

  async watch() {
    this.#page.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') this.#sessions.set(sessionId, targetInfo.url);
    });
    this.#page.on('Target.detachedFromTarget', ({ sessionId }) => this.#sessions.delete(sessionId));
    this.#page.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result, error } = JSON.parse(message);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    });
    await this.#page.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  }

  /** The answers of all workers whose script has this in its address. */
  async ask(script, method) {
    const answers = [];
    for (const [sessionId, url] of this.#sessions) {
      if (url.includes(script)) answers.push(await this.#send(sessionId, method));
    }
    return answers;
  }

  #send(sessionId, method) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The worker gave no answer to ${method}.`)), ANSWER_MS);
      const ended = (settle) => (value) => {
        clearTimeout(timer);
        settle(value);
      };
      this.#waiting.set(id, { resolve: ended(resolve), reject: ended(reject) });
      this.#page
        .send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) })
        .catch(ended(reject));
    });
  }
}

/** Resident bytes of a process; NaN where the system does not tell. */
async function residentMemory(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** Used JavaScript heap and what it holds outside it: array buffers, WebAssembly memory. */
const heapBytes = ({ usedSize, backingStorageSize = 0 }) => usedSize + backingStorageSize;

/**
 * A probe of one page.
 *
 * @returns a function that gives one reading, sizes in MiB
 */
export async function probe(browser, page) {
  const session = await page.context().newCDPSession(page);
  const whole = await browser.newBrowserCDPSession();
  const workers = new Workers(session);
  await workers.watch();

  return async () => {
    // Twice: what a finaliser lets go of in the first is collected in the second.
    for (let i = 0; i < 2; i += 1) {
      await session.send('HeapProfiler.collectGarbage');
      await workers.ask('engine/worker', 'HeapProfiler.collectGarbage');
      await workers.ask('assets/worker', 'HeapProfiler.collectGarbage');
    }
    const [heap, dom, { processInfo }] = await Promise.all([
      session.send('Runtime.getHeapUsage'),
      session.send('Memory.getDOMCounters'),
      whole.send('SystemInfo.getProcessInfo'),
    ]);
    const ofWorkers = [
      ...(await workers.ask('engine/worker', 'Runtime.getHeapUsage')),
      ...(await workers.ask('assets/worker', 'Runtime.getHeapUsage')),
    ];
    const { usage } = await session.send('Storage.getUsageAndQuota', { origin: new URL(page.url()).origin });
    const { liveBytes, peakBytes } = await page.evaluate(() =>
      document.querySelector('margin-app').app.engine.memory(),
    );
    const resident = async (type) => {
      const sizes = await Promise.all(
        processInfo.filter((each) => each.type === type).map(({ id }) => residentMemory(id)),
      );
      // The browser keeps spare renderers; the page's own is by far the largest.
      return Math.max(...sizes.filter(Number.isFinite));
    };
    const mib = (bytes) => Math.round((1000 * bytes) / MIB) / 1000;
    return {
      gpu_live: mib(liveBytes),
      gpu_peak: mib(peakBytes),
      heap_page: mib(heapBytes(heap)),
      heap_worker: mib(ofWorkers.map(heapBytes).reduce((sum, bytes) => sum + bytes, 0)),
      rss_browser: mib(await resident('browser')),
      rss_renderer: mib(await resident('renderer')),
      rss_gpu: mib(await resident('GPU')),
      dom_nodes: dom.nodes,
      listeners: dom.jsEventListeners,
      storage: mib(usage),
    };
  };
}
