/**
 * A vision-language model in working order: tokenizer, frozen vision tower (ORT) and trainable decoder (our kernels).
 */
import type { ImageInput } from '../engine/engine.ts';
import { ModelFileError, throwIfCancelled } from '../errors.ts';
import type { Gpu } from '../kernels/gpu/index.ts';
import type { ModelFiles } from './catalog.ts';
import { baseModel, readPreprocessor } from './model-json.ts';
import { type BaseModel, Policy, type PromptInput, parseLlamaConfig } from './policy/index.ts';
import { ChatTokenizer } from './tokenizer.ts';
import { VisionTower } from './vision-tower.ts';
import { Safetensors } from './weights/safetensors.ts';

/** What loading is at, for the progress display. */
export type LoadStep = (stage: 'compile' | 'check' | 'warm-up', item: string) => void;

export class VisionLanguageModel {
  private constructor(
    readonly tokenizer: ChatTokenizer,
    readonly tower: VisionTower,
    readonly policy: Policy,
    /** What an exported adapter names as the model it belongs to. */
    readonly base: BaseModel,
  ) {}

  /**
   * Puts a Hugging Face folder to work.
   * @throws {ModelFileError} naming the file that does not fit. @throws {CancelledError} between the parts.
   */
  static async load(gpu: Gpu, files: ModelFiles, step: LoadStep, signal?: AbortSignal): Promise<VisionLanguageModel> {
    const tokenizer = ChatTokenizer.create(
      {
        tokenizer: files.json('tokenizer'),
        tokenizerConfig: files.json('tokenizerConfig'),
        chatTemplate: chatTemplate(files),
      },
      files.name('tokenizer'),
    );
    step('compile', files.name('weights'));
    const configJson = files.json('config');
    const config = parseLlamaConfig(configJson, files.name('config'));
    checkVocabulary(tokenizer, config.vocabSize, files.name('tokenizer'));
    const preprocessor = readPreprocessor(files.json('preprocessor'), files.name('preprocessor'));
    const weights = Safetensors.parse(files.bytes('weights'), files.name('weights'));
    const policy = await Policy.load(gpu, config, weights);
    let tower: VisionTower | undefined;
    try {
      throwIfCancelled(signal);
      step('check', files.name('visionEncoder'));
      tower = await VisionTower.load(
        gpu,
        {
          model: files.bytes('visionEncoder'),
          name: files.name('visionEncoder'),
          preprocessor,
        },
        signal,
      );
      if (tower.hidden !== policy.config.hiddenSize) {
        throw new ModelFileError(
          `${files.name('visionEncoder')} gives features ${tower.hidden} wide, but the decoder takes ${policy.config.hiddenSize}: the files belong to different models.`,
          files.name('visionEncoder'),
        );
      }
      const model = new VisionLanguageModel(tokenizer, tower, policy, baseModel(files.entry.source, configJson));
      step('warm-up', files.entry.label);
      await model.warmUp(gpu, signal);
      return model;
    } catch (error) {
      policy.dispose();
      await tower?.dispose();
      throw error;
    }
  }

  /**
   * Prompt ids and visual features, ready for the decoder.
   * @throws {InputError} for an empty prompt or a picture that cannot be decoded.
   */
  async prompt(image: ImageInput, prompt: string): Promise<PromptInput & { readonly promptIds: number[] }> {
    const { tokenizer, tower } = this;
    const promptIds = tokenizer.encodePrompt(prompt, tower.visualTokens);
    return { promptIds, visual: await tower.features(image), imageTokenId: tokenizer.imageTokenId };
  }

  async dispose(): Promise<void> {
    this.policy.dispose();
    await this.tower.dispose();
  }

  /** Runs everything once over blank features, so that the first answer does not wait for pipelines or buffers. */
  private async warmUp(gpu: Gpu, signal?: AbortSignal): Promise<void> {
    const { tokenizer, tower, policy } = this;
    const scope = gpu.scope('warm-up');
    try {
      const prompt = {
        promptIds: tokenizer.encodePrompt('Describe the image.', tower.visualTokens),
        visual: scope.zeros('f32', [tower.visualTokens, tower.hidden], 'blank features'),
        imageTokenId: tokenizer.imageTokenId,
      };
      await policy.score({ ...prompt, responseIds: tokenizer.encodeResponse('A picture.'), signal });
      const settings = { n: 1, temperature: 0, topP: 1, maxTokens: 2, stopIds: [tokenizer.eosTokenId] };
      for await (const _ of policy.generate({ prompts: [{ ...prompt, seed: 0 }], ...settings, signal }));
    } finally {
      scope.dispose();
    }
  }
}

/** The decoder embeds both tokens in every sequence. @throws {ModelFileError} when it has no row for them. */
function checkVocabulary({ imageTokenId, eosTokenId }: ChatTokenizer, size: number, name: string): void {
  const wrong = [imageTokenId, eosTokenId].find((id) => id >= size);
  if (wrong === undefined) return;
  throw new ModelFileError(
    `${name} has token ${wrong}, but the decoder knows only ${size}: the files belong to different models.`,
    name,
  );
}

/** Jinja source in a file of its own: plain, or inside `chat_template.json`. */
function chatTemplate(files: ModelFiles): string | undefined {
  const text = files.text('chatTemplate');
  if (text === undefined || !files.name('chatTemplate').endsWith('.json')) return text;
  const json = files.json<{ chat_template?: unknown } | null>('chatTemplate');
  if (typeof json?.chat_template === 'string') return json.chat_template;
  throw new ModelFileError(`${files.name('chatTemplate')} holds no chat template.`, files.name('chatTemplate'));
}
