/** The same mathematics as `attention`, so the same reference. */
export { attentionBackwardReference as attentionBackwardWorkgroupReference } from '../attention/reference.ts';
