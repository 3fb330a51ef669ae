/**
 * The one door to transformers.js, which gives us tokenizers and chat templates. Files reach it through our own loader
 * (`load-file.ts`), so that sizes and hashes are checked and cancellation works; the library itself is told never to
 * fetch anything, and to share our ONNX Runtime and its WASM. Nobody else imports `@xenova/transformers`.
 */

import { env, PreTrainedTokenizer } from '@xenova/transformers';
import { wasmPaths } from './ort.ts';

env.allowRemoteModels = false;
env.allowLocalModels = false;
if (env.backends.onnx.wasm) env.backends.onnx.wasm.wasmPaths = wasmPaths;

export type { PreTrainedTokenizer };

/** One turn as a chat template takes it. */
export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly content: readonly ({ readonly type: 'image' } | { readonly type: 'text'; readonly text: string })[];
}

/**
 * A tokenizer from the parsed `tokenizer.json` and `tokenizer_config.json` of a Hugging Face folder.
 * @param chatTemplate Jinja source, for folders that keep it in a file of its own.
 */
export function createTokenizer(
  tokenizerJson: unknown,
  tokenizerConfig: Readonly<Record<string, unknown>>,
  chatTemplate?: string,
): PreTrainedTokenizer {
  return new PreTrainedTokenizer(tokenizerJson, {
    ...tokenizerConfig,
    chat_template: chatTemplate ?? tokenizerConfig.chat_template,
  });
}

/** Renders the chat template to text. */
export function renderChat(
  tokenizer: PreTrainedTokenizer,
  messages: readonly ChatMessage[],
  addGenerationPrompt: boolean,
): string {
  // The library's type wants `content: string`; vision templates take a list of parts.
  return tokenizer.apply_chat_template(messages as never, {
    tokenize: false,
    add_generation_prompt: addGenerationPrompt,
  }) as string;
}
