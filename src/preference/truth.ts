/**
 * What is known of a picture's objects, and what an answer says against it. A Toybox scene knows its objects; about a
 * photograph a detector has seen some, and is not sure of others.
 */
import type { Truth } from '../engine/engine.ts';
import { doubtful, locatePhotoMentions, objectsSeen, type Seen } from '../photographs/index.ts';
import { locateMentions, type Mention, type Scene, sceneTruth } from '../toybox/index.ts';

/** The truth of a picture: its scene's, else what a detector saw in it; undefined where nobody looked. */
export function truthOf(image: { readonly scene?: Scene; readonly seen?: Seen } | undefined): Truth | undefined {
  if (image?.scene) return { by: 'scene', objects: sceneTruth(image.scene).objects, doubtful: [] };
  if (image?.seen) return { by: 'detector', objects: objectsSeen(image.seen), doubtful: doubtful(image.seen) };
  return undefined;
}

/** Who knows a picture's objects decides which words name one: the Toybox's nouns, or the detector's 80 classes. */
const LOCATE: Readonly<Record<Truth['by'], (text: string) => readonly Mention[]>> = {
  scene: locateMentions,
  detector: locatePhotoMentions,
};

/** The mentions of a text, in order and with repeats, in the words of the one who knows. */
export function mentionsIn(text: string, by: Truth['by']): readonly Mention[] {
  return LOCATE[by](text);
}

/**
 * Mentions that the truth does not hold, with character offsets into `text`. Nouns that the prompt itself brings up are
 * left out: "No, there is no cat." answers a question and invents nothing.
 */
export function absentMentions(text: string, truth: Truth | undefined, prompt: string): Mention[] {
  if (!truth) return [];
  const asked = mentionsIn(prompt, truth.by).map(({ noun }) => noun);
  const known = new Set([...truth.objects, ...truth.doubtful, ...asked]);
  return mentionsIn(text, truth.by).filter(({ noun }) => !known.has(noun));
}

/** The same nouns once each, in order of appearance. */
export function absentNouns(mentions: readonly Mention[]): string[] {
  return [...new Set(mentions.map(({ noun }) => noun))];
}

/** How the page puts it: a scene is the truth, a detector only a judge with error rates of its own. */
export const ABSENT_WORDS: Readonly<Record<Truth['by'], string>> = {
  scene: 'not in the picture',
  detector: 'not seen',
};
