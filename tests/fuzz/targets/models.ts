/** Model folders: what a hub's configuration, processor and tokenizer files may say. */
import { fit, normalize, type PreprocessorConfig, pixelRecipe } from '../../../src/models/pixels.ts';
import { parseLlamaConfig } from '../../../src/models/policy/index.ts';
import { ChatTokenizer, type TokenizerFiles } from '../../../src/models/tokenizer.ts';
import { mutateJson, mutateText } from '../mutate.ts';
import { claim, type Target } from '../target.ts';

export const text = async (path: string): Promise<string> => (await fetch(`/models/${path}`)).text();
export const json = async <T>(path: string): Promise<T> => JSON.parse(await text(path));

interface Configs {
  readonly config?: unknown;
  readonly preprocessor?: PreprocessorConfig;
}

export const modelConfigs: Target<Configs> = {
  name: 'model-config',
  seeds: async () => {
    const old = { model_type: 'llama', vocab_size: 100, hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2 };
    return [
      { config: await json('toybox-vlm/config.json') },
      { config: { ...old, num_attention_heads: 4, rope_theta: 1e5, rms_norm_eps: 1e-5 } },
      { preprocessor: await json('toybox-vlm/preprocessor_config.json') },
      { preprocessor: await json('toybox-clip/preprocessor_config.json') },
    ];
  },
  mutate: ({ config, preprocessor }, random) =>
    config === undefined ? { preprocessor: mutateJson(preprocessor!, random) } : { config: mutateJson(config, random) },
  run({ config, preprocessor }) {
    if (config !== undefined) {
      for (const [name, value] of Object.entries(parseLlamaConfig(config))) {
        claim(typeof value === 'boolean' || (Number.isFinite(value) && value > 0), `${name} is ${value}`);
      }
    }
    if (preprocessor !== undefined) {
      const recipe = pixelRecipe(preprocessor, 'preprocessor_config.json');
      const image = { width: 6, height: 4, data: new Uint8Array(72).map((_, i) => 3 * i) };
      const values = normalize(fit(image, recipe), recipe);
      claim(values.length > 0 && values.every(Number.isFinite), 'a model would see values that are not finite');
    }
  },
};

export async function bundledTokenizer(): Promise<TokenizerFiles> {
  return {
    tokenizer: await json('toybox-vlm/tokenizer.json'),
    tokenizerConfig: await json('toybox-vlm/tokenizer_config.json'),
    chatTemplate: await text('toybox-vlm/chat_template.jinja'),
  };
}

export const tokenizers: Target<TokenizerFiles> = {
  name: 'tokenizer',
  seeds: async () => [await bundledTokenizer()],
  mutate({ tokenizer, tokenizerConfig, chatTemplate }, random) {
    return {
      tokenizer: random.chance(0.5) ? mutateJson(tokenizer, random) : tokenizer,
      tokenizerConfig: random.chance(0.4) ? mutateJson(tokenizerConfig, random) : tokenizerConfig,
      chatTemplate: random.chance(0.4) ? mutateText(chatTemplate!, random) : chatTemplate,
    };
  },
  run(files) {
    const chat = ChatTokenizer.create(files, 'tokenizer.json');
    const whole = (ids: readonly unknown[]) => ids.every((id) => Number.isSafeInteger(id) && (id as number) >= 0);
    const prompt = chat.encodePrompt('What does the picture show?', 4);
    claim(whole(prompt), `the prompt's tokens are ${JSON.stringify(prompt).slice(0, 200)}`);
    claim(prompt.filter((id) => id === chat.imageTokenId).length === 4, 'the prompt has not four image tokens');
    const answer = chat.encodeResponse('Two apples – „süß“.');
    claim(whole(answer), `the answer's tokens are ${JSON.stringify(answer).slice(0, 200)}`);
    claim(typeof chat.decode(answer) === 'string', 'decoding gives no text');
  },
};
