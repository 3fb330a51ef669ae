/** What online training starts from: pictures with a question each, and what answers to them are worth. */
import { InputError } from '../../errors.ts';
import type { VisionLanguageModel } from '../../models/vlm.ts';
import { numbered } from '../../numbered.ts';
import { truthReward } from '../../preference/metrics/index.ts';
import type { TokenizedPair } from '../../training/data.ts';
import { clipReward, type RewardFunction, rewardWeights } from '../../training/online/rewards.ts';
import type { AnswerSource } from '../../training/online/source.ts';
import type { RewardChoice, RewardName, TrainEvent, TrainingPrompt, TrainRequest } from '../engine.ts';
import { type EngineHost, requireClip } from './host.ts';

/** The prompts of a request: those it names, or each distinct picture and question of its pairs. */
export function promptsOf({ prompts, pairs }: Pick<TrainRequest, 'prompts' | 'pairs'>): readonly TrainingPrompt[] {
  if (prompts) return prompts;
  return [...new Map(pairs.map((pair) => [JSON.stringify([pair.image.id, pair.prompt]), pair])).values()];
}

/** A prompt as the trainer takes it: a pair whose answers are still to come. */
export function tokenizePrompt(
  { tokenizer, tower }: VisionLanguageModel,
  { image, prompt: question }: TrainingPrompt,
  index: number,
  total: number,
): TokenizedPair {
  const said = <T>(work: () => T): T => numbered('Prompt', index, total, work);
  return {
    key: JSON.stringify([image.id, question]),
    promptIds: said(() => tokenizer.encodePrompt(question, tower.visualTokens)),
    imageTokenId: tokenizer.imageTokenId,
    visual: () => said(() => tower.features(image)),
    chosenIds: [],
    rejectedIds: [],
  };
}

/**
 * Words for sampled answers, and their rewards.
 * @throws InputError where the truth of a picture is asked for and not known; EngineError without a CLIP model.
 */
export function answerSource(
  host: EngineHost,
  { tokenizer }: VisionLanguageModel,
  prompts: readonly TrainingPrompt[],
  reward: RewardChoice,
  emit: (event: TrainEvent) => void,
): AnswerSource {
  const weights = Object.entries(rewardWeights(reward)) as [RewardName, number][];
  return {
    stopIds: [tokenizer.eosTokenId],
    decode: (ids) => tokenizer.decode(ids),
    rewards: weights.map(([name, weight]) => ({ name, weight, score: SCORES[name](host, prompts) })),
    onProgress: (done, total) => emit({ type: 'rollout', done, total }),
  };
}

type Score = RewardFunction['score'];

const SCORES: Readonly<Record<RewardName, (host: EngineHost, prompts: readonly TrainingPrompt[]) => Score>> = {
  clip(host, prompts) {
    const scorer = requireClip(host);
    return (prompt, texts, signal) =>
      clipReward(texts, (written) => scorer.score(prompts[prompt].image, written, { signal }));
  },
  truth(_host, prompts) {
    const unknown = prompts.findIndex(({ truth }) => truth === undefined);
    if (unknown >= 0) {
      throw new InputError(
        `The reward "truth" needs pictures whose objects are known, and that of prompt ${unknown + 1} is none of them. Give it a scene's truth or a detector's, or choose the reward "clip".`,
        'reward',
      );
    }
    return async (prompt, texts) => texts.map((text) => truthReward(text, prompts[prompt].truth!));
  },
};
