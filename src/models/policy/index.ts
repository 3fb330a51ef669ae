/** What the rest of the product uses of the policy. */
export { type LlamaConfig, parseLlamaConfig } from './config.ts';
export { type GeneratedToken, type GeneratePrompt, type GenerateRequest, sideBySide } from './generate.ts';
export { type GenerationSize, generationBytes } from './generation-memory.ts';
export { checkPrompt, type PromptInput, type SequenceInput } from './layout.ts';
export {
  DEFAULT_LORA,
  LORA_TARGETS,
  LoraAdapter,
  type LoraConfig,
  type LoraMatrix,
  type LoraPlan,
  type LoraTarget,
  planLora,
  SCORE_NAME,
} from './lora.ts';
export { matricesOf, pack, unpack } from './lora-values.ts';
export { type BaseModel, exportPeft, importPeft, matricesFor, type PeftAdapter } from './peft.ts';
export { Policy, type ScoreOptions, type ScoreTensors, type SequenceDivergence, type SequenceScore } from './policy.ts';
export { type TrainingBytes, trainingBytes, trainingSize } from './training-memory.ts';
export { TrainingPass } from './training-pass.ts';
