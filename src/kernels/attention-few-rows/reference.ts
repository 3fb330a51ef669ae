/** The same mathematics as `attention`, so the same reference. */
export { attentionReference as attentionFewRowsReference } from '../attention/reference.ts';
