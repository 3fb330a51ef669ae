/** Evaluation metrics with known truth; definitions as in the papers they are named after. */
export { type ChairResult, chair, type Description, habitualShare, hallucinatedMentions } from './chair.ts';
export { pairAccuracy, rankedFirst } from './clip-ranking.ts';
export { type CountingResult, countIn, scoreCounting } from './counting.ts';
export {
  type Asked,
  type ClipScores,
  describedNouns,
  type Examination,
  gradeClip,
  gradeVlm,
  HELD_OUT_SEED,
  heldOutExamination,
  RANKING_CANDIDATES,
  type VlmAnswers,
  type VlmReport,
} from './held-out.ts';
export {
  type ObjectStatistics,
  objectStatistics,
  POPE_SETTINGS,
  type PopeQuestion,
  type PopeResult,
  type PopeSetting,
  popeQuestions,
  saysYes,
  scorePope,
} from './pope.ts';
export { truthReward } from './truth-reward.ts';
