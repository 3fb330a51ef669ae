/** KL of the policy to its reference on answers that the policy itself gives to the training prompts. */
import type { CallOptions, Engine, ImageInput, TrainingPrompt } from '../../engine/engine.ts';
import type { DivergencePoint } from '../state.ts';

/** A picture with a question, and how many answers to sample to it. */
export interface OwnPrompt {
  readonly image: ImageInput;
  readonly prompt: string;
  readonly n: number;
}

/** One seed throughout: the curve then shows the policy moving, and not other dice. */
const SEED = 1;

/** `answers` spread evenly over the distinct pictures and questions of the pairs; over some of them where they are more. */
export function ownPrompts(pairs: readonly TrainingPrompt[], answers: number): OwnPrompt[] {
  const distinct = [...new Map(pairs.map((pair) => [JSON.stringify([pair.image.id, pair.prompt]), pair])).values()];
  const count = Math.min(answers, distinct.length);
  return Array.from({ length: count }, (_, i) => {
    const { image, prompt } = distinct[Math.floor((i * distinct.length) / count)];
    return { image, prompt, n: Math.floor(((i + 1) * answers) / count) - Math.floor((i * answers) / count) };
  });
}

/**
 * Samples and measures, prompt by prompt.
 * @throws CancelledError between prompts.
 */
export async function measureDivergence(
  engine: Pick<Engine, 'divergence'>,
  prompts: readonly OwnPrompt[],
  { step, maxTokens }: { readonly step: number; readonly maxTokens: number },
  { signal, onProgress }: CallOptions,
): Promise<DivergencePoint> {
  const total = prompts.reduce((sum, { n }) => sum + n, 0);
  let [answers, tokens, kl] = [0, 0, 0];
  onProgress?.(answers, total);
  for (const { image, prompt, n } of prompts) {
    const measured = await engine.divergence({ image, prompt, n, maxTokens, seed: SEED }, { signal });
    for (const answer of measured.answers) {
      tokens += answer.tokens;
      kl += answer.kl;
    }
    answers += n;
    onProgress?.(answers, total);
  }
  return { step, answers, tokens, perToken: kl / Math.max(1, tokens), perAnswer: kl / Math.max(1, answers) };
}
