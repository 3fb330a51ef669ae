/**
 * Design tokens as CSS custom properties, for light and dark. They stand on `:root` and inherit into every shadow
 * root, so components write `var(--m-text)` and never a colour. Text tokens reach 4.5:1 on every surface token.
 *
 * Chosen is blue and rejected is orange: the pair that protan, deutan and tritan viewers tell apart. Neither is
 * ever used without a word or a shape beside it.
 */
import { type CSSResult, css } from 'lit';

const light = css`
  color-scheme: light;
  --m-bg: #f6f5f1;
  --m-surface: #ffffff;
  --m-surface-2: #efede7;
  --m-text: #1d1c1a;
  --m-muted: #5a5750;
  --m-line: #d8d4ca;
  --m-line-strong: #8a867c;
  --m-accent: #2a2926;
  --m-on-accent: #ffffff;
  --m-focus: #0b5cd6;
  --m-chosen: #1456b8;
  --m-chosen-soft: #e3edfb;
  --m-on-chosen: #ffffff;
  --m-rejected: #a3440c;
  --m-rejected-soft: #fcebdd;
  --m-on-rejected: #ffffff;
  --m-danger: #ad1327;
  --m-danger-soft: #fdeaea;
  --m-ok: #1c6b3c;
  --m-token: #8e44c9;
  --m-token-strength: 46%;
  --m-line-1: #1d1c1a;
  --m-line-2: #0068a8;
  --m-line-3: #b84a00;
  --m-line-4: #00755a;
  --m-line-5: #a03a78;
  --m-line-6: #7a6000;
  --m-line-7: #5b4bb0;
  --m-line-8: #6b625a;
  --m-field-strong: #5b2d92;
  --m-field-zero: #bda3e0;
  --m-field-weak: #fdfcff;
  --m-shadow: 0 1px 2px rgb(0 0 0 / 0.06), 0 4px 16px rgb(0 0 0 / 0.08);
`;

const dark = css`
  color-scheme: dark;
  --m-bg: #131416;
  --m-surface: #1b1d20;
  --m-surface-2: #272a2e;
  --m-text: #eeece7;
  --m-muted: #aeaba3;
  --m-line: #393c41;
  --m-line-strong: #85888e;
  --m-accent: #eeece7;
  --m-on-accent: #1b1d20;
  --m-focus: #8cbcff;
  --m-chosen: #82b6ff;
  --m-chosen-soft: #1c2f4a;
  --m-on-chosen: #0c1a2d;
  --m-rejected: #ffa55f;
  --m-rejected-soft: #43280f;
  --m-on-rejected: #2b1503;
  --m-danger: #ff9a94;
  --m-danger-soft: #461d20;
  --m-ok: #86d7a6;
  --m-token: #b07be6;
  --m-token-strength: 58%;
  --m-line-1: #eeece7;
  --m-line-2: #6cb9f2;
  --m-line-3: #ff9a52;
  --m-line-4: #42cfa6;
  --m-line-5: #f09ccb;
  --m-line-6: #e6c84d;
  --m-line-7: #b3a6ff;
  --m-line-8: #b5aca2;
  --m-field-strong: #dcc4ff;
  --m-field-zero: #704a9f;
  --m-field-weak: #1b181f;
  --m-shadow: 0 1px 2px rgb(0 0 0 / 0.4), 0 6px 20px rgb(0 0 0 / 0.45);
`;

/** The whole token sheet: system theme by default, `<html data-theme="light|dark">` overrides it. */
export const tokens: CSSResult = css`
  :root {
    ${light}
    --m-radius: 6px;
    --m-gap: 12px;
    --m-font: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif;
    --m-font-serif: 'Iowan Old Style', 'Palatino Linotype', Palatino, 'Book Antiqua', Georgia, serif;
    --m-font-mono: ui-monospace, 'SF Mono', 'Cascadia Mono', 'Segoe UI Mono', Menlo, Consolas, 'DejaVu Sans Mono',
      monospace;
    --m-size: 15px;
    --m-size-small: 13px;
    --m-size-large: 18px;
    --m-size-number: 22px;
  }
  @media (prefers-color-scheme: dark) {
    :root:not([data-theme='light']) {
      ${dark}
    }
  }
  :root[data-theme='dark'] {
    ${dark}
  }
  html,
  body {
    margin: 0;
    height: 100%;
    background: var(--m-bg);
    color: var(--m-text);
    font: var(--m-size) / 1.45 var(--m-font);
  }
`;

/** Puts the tokens on the page, once: as a constructed sheet, which the page's policy allows. Tests that mount one component call it too. */
export function installTheme(): void {
  const sheet = tokens.styleSheet!;
  if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets.push(sheet);
}

/** `system` follows the operating system; the other two override it. */
export function applyTheme(theme: 'system' | 'light' | 'dark', target: Document = document): void {
  if (theme === 'system') delete target.documentElement.dataset.theme;
  else target.documentElement.dataset.theme = theme;
}

/**
 * Background of one token by its log-probability: none at probability 1, full strength at `floor` nats and below.
 * One hue of rising strength, so that it reads in grey as well; the text colour never changes.
 */
export function tokenTint(logp: number, floor = -6): string {
  const strength = Math.min(1, Math.max(0, logp / floor));
  return `color-mix(in srgb, var(--m-token) calc(var(--m-token-strength) * ${strength.toFixed(3)}), transparent)`;
}

/** Nats of difference at which the colour is full. */
const FULL = 2;

/** Background of a token that the policy finds more (blue) or less (orange) likely than the reference does. */
export function differenceTint(policy: number, reference: number): string {
  const difference = policy - reference;
  const strength = Math.min(1, Math.abs(difference) / FULL) * 55;
  const colour = difference > 0 ? '--m-chosen' : '--m-rejected';
  return `color-mix(in srgb, var(${colour}) ${strength.toFixed(1)}%, transparent)`;
}
