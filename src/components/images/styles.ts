import { css } from 'lit';

export const imagesStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 8px;
    min-height: 0;
  }
  .sources {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
  }
  .sources button {
    padding-inline: 4px;
  }
  .sources .wide {
    flex: 1 0 auto;
  }
  .activity {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 8px;
    font-size: 14px;
  }
  .activity progress {
    width: 100%;
    accent-color: var(--m-accent);
  }
  .activity button {
    min-height: 26px;
  }
  .thumbs {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(54px, 1fr));
    gap: 5px;
    align-content: start;
    margin: 0;
    padding: 3px;
    list-style: none;
  }
  .thumbs li {
    content-visibility: auto;
    contain-intrinsic-size: 54px 54px;
  }
  .thumb {
    display: block;
    width: 100%;
    aspect-ratio: 1;
    min-height: 0;
    padding: 0;
    border: 1px solid var(--m-line);
    background: var(--m-surface-2);
    overflow: hidden;
  }
  .thumb img {
    display: block;
    width: 100%;
    height: 100%;
    object-fit: cover;
  }
  /* Inside the picture: the list clips what lies outside. */
  .thumb[aria-current='true'] {
    outline: 3px solid var(--m-accent);
    outline-offset: -3px;
    border: 2px solid var(--m-accent);
  }
  .thumb[aria-current='true'] img {
    border: 2px solid var(--m-surface);
    border-radius: 3px;
  }
  .thumb:focus-visible {
    outline: 3px solid var(--m-focus);
    outline-offset: -3px;
  }
  .empty {
    font-size: 14px;
    text-align: left;
  }
  .drop {
    position: fixed;
    z-index: 20;
    inset: 8px;
    display: grid;
    place-items: center;
    border: 3px dashed var(--m-focus);
    border-radius: 12px;
    background: color-mix(in srgb, var(--m-bg) 82%, transparent);
    font-size: var(--m-size-large);
    pointer-events: none;
  }
`;
