/**
 * Trains an adapter for the bundled model with the product's kernels and exports it, for PEFT to read:
 *
 *   node tools/node-gpu.mjs tests/golden/adapter_round_trip.ts
 *   python tests/golden/check_adapter_round_trip.py
 *
 * Writes tests/.artifacts/adapter.zip, and adapter.json with the log-probabilities it gives.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { Gpu } from '../../src/kernels/gpu/index.ts';
import { exportPeft, Policy, parseLlamaConfig } from '../../src/models/policy/index.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import type { TokenizedPair } from '../../src/training/data.ts';
import { sequencesOf } from '../../src/training/data.ts';
import { runSettings } from '../../src/training/settings.ts';
import { Trainer } from '../../src/training/trainer.ts';

const MODEL = 'models/toybox-vlm';
const OUT = 'tests/.artifacts';

interface Case {
  readonly input_ids: number[];
  readonly answer_ids: number[];
  readonly logps: number[];
  readonly image_features?: string;
}

export default async function run(entry: GPU): Promise<void> {
  const gpu = await Gpu.create({ gpu: entry });
  const configJson = JSON.parse(await readFile(`${MODEL}/config.json`, 'utf8'));
  const file = await readFile(`${MODEL}/model.safetensors`);
  const weights = Safetensors.parse(file, 'model.safetensors');
  const policy = await Policy.load(gpu, parseLlamaConfig(configJson), weights);
  await policy.prepareTraining();
  const golden = JSON.parse(await readFile('tests/golden/vlm/golden.json', 'utf8')) as { cases: Case[] };
  const cases = golden.cases.filter(({ image_features }) => image_features !== undefined);
  const scope = gpu.scope('features');
  const pairs = cases.map(({ input_ids, answer_ids, image_features }, index): TokenizedPair => {
    const bytes = Uint8Array.from(Buffer.from(image_features!, 'base64'));
    const values = new Float32Array(bytes.buffer);
    const visual = scope.upload(
      'f32',
      [values.length / policy.config.hiddenSize, policy.config.hiddenSize],
      values,
      'features',
    );
    return {
      key: `case ${index}`,
      promptIds: input_ids,
      imageTokenId: configJson.image_token_id,
      visual: async () => visual,
      chosenIds: answer_ids,
      rejectedIds: cases[(index + 1) % cases.length].answer_ids,
    };
  });
  const settings = runSettings({
    objective: 'dpo_sigmoid',
    config: { max_steps: 5, learning_rate: 1e-3, per_device_train_batch_size: 4 },
  });
  const adapter = policy.createAdapter({ seed: settings.config.seed });
  const trainer = new Trainer({ gpu, policy, adapter, pairs, settings });
  for await (const event of trainer.run()) {
    if (event.type === 'step') console.log(`step ${event.metrics.step}: loss ${event.metrics.loss.toFixed(4)}`);
  }
  const scores = await policy.scoreMany(await sequencesOf(pairs), { adapter });
  await mkdir(OUT, { recursive: true });
  await writeFile(`${OUT}/adapter.zip`, await exportPeft(adapter.plan, await adapter.read()));
  const logps = scores.map(({ logps }) => [...logps]);
  const sequences = pairs.flatMap(({ promptIds, chosenIds, rejectedIds }, index) =>
    [chosenIds, rejectedIds].map((answer) => ({ case: index, input_ids: promptIds, answer_ids: answer })),
  );
  await writeFile(
    `${OUT}/adapter.json`,
    JSON.stringify({
      sha256: createHash('sha256').update(file).digest('hex'),
      features: cases.map(({ image_features }) => image_features),
      sequences,
      logps,
    }),
  );
  const moved = cases.map(({ logps }, index) =>
    scores[2 * index].logps.reduce((sum, logp, t) => sum + logp - logps[t], 0),
  );
  console.log(`chosen answers moved by ${moved.map((value) => value.toFixed(2)).join(', ')} nats`);
}
