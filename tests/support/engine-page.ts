/**
 * The whole engine path on the bundled models, without the page: load, sample, score, CLIP, evaluate, memory.
 * Open it from the dev server (`/tests/support/engine-page.html`), or let `tools/check-engine.mjs` drive it.
 */
import { EngineClient } from '../../src/engine/client.ts';
import type { Candidate } from '../../src/engine/engine.ts';
import { picture } from './pictures.ts';

const query = new URLSearchParams(location.search);
const models = { vlm: query.get('vlm') ?? 'toybox-vlm', clip: query.get('clip') ?? 'toybox-clip' };
const log = document.querySelector('#log')!;

function tell(label: string, value: unknown): void {
  log.textContent += `${label}: ${JSON.stringify(value, null, 1)}\n`;
}

async function check(): Promise<void> {
  const engine = new EngineClient({ baseUrl: new URL('/models/', location.href).href });
  let stage = '';
  engine.onState((state) => {
    const now =
      state.kind === 'loading' && state.progress ? `${state.progress.stage} ${state.progress.item}` : state.kind;
    if (now !== stage) tell(`${Math.round(performance.now())} ms`, now);
    stage = now;
  });
  const facts = await engine.load(models);
  tell('facts', { ...facts, device: { ...facts.device, limits: undefined } });

  const image = await picture('check', 160);
  const prompt = 'Describe the image.';
  const candidates: Candidate[] = [];
  const start = performance.now();
  let tokens = 0;
  for await (const event of engine.sample({
    image,
    prompt,
    n: 2,
    temperature: 1,
    topP: 0.95,
    maxTokens: 24,
    seed: 1,
  })) {
    if (event.type === 'token') tokens++;
    else candidates.push(event.candidate);
  }
  const seconds = (performance.now() - start) / 1000;
  tell(
    'answers',
    candidates.map(({ text, logpSum, finish }) => ({ text, logpSum, finish })),
  );
  tell('tokens per second', tokens / seconds);
  const [chosen, rejected] = candidates.map((candidate) => candidate.text);
  const one = await engine.logps({ image, prompt, response: chosen, model: 'policy' });
  tell('scored again', one.sum);
  const pair = await engine.pairLogps({ image, prompt, chosen, rejected });
  tell('row', pair.row);
  tell('clip', await engine.clipScore({ image, texts: [chosen, rejected] }));
  const evaluation = await engine.evaluate({
    objective: 'dpo_sigmoid',
    hyperparameters: { beta: 0.1 },
    rows: [pair.row],
  });
  tell('evaluation', evaluation);
  tell('memory', await engine.memory());
  engine.dispose();
}

check().then(
  () => tell('result', 'passed'),
  (error: Error) => tell('result', `failed: ${error.name}: ${error.message}`),
);
