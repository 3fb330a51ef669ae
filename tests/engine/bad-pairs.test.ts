import { expect } from '@esm-bundle/chai';
import type { TrainingPair, TrainRequest } from '../../src/engine/engine.ts';
import { dropAdapter, type EngineHost, type JobContext } from '../../src/engine/jobs/host.ts';
import { unload } from '../../src/engine/jobs/load.ts';
import { plan, train } from '../../src/engine/jobs/train.ts';
import { InputError } from '../../src/errors.ts';
import { picture } from '../support/pictures.ts';
import { tinyHost } from '../support/tiny-host.ts';
import { MAX_POSITIONS } from '../support/tiny-model.ts';

const context: JobContext = { signal: new AbortController().signal, onProgress: () => undefined };

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing was thrown',
    (error: Error) => {
      expect(error, error.message).to.be.instanceOf(InputError);
      return error.message;
    },
  );

describe('one bad pair in training is named by its number', () => {
  let host: EngineHost;
  let good: TrainingPair;

  before(async () => {
    host = await tinyHost();
    good = { image: await picture('one', 16), prompt: 'What is there?', chosen: 'A cat.', rejected: 'A dog.' };
  });
  after(() => unload(host));
  afterEach(() => dropAdapter(host));

  /** Twelve pairs, the third of them with these fields. */
  const request = (bad: Partial<TrainingPair>, objective = 'dpo_sigmoid'): TrainRequest => ({
    pairs: Array.from({ length: 12 }, (_, i) => (i === 2 ? { ...good, ...bad } : good)),
    objective,
    config: { max_steps: 4, per_device_train_batch_size: 4 },
    lora: { r: 2 },
  });

  const long = 'a cat '.repeat(MAX_POSITIONS);
  const cases: [what: string, bad: Partial<TrainingPair>, message: string][] = [
    ['an empty prompt', { prompt: ' \n' }, 'Pair 3 of 12: the prompt is empty.'],
    ['an empty chosen answer', { chosen: ' ' }, 'Pair 3 of 12: the chosen answer is empty.'],
    ['an empty rejected answer', { rejected: '' }, 'Pair 3 of 12: the rejected answer is empty.'],
    ['equal answers', { chosen: 'A cat.', rejected: ' A cat.' }, 'Pair 3 of 12: both answers are the same text'],
    ['a special token in the prompt', { prompt: 'an <image>' }, 'Pair 3 of 12: the prompt contains <image>'],
    ['a special token in an answer', { rejected: 'a<end_of_utterance>' }, 'Pair 3 of 12: the response contains'],
    ['too long an answer', { chosen: long }, 'Pair 3 of 12 has '],
    ['too long a prompt', { prompt: long }, 'Pair 3 of 12 has '],
  ];
  for (const [what, bad, message] of cases) {
    it(`${what}, before a step is taken and in the forecast`, async () => {
      expect(await messageOf(train(host, request(bad), context, () => undefined))).to.contain(message);
      expect(await messageOf(plan(host, request(bad)))).to.contain(message);
    });
  }

  it('a picture that cannot be decoded, for objectives that look at copies of it as well', async () => {
    const bad = { image: { id: 'broken', blob: new Blob(['no picture']) } };
    for (const objective of ['dpo_sigmoid', 'mdpo', 'povid_stage2_code']) {
      expect(await messageOf(train(host, request(bad, objective), context, () => undefined)), objective).to.match(
        /^Pair 3 of 12: /,
      );
    }
  });

  it('a prompt, for objectives that sample their own answers', async () => {
    const { pairs } = request({});
    const prompts = pairs.map(({ image }, i) => ({ image, prompt: i === 4 ? ' ' : `What is number ${i}?` }));
    const online = { ...request({}, 'grpo'), pairs: [], prompts };
    expect(await messageOf(plan(host, online))).to.contain('Prompt 5 of 12: the prompt is empty.');
  });
});
