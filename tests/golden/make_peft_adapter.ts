/**
 * Trains an adapter for the bundled model with the product's kernels and exports it, for PEFT to read:
 *
 *   node tools/node-gpu.mjs tests/golden/make_peft_adapter.ts
 *   python tests/golden/make_peft_golden.py
 *
 * Writes tests/golden/peft/adapter.zip. Run it again when the bundled model or the format of the export changes.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { Gpu } from '../../src/kernels/gpu/index.ts';
import { baseModel } from '../../src/models/model-json.ts';
import { exportPeft, Policy, parseLlamaConfig } from '../../src/models/policy/index.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { loraConfig } from '../../src/training/checkpoint.ts';
import type { TokenizedPair } from '../../src/training/data.ts';
import { runSettings } from '../../src/training/settings.ts';
import { Trainer } from '../../src/training/trainer.ts';

const MODEL = 'models/toybox-vlm';
const OUT = 'tests/golden/peft';

interface Case {
  readonly input_ids: number[];
  readonly answer_ids: number[];
  readonly image_features?: string;
}

export default async function run(entry: GPU): Promise<void> {
  const gpu = await Gpu.create({ gpu: entry });
  const configJson = JSON.parse(await readFile(`${MODEL}/config.json`, 'utf8'));
  const weights = Safetensors.parse(await readFile(`${MODEL}/model.safetensors`), 'model.safetensors');
  const policy = await Policy.load(gpu, parseLlamaConfig(configJson), weights);
  const { hiddenSize } = policy.config;
  const golden = JSON.parse(await readFile('tests/golden/vlm/golden.json', 'utf8')) as { cases: Case[] };
  const cases = golden.cases.filter(({ image_features }) => image_features !== undefined);
  const scope = gpu.scope('features');
  const pairs = cases.map(({ input_ids, answer_ids, image_features }, index): TokenizedPair => {
    const values = new Float32Array(Uint8Array.from(Buffer.from(image_features!, 'base64')).buffer);
    const visual = scope.upload('f32', [values.length / hiddenSize, hiddenSize], values, 'features');
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
    lora: { r: 4, lora_alpha: 8, lora_dropout: 0.05 },
  });
  const adapter = policy.createAdapter(loraConfig(settings));
  const trainer = new Trainer({ gpu, policy, adapter, pairs, settings });
  for await (const event of trainer.run()) {
    if (event.type === 'step') console.log(`step ${event.metrics.step}: loss ${event.metrics.loss.toFixed(4)}`);
  }
  const base = baseModel({ type: 'bundled', path: 'toybox-vlm' }, configJson);
  await mkdir(OUT, { recursive: true });
  await writeFile(`${OUT}/adapter.zip`, await exportPeft(adapter.plan, await adapter.read(), base));
}
