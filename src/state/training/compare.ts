/** Before / after: the same prompt and image under the reference and under the policy, token by token. */
import type { ImageInput } from '../../engine/engine.ts';
import type { ComparedAnswer, Comparison } from '../state.ts';
import type { TrainingEngine } from './run.ts';

export interface ComparisonRequest {
  readonly image: ImageInput;
  readonly prompt: string;
  readonly maxTokens: number;
}

const EMPTY: ComparedAnswer = { text: '', policy: [], reference: [] };

/** Both greedy answers, streaming to `show`; then both models' scores of either. */
export async function compareAnswers(
  engine: Pick<TrainingEngine, 'sample' | 'logps'>,
  { image, prompt, maxTokens }: ComparisonRequest,
  show: (comparison: Comparison) => void,
  signal: AbortSignal,
): Promise<void> {
  let comparison: Comparison = { imageId: image.id, prompt, status: 'running', before: EMPTY, after: EMPTY };
  const change = (fields: Partial<Comparison>) => {
    comparison = { ...comparison, ...fields };
    show(comparison);
  };
  show(comparison);
  const sides = [
    ['before', 'reference'],
    ['after', 'policy'],
  ] as const;
  for (const [side, model] of sides) {
    const request = { image, prompt, n: 1, temperature: 0, topP: 1, maxTokens, seed: 0, model };
    for await (const event of engine.sample(request, { signal })) {
      if (event.type === 'token' && event.token.special) continue;
      const text = event.type === 'done' ? event.candidate.text : comparison[side].text + event.token.text;
      change({ [side]: { ...comparison[side], text } });
    }
  }
  for (const [side] of sides) {
    const { text } = comparison[side];
    if (!text.trim()) continue;
    const score = { image, prompt, response: text };
    const policy = await engine.logps({ ...score, model: 'policy' }, { signal });
    const reference = await engine.logps({ ...score, model: 'reference' }, { signal });
    change({ [side]: { text, policy: policy.tokens, reference: reference.tokens } });
  }
  change({ status: 'done' });
}
