/** Pasted text: prompts, answers, Markdown. */

import { parseInline } from '../../../src/components/gallery/markdown.ts';
import { diffWords } from '../../../src/components/pairs/diff.ts';
import { InputError } from '../../../src/errors.ts';
import { ChatTokenizer, ClipTokenizer } from '../../../src/models/tokenizer.ts';
import { locateMentions } from '../../../src/toybox/index.ts';
import { mutateText } from '../mutate.ts';
import { claim, type Target } from '../target.ts';
import { bundledTokenizer, json } from './models.ts';

let tokenizers: Promise<{ chat: ChatTokenizer; clip: ClipTokenizer }> | undefined;

async function load() {
  const files = {
    tokenizer: await json('toybox-clip/tokenizer.json'),
    tokenizerConfig: await json<Record<string, unknown>>('toybox-clip/tokenizer_config.json'),
  };
  const chat = ChatTokenizer.create(await bundledTokenizer(), 'tokenizer.json');
  return { chat, clip: new ClipTokenizer(files, 24) };
}

export const texts: Target<string> = {
  name: 'text',
  seeds: async () => [
    'What does the picture show?',
    'This is a picture of a basketball against a blue sky.',
    'Äpfel – „süß“, مرحبا, 中文, 👩‍👩‍👧‍👦.',
    '',
    '# A heading with $x^2$, `code`, *words* and [a link](https://example.org/)',
  ],
  mutate: mutateText,
  async run(text) {
    tokenizers ??= load();
    const { chat, clip } = await tokenizers;
    parseInline(text);
    locateMentions(text);
    const parts = diffWords(text, `${text.slice(0, 200)} and an apple`);
    claim(parts !== null, 'no difference');
    const { ids } = clip.encode(text);
    claim(ids.length <= 24 && ids.every(Number.isSafeInteger), `CLIP's tokens are ${ids}`);
    const answer = chat.encodeResponse(text);
    claim(answer.at(-1) === chat.eosTokenId && answer.every(Number.isSafeInteger), `the answer's tokens are ${answer}`);
    const shown = chat.pieces(answer).filter(({ special }) => !special);
    claim(
      shown
        .map((piece) => piece.text)
        .join('')
        .trim() === chat.decode(answer),
      'tokens show another text',
    );
    if (text.trim() === '') throw new InputError('The prompt is empty.');
    const prompt = chat.encodePrompt(text, 3);
    claim(prompt.filter((id) => id === chat.imageTokenId).length === 3, 'the prompt has not three image tokens');
  },
};
