import { expect } from '@esm-bundle/chai';
import type { StepMetrics, TrainingPair, TrainingPrompt, TrainRequest } from '../../src/engine/engine.ts';
import { dropAdapter, type EngineHost, type JobContext } from '../../src/engine/jobs/host.ts';
import { train } from '../../src/engine/jobs/train.ts';
import { type EveryLoss, everyLoss } from '../../src/kernels/losses/families/every.ts';
import { VisionLanguageModel } from '../../src/models/vlm.ts';
import { truthOf } from '../../src/preference/truth.ts';
import { randomScene } from '../../src/toybox/index.ts';
import { bundledFiles, toyboxPicture } from '../support/bundled.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

/** Whose loss need not fall in three steps on the very batch, and why; the margin of their rewards grows. */
const MAY_RISE: Readonly<Record<string, string>> = {
  wpo: 'its weight stands under a stop-gradient, and grows as the answers become likelier',
};

const PROMPT = 'Describe the image.';
const ANSWERS = [
  { seed: 3, chosen: 'A red ball.', rejected: 'A blue ball and a cat.' },
  { seed: 5, chosen: 'A green tree.', rejected: 'A dog.' },
];
/** Facts about a pair that some objectives ask for. */
const INPUTS = {
  scoreChosen: 0.6,
  scoreRejected: 0.2,
  winProbChosen: 0.8,
  winProbRejected: 0.2,
  extraRewardChosen1: 0.1,
  extraRewardChosen2: 0.3,
  extraRewardRejected1: 0.2,
  extraRewardRejected2: 0.1,
  kept: 1,
};

/** Losses over answers that the policy samples: every step has other ones. */
const sampled = ({ kind }: EveryLoss) => kind === 'token' || kind === 'sequence';

describe('three steps with every loss', () => {
  let host: EngineHost;
  let request: Omit<TrainRequest, 'objective'>;
  let prompts: TrainingPrompt[];
  const context: JobContext = { signal: new AbortController().signal, onProgress: () => undefined };

  before(async () => {
    const gpu = await sharedGpu();
    const vlm = await VisionLanguageModel.load(gpu, await bundledFiles('toybox-vlm', 'vlm'), () => undefined);
    host = { gpu, vlm, clip: null };
    const images = await Promise.all(ANSWERS.map(({ seed }) => toyboxPicture(seed)));
    const pairs = ANSWERS.map(
      ({ chosen, rejected }, i): TrainingPair => ({
        image: images[i],
        prompt: PROMPT,
        chosen,
        rejected,
        inputs: INPUTS,
      }),
    );
    prompts = ANSWERS.map(({ seed }, i) => ({
      image: images[i],
      prompt: PROMPT,
      truth: truthOf({ scene: randomScene(seed) }),
    }));
    request = {
      pairs,
      config: {
        max_steps: 3,
        learning_rate: 1e-4,
        per_device_train_batch_size: 2,
        lr_scheduler_type: 'constant',
        save_steps: 0,
        num_generations: 2,
        max_completion_length: 4,
      },
      lora: { r: 4, lora_alpha: 8, target_modules: ['q_proj', 'v_proj'] },
    };
  });

  afterEach(() => dropAdapter(host));
  after(() => host.vlm!.dispose());

  /** Metrics of three steps, each on the whole batch. One pair is a batch where pairs do not act on one another. */
  async function steps(tagged: EveryLoss): Promise<StepMetrics[]> {
    const metrics: StepMetrics[] = [];
    const alone = tagged.kind === 'pairwise' && !tagged.loss.prepare;
    const given = sampled(tagged)
      ? { ...request, prompts, reward: { truth: 1 } }
      : { ...request, pairs: alone ? request.pairs.slice(0, 1) : request.pairs };
    await train(host, { ...given, objective: tagged.loss.id }, context, (event) => {
      if (event.type === 'step') metrics.push(event.metrics);
    });
    return metrics;
  }

  for (const tagged of everyLoss) {
    const { id } = tagged.loss;
    it(id, async () => {
      const metrics = await steps(tagged);
      expect(metrics).to.have.length(3);
      for (const { loss, grad_norm } of metrics) {
        expect(loss).to.satisfy(Number.isFinite);
        expect(grad_norm).to.satisfy(Number.isFinite);
      }
      const [first, , last] = metrics;
      if (sampled(tagged)) expect(first['completions/mean_length']).to.be.greaterThan(0);
      else if (id in MAY_RISE) expect(last['rewards/margins']).to.be.greaterThan(first['rewards/margins']!);
      else expect(last.loss).to.be.lessThan(first.loss);
    });
  }
});
