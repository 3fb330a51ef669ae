/** What the photo models are asked: the questions they were taught, in their words. */

export const DESCRIBE_PHOTOGRAPH = 'Describe the image.';

/** Things that come in pairs, and those that have no article. */
const MANY = new Set(['skis', 'scissors']);
const NO_ARTICLE = new Set(['broccoli']);

/** "Is there a dog in the image?": `presence` of `models/recipe/photo/language.py`. */
export function presenceQuestion(noun: string): string {
  if (MANY.has(noun)) return `Are there ${noun} in the image?`;
  if (NO_ARTICLE.has(noun)) return `Is there ${noun} in the image?`;
  return `Is there ${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun} in the image?`;
}
