/** The same mathematics as `attention`, so the same references. */
export {
  attentionBackwardReference as attentionBackwardTiledReference,
  attentionReference as attentionTiledReference,
} from '../attention/reference.ts';
