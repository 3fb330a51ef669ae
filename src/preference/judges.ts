/**
 * Who may say which of two answers about a picture is the better one. A judge is an object in `JUDGES`: buttons and
 * console calls follow.
 */
import type { CallOptions, Engine, ImageInput, Truth } from '../engine/engine.ts';
import { truthReward } from './metrics/truth-reward.ts';

export type JudgeId = 'clip' | 'truth';

type Options = Pick<CallOptions, 'signal'>;

/** A picture, and what a judge of answers about it may ask. */
export interface Evidence {
  readonly engine: Pick<Engine, 'clipScore'>;
  readonly image: ImageInput;
  /** What is known of the picture's objects; looked for where nobody has looked yet. */
  truth(options: Options): Promise<Truth>;
}

export interface Judge {
  readonly id: JudgeId;
  /** What the page calls it, after "by". A scene knows its own truth; about a photograph a detector judges. */
  readonly name: Readonly<Record<Truth['by'], string>>;
  /** Whether it goes by what is known of the picture's objects. */
  readonly asksTruth: boolean;
  /** The score of an answer where nobody needs to be asked any more. */
  known(answer: { readonly text: string; readonly clip?: number }, truth: Truth | undefined): number | undefined;
  /**
   * Scores of answers about one picture, the higher the better.
   * @throws CancelledError, and what the engine throws.
   */
  score(evidence: Evidence, texts: readonly string[], options: Options): Promise<readonly number[]>;
}

export const JUDGES: Readonly<Record<JudgeId, Judge>> = {
  /** Cosine similarity of picture and answer. */
  clip: {
    id: 'clip',
    name: { scene: 'CLIP', detector: 'CLIP' },
    asksTruth: false,
    known: ({ clip }) => clip,
    score: ({ engine, image }, texts, options) => engine.clipScore({ image, texts }, options),
  },
  /** What an answer names rightly less what it names wrongly: `truthReward`. */
  truth: {
    id: 'truth',
    name: { scene: 'truth', detector: 'detector' },
    asksTruth: true,
    known: ({ text }, truth) => truth && truthReward(text, truth),
    async score(evidence, texts, options) {
      const truth = await evidence.truth(options);
      return texts.map((text) => truthReward(text, truth));
    },
  },
};

/** What a judge of these pictures is called: as that of photographs as soon as one is among them. */
export function judgeName(id: JudgeId, images: readonly { readonly scene?: unknown }[]): string {
  return JUDGES[id].name[images.every(({ scene }) => scene) ? 'scene' : 'detector'];
}
