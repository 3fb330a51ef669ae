/** The same mathematics as `attention`, so the same reference. */
export { attentionReference as attentionWorkgroupReference } from '../attention/reference.ts';
