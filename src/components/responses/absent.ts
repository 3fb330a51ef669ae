/** Which mentions of an answer are not in the picture, where the picture's truth is known. */
import { locateMentions, type Mention, mentionedNouns, type Scene, sceneTruth } from '../../toybox/index.ts';

/**
 * Mentions of nouns that the scene does not hold, with character offsets into `text`. Nouns that the prompt itself
 * brings up are left out: "No, there is no cat." answers a question and invents nothing.
 */
export function absentMentions(text: string, scene: Scene | undefined, prompt: string): Mention[] {
  if (!scene) return [];
  const known = new Set([...sceneTruth(scene).objects, ...mentionedNouns(prompt)]);
  return locateMentions(text).filter(({ noun }) => !known.has(noun));
}

/** The same nouns once each, in order of appearance. */
export function absentNouns(mentions: readonly Mention[]): string[] {
  return [...new Set(mentions.map(({ noun }) => noun))];
}
