/** The Toybox world: scenes whose truth is known, their pictures, captions and questions. */
export { type Atlas, loadAtlas, type Sprite } from './atlas.ts';
export {
  biasedCaptionOf,
  type Corruption,
  captionOf,
  corruptedCaptionOf,
  HABIT_RATES,
  NUMBER_WORDS,
  phraseOf,
} from './captions.ts';
export { SPRITE_CREDITS, type SpriteCredit } from './credits.ts';
export { locateMentions, type Mention, mentionedNouns } from './mentions.ts';
export { companionOf, NOUNS, type Noun, nounNamed, type Style } from './nouns.ts';
export {
  countingExercise,
  countQuestion,
  DESCRIBE_PROMPTS,
  existsQuestion,
  HABIT_YES_RATE,
  LIST_PROMPTS,
  type Question,
  type QuestionOptions,
  questionsFor,
  type Task,
} from './questions.ts';
export { Random } from './random.ts';
export { renderScene } from './render.ts';
export {
  BACKGROUNDS,
  COMPANION_RATE,
  MAX_OBJECTS,
  randomScene,
  SCENE_SIZE,
  type Scene,
  type SceneObject,
  type SceneOptions,
  SPRITE_SIZES,
} from './scene.ts';
export { DIRECTIONS, type Direction, onlyNeighbour, type Relation, type SceneTruth, sceneTruth } from './truth.ts';
