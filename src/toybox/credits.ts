/** Where the sprites come from; shown on the page and repeated in models/README.md. */
import type { Style } from './nouns.ts';

export type SpriteCredit = {
  style: Style;
  title: string;
  author: string;
  licence: string;
  licenceUrl: string;
  source: string;
};

export const SPRITE_CREDITS: readonly SpriteCredit[] = [
  {
    style: 'noto',
    title: 'Noto Emoji',
    author: 'Google Inc.',
    licence: 'Apache-2.0',
    licenceUrl: 'https://github.com/googlefonts/noto-emoji/blob/main/svg/LICENSE',
    source: 'https://github.com/googlefonts/noto-emoji',
  },
  {
    style: 'fluent',
    title: 'Fluent UI Emoji (flat)',
    author: 'Microsoft Corporation',
    licence: 'MIT',
    licenceUrl: 'https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE',
    source: 'https://github.com/microsoft/fluentui-emoji',
  },
  {
    style: 'twemoji',
    title: 'Twitter Emoji (Twemoji)',
    author: 'Twitter, Inc. and other contributors',
    licence: 'CC BY 4.0',
    licenceUrl: 'https://creativecommons.org/licenses/by/4.0/',
    source: 'https://github.com/twitter/twemoji',
  },
];
