/** Looks of the page's frame: one screen without page scroll where there is room, tabs where it is narrow. */
import { css } from 'lit';

export const appStyles = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    grid-template-rows: auto minmax(0, 1fr);
    height: 100vh;
    height: 100dvh;
    background: var(--m-bg);
  }
  main {
    display: flex;
    flex-direction: column;
    gap: 8px;
    min-height: 0;
    padding: 8px 10px 10px;
  }
  .columns {
    flex: 1 1 auto;
    display: grid;
    grid-template-columns: 250px minmax(0, 1fr) minmax(430px, 33%);
    gap: 8px;
    min-height: 0;
  }
  .panel {
    display: flex;
    flex-direction: column;
    min-width: 0;
    min-height: 0;
    padding: 9px 12px 10px;
    overflow: auto;
  }
  .panel > :last-child {
    flex: 1;
    min-height: 0;
  }
  #panel-responses {
    overflow: hidden;
  }
  .bottom {
    flex: 0 0 clamp(140px, 19vh, 250px);
    display: flex;
    gap: 8px;
    min-height: 0;
  }
  .bottom.training {
    flex-basis: clamp(230px, 34vh, 460px);
  }
  .bottom .panel {
    flex: 1;
  }
  .choice {
    display: flex;
    flex-direction: column;
    gap: 6px;
  }
  .choice button {
    flex: 0 1 52px;
    min-width: 92px;
    font-size: 15px;
  }
  .choice button[aria-pressed='true'] {
    border-color: var(--m-text);
    background: var(--m-surface-2);
    font-weight: 650;
  }
  .tabs {
    display: flex;
    gap: 4px;
    border-bottom: 1px solid var(--m-line);
    overflow-x: auto;
  }
  .tabs button {
    flex: 1;
    border-color: transparent;
    border-bottom: 3px solid transparent;
    border-radius: var(--m-radius) var(--m-radius) 0 0;
    background: transparent;
    font-size: 16px;
  }
  .tabs button[aria-selected='true'] {
    border-bottom-color: var(--m-text);
    background: var(--m-surface);
    font-weight: 650;
  }
  /* A phone holds all four. */
  @media (max-width: 480px) {
    .tabs button {
      padding-inline: 4px;
      font-size: 14px;
    }
  }
  @media (max-width: 1099px) {
    .columns {
      grid-template-columns: minmax(0, 1fr);
    }
    /* Texts wrap earlier here, and one pair should be seen whole. */
    .bottom {
      flex-basis: clamp(140px, 24vh, 250px);
    }
  }
  /* A short or a small window scrolls rather than squeezing everything to nothing. */
  @media (max-height: 620px), (max-width: 700px) {
    :host {
      height: auto;
      min-height: 100vh;
    }
    .columns {
      min-height: 480px;
    }
  }
`;
