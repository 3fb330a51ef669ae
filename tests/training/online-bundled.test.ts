import { expect } from '@esm-bundle/chai';
import { lossById, tokenObjectives } from '../../src/kernels/losses/families/index.ts';
import { resolveHyperparameters } from '../../src/kernels/losses/hyperparameters.ts';
import { Policy, parseLlamaConfig } from '../../src/models/policy/index.ts';
import { ChatTokenizer } from '../../src/models/tokenizer.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { truthReward } from '../../src/preference/metrics/index.ts';
import { truthOf } from '../../src/preference/truth.ts';
import { randomScene } from '../../src/toybox/index.ts';
import { TRAINING_DEFAULTS } from '../../src/training/config.ts';
import { groupLossKernels, recordGroupLoss } from '../../src/training/online/group-loss.ts';
import { type Rollout, rewardAnswers, sampleAnswers } from '../../src/training/online/rollout.ts';
import { Optimizer, optimizerKernels } from '../../src/training/optimizer.ts';
import { bundledFiles, golden, type VlmGolden } from '../support/bundled.ts';
import { uploadVisual } from '../support/decoder-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

const GROUP = 4;

describe('online training of the bundled model', () => {
  it('raises what GRPO optimises on the very answers it sampled', async () => {
    const gpu = await sharedGpu();
    const files = await bundledFiles('toybox-vlm', 'vlm');
    const configJson = files.json('config') as { image_token_id: number };
    const config = parseLlamaConfig(configJson, 'config.json');
    const policy = await Policy.load(gpu, config, Safetensors.parse(files.bytes('weights'), 'model.safetensors'));
    const parts = { tokenizer: files.json('tokenizer'), tokenizerConfig: files.json('tokenizerConfig') } as const;
    const tokenizer = ChatTokenizer.create(
      {
        ...parts,
        tokenizerConfig: parts.tokenizerConfig as Record<string, unknown>,
        chatTemplate: files.text('chatTemplate'),
      },
      'tokenizer',
    );
    const adapter = policy.createAdapter({ r: 4, alpha: 8, seed: 1 });
    const optimizer = new Optimizer(gpu, adapter.parameters);
    const objective = lossById(tokenObjectives, 'grpo');
    await policy.prepareTraining();
    await gpu.prepare([...groupLossKernels(objective), ...optimizerKernels]);
    const scope = gpu.scope('test');
    const { seed, input_ids, image_features } = (await golden<VlmGolden>('vlm/golden.json')).cases[0];
    const prompt = {
      promptIds: input_ids,
      visual: uploadVisual(scope, image_features!, config.hiddenSize),
      imageTokenId: configJson.image_token_id,
    };

    const truth = truthOf({ scene: randomScene(seed) })!;
    const score = async (_: number, texts: readonly string[]) => texts.map((text) => truthReward(text, truth));
    const settings = { ...TRAINING_DEFAULTS, temperature: 1.5, max_completion_length: 20 };
    const sampling = { policy, adapter, config: settings, stopIds: [tokenizer.eosTokenId] };
    const decode = (ids: readonly number[]) => tokenizer.decode(ids);
    /** The first draw whose answers do not all earn the same: others teach nothing. */
    const rollout = async (position = 0): Promise<Rollout> => {
      const place = { seed: 1, step: 0, position };
      const [sampled] = await sampleAnswers([{ prompt, place }], [{ author: 'policy', n: GROUP }], sampling);
      const rewarded = await rewardAnswers(0, sampled, decode, [{ name: 'truth', weight: 1, score }], undefined);
      const distinct = new Set(rewarded.answers.map(({ reward }) => reward));
      return distinct.size > 1 ? rewarded : rollout(position + 1);
    };
    const { answers } = await rollout();

    const hyperparameters = resolveHyperparameters(objective, { beta: 0 });
    const sequences = answers.map(({ ids }) => ({ ...prompt, responseIds: ids }));
    const losses: number[] = [];
    let old: readonly number[][] | undefined;
    for (let step = 1; step <= 4; step++) {
      const work = gpu.scope('step');
      const pass = policy.trainingPass(sequences, adapter);
      const { logps, starts } = pass;
      const own = (await gpu.read(logps)) as Float32Array;
      const rows = answers.map((_, i) => [...own.subarray(starts[i], starts[i + 1])]);
      old ??= rows;
      const completions = answers.map(({ reward }, i) => ({ logps: rows[i], oldLogps: old![i], reward }));
      const batch = { groupSize: GROUP, completions };
      const { dLogps, partials } = recordGroupLoss(gpu, work, { objective, hyperparameters, batch, logps, starts });
      optimizer.zeroGradients();
      pass.backward(dLogps, optimizer.gradients);
      const [[norm], sums] = (await gpu.readAll([optimizer.norm(work), partials])) as Float32Array[];
      losses.push(sums.reduce((sum, value, at) => sum + (at % 2 === 0 ? value : 0), 0));
      optimizer.step(settings, 3e-4, step, 1, norm);
      pass.dispose();
      work.dispose();
    }
    // Every ratio is 1 before the first step, and advantages of a group cancel.
    expect(losses[0]).to.be.closeTo(0, 1e-5);
    for (const [index, loss] of losses.slice(1).entries()) expect(loss).to.be.lessThan(losses[index]);
    optimizer.dispose();
    adapter.dispose();
    scope.dispose();
    policy.dispose();
  });
});
