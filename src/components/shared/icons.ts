/** Line icons, 16 px, drawn with the text colour and hidden from assistive technology: the button's name says it. */
import { html, svg, type TemplateResult } from 'lit';

const PATHS = {
  plus: 'M8 3v10M3 8h10',
  close: 'M4 4l8 8M12 4l-8 8',
  trash: 'M3 4.5h10M6.5 4V2.5h3V4M4.5 4.5l.6 9h5.8l.6-9M6.7 7v4M9.3 7v4',
  edit: 'M3 13l.7-3L11 2.7 13.3 5 6 12.3 3 13z',
  check: 'M3 8.5l3.2 3.2L13 5',
  cross: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  undo: 'M6 3.5L3 6.5l3 3M3 6.5h6a3.5 3.5 0 0 1 0 7H7',
  redo: 'M10 3.5l3 3-3 3M13 6.5H7a3.5 3.5 0 0 0 0 7h2',
  swap: 'M4.5 3v10M2.5 11l2 2 2-2M11.5 13V3M9.5 5l2-2 2 2',
  camera: 'M2 5h3l1-1.7h4L11 5h3v8H2zM8 11.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z',
  image: 'M2 3h12v10H2zM2 11l3.5-3.5L8 10l2-2 4 4M10.5 6.5a1 1 0 1 0 0-2 1 1 0 0 0 0 2z',
  play: 'M5 3l8 5-8 5z',
  stop: 'M4 4h8v8H4z',
  link: 'M6.5 9.5l3-3M7 4.5L9 2.6a3 3 0 0 1 4.3 4.3L11.5 9M9 11.5L7 13.4a3 3 0 0 1-4.3-4.3L4.5 7',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.3V11M8 5v.1',
  warning: 'M8 2.5l6 11H2zM8 6.5v3.5M8 11.8v.1',
  code: 'M5.5 4L2 8l3.5 4M10.5 4L14 8l-3.5 4',
  gallery: 'M2.5 2.5H7V7H2.5zM9 2.5h4.5V7H9zM2.5 9H7v4.5H2.5zM9 9h4.5v4.5H9z',
  reset: 'M3 3v3.5h3.5M3.3 6.5A5.2 5.2 0 1 1 3 9.5',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z',
  auto: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 4.5l4.6-.1M8 8h6M8 11.5h4.6',
  download: 'M8 2.5v7.5M5 7.5l3 3 3-3M3 13h10',
  upload: 'M8 10.5V3M5 5.5l3-3 3 3M3 13h10',
  keyboard: 'M2 4.5h12v7H2zM4.5 7h.1M7 7h.1M9.5 7h.1M12 7h.1M5 9.3h6',
  map: 'M2 13.5h12M2.5 13.5V2.5M4.5 11.5c2-6 3-7.5 4.5-7.5s2 1.8 4.5 5.5',
  sliders: 'M3 5h6M12 5h1M3 11h1M7 11h6M10.5 6.5v-3M5.5 12.5v-3',
} as const;

export type IconName = keyof typeof PATHS;

/** One icon. */
export function icon(name: IconName): TemplateResult {
  return html`<svg
    viewBox="0 0 16 16"
    width="16"
    height="16"
    fill="none"
    stroke="currentColor"
    stroke-width="1.5"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    ${svg`<path d=${PATHS[name]}></path>`}
  </svg>`;
}
