/** Training the adapter on preference pairs, or on answers it samples. */
import { InputError } from '../../errors.ts';
import { samplesAnswers, taggedLoss } from '../../kernels/losses/families/every.ts';
import type { VisionLanguageModel } from '../../models/vlm.ts';
import { numbered } from '../../numbered.ts';
import { checkPairTexts } from '../../preference/pair-texts.ts';
import type { TokenizedPair } from '../../training/data.ts';
import { needsCorrupted, needsNoisy } from '../../training/parts.ts';
import { foretell } from '../../training/plan.ts';
import type { RunSettings } from '../../training/settings.ts';
import { Trainer, type TrainerOptions } from '../../training/trainer.ts';
import type { TrainEvent, TrainingPair, TrainPlan, TrainRequest } from '../engine.ts';
import { install } from './adapter.ts';
import { beginOf } from './begin.ts';
import { corrupted } from './corrupt.ts';
import { type EngineHost, type JobContext, requireVlm } from './host.ts';
import { answerSource, promptsOf, tokenizePrompt } from './prompts.ts';

/** Steps of diffusion after which POVID's code asks what the model says (of 1,000). */
const NOISE_STEP = 500;

/**
 * Trains and reports every step. The adapter before stays until everything has been checked.
 * @throws {InputError} @throws {OutOfMemoryError} @throws {EngineError} @throws {CancelledError} as `Engine.train`.
 */
export async function train(
  host: EngineHost,
  request: TrainRequest,
  context: JobContext,
  emit: (event: TrainEvent) => void,
): Promise<null> {
  const { gpu, vlm } = requireVlm(host);
  const { settings, lora: shape, matrices } = await beginOf(vlm, request);
  const inputs = inputsOf(host, vlm, request, settings, emit);
  host.references ??= new Map();
  const { references } = host;
  // An adapter too large for the device is refused with what to lower, before memory is asked for.
  foretell({ gpu, policy: vlm.policy, ...inputs, settings }, shape, request.resume?.step ?? 0);
  const lora = vlm.policy.createAdapter(shape.config);
  let trainer: Trainer;
  try {
    if (matrices) lora.write(matrices);
    trainer = new Trainer({ gpu, policy: vlm.policy, adapter: lora, ...inputs, settings, references }, request.resume);
  } catch (error) {
    lora.dispose();
    throw error;
  }
  const { plan } = trainer;
  const { stopAfter, phaseTimes } = request;
  const adapter = { lora, step: plan.firstStep, origin: 'trained' as const };
  install(host, adapter);
  try {
    for await (const event of trainer.run({ signal: context.signal, stopAfter, phaseTimes })) {
      if (event.type === 'step') adapter.step = event.metrics.step;
      if (event.type === 'checkpoint') adapter.step = event.checkpoint.step;
      emit(event);
      if (event.type === 'step') context.onProgress(event.metrics.step, plan.steps);
    }
    return null;
  } finally {
    trainer.dispose();
  }
}

/**
 * What training on this request would do and need; nothing is allocated.
 * @throws {InputError} @throws {OutOfMemoryError} as `train` before its first step.
 */
export async function plan(host: EngineHost, request: TrainRequest): Promise<TrainPlan> {
  const { gpu, vlm } = requireVlm(host);
  const { settings, lora } = await beginOf(vlm, request);
  const inputs = inputsOf(host, vlm, request, settings, () => undefined);
  return foretell({ gpu, policy: vlm.policy, ...inputs, settings }, lora, request.resume?.step ?? 0);
}

/** Pairs or prompts of a request, whichever its objective learns from. */
function inputsOf(
  host: EngineHost,
  vlm: VisionLanguageModel,
  request: TrainRequest,
  settings: RunSettings,
  emit: (event: TrainEvent) => void,
): Pick<TrainerOptions, 'pairs' | 'answers'> {
  return samplesAnswers(settings.objective)
    ? promptInputs(host, vlm, request, settings, emit)
    : { pairs: pairInputs(vlm, request, settings) };
}

/** Pairs of a request as the trainer takes them. */
function pairInputs(vlm: VisionLanguageModel, { pairs }: TrainRequest, { objective }: RunSettings): TokenizedPair[] {
  if (pairs.length === 0) {
    throw new InputError('There is no pair to train on yet: mark one chosen and one rejected answer.', 'pairs');
  }
  const tagged = taggedLoss(objective);
  const pairwise = tagged?.kind === 'pairwise' ? tagged.loss : undefined;
  const copies = { corrupted: pairwise && needsCorrupted(pairwise), noisy: pairwise && needsNoisy(pairwise) };
  return pairs.map((pair, index) => {
    const said = <T>(work: () => T): T => numbered('Pair', index, pairs.length, work);
    return said(() => tokenize(vlm, pair, copies, said));
  });
}

/** Prompts of a request, and where answers to them come from. */
function promptInputs(
  host: EngineHost,
  vlm: VisionLanguageModel,
  request: TrainRequest,
  { reward }: RunSettings,
  emit: (event: TrainEvent) => void,
): Pick<TrainerOptions, 'pairs' | 'answers'> {
  const prompts = promptsOf(request);
  if (prompts.length === 0) {
    throw new InputError('There is no picture to answer about yet: add one, and write a prompt.', 'prompts');
  }
  return {
    pairs: prompts.map((prompt, index) => tokenizePrompt(vlm, prompt, index, prompts.length)),
    answers: answerSource(host, vlm, prompts, reward!, emit),
  };
}

/**
 * @param copies of the picture that the objective looks at beside the picture itself.
 * @param said names the pair in what goes wrong: pictures are read during the run.
 */
function tokenize(
  vlm: VisionLanguageModel,
  pair: TrainingPair,
  copies: { readonly corrupted?: boolean; readonly noisy?: boolean },
  said: <T>(work: () => T) => T,
): TokenizedPair {
  const { image, prompt, chosen, rejected, inputs } = pair;
  checkPairTexts(pair);
  const { tokenizer, tower } = vlm;
  return {
    key: JSON.stringify([image.id, prompt, chosen, rejected]),
    promptIds: tokenizer.encodePrompt(prompt, tower.visualTokens),
    imageTokenId: tokenizer.imageTokenId,
    visual: () => said(() => tower.features(image)),
    ...(copies.corrupted && { corrupted: () => said(async () => tower.features(await corrupted(image))) }),
    ...(copies.noisy && { noisy: () => said(() => tower.features(image, NOISE_STEP)) }),
    chosenIds: tokenizer.encodeResponse(chosen),
    rejectedIds: tokenizer.encodeResponse(rejected),
    inputs,
  };
}
