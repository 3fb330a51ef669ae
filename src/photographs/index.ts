/** Photographs: what a detector can say about them, and the words for it. */
export { locatePhotoMentions, type PhotoMention } from './mentions.ts';
export { PHOTO_NOUNS, type PhotoNoun, pluralOf } from './nouns.ts';
export { DESCRIBE_PHOTOGRAPH, presenceQuestion } from './questions.ts';
export { type Box, doubtful, type Judged, objectsSeen, type Seen, type Sighting } from './seen.ts';
