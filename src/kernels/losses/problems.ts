/**
 * The problems that losses were made for. A loss names those its paper sets out to solve, or that its formula solves by
 * construction; `loss.md` says how. The gallery filters by them.
 */

export const PROBLEMS = {
  'learning-from-pairs': {
    label: 'Learning from comparisons',
    says: 'People say which of two answers is better. A reward model and reinforcement learning are a long way round.',
  },
  'likelihood-displacement': {
    label: 'Likelihood displacement',
    says: 'The margin grows while the chosen answer itself becomes less likely.',
  },
  overfitting: {
    label: 'Certain labels, endless margins',
    says: 'A label that is always the same drives the margin to infinity, and nothing holds the policy any more.',
  },
  'noisy-labels': {
    label: 'Noisy labels',
    says: 'Some pairs are labelled the wrong way round, or are outliers.',
  },
  'preference-strength': {
    label: 'Clear and doubtful pairs',
    says: 'A hair’s breadth and a mile count as the same preference.',
  },
  'length-bias': {
    label: 'Length bias',
    says: 'Long answers win, or lose, because they are long.',
  },
  'no-reference-memory': {
    label: 'No memory for a reference',
    says: 'A second model, or its log-probabilities, cannot be kept.',
  },
  'single-stage': {
    label: 'Two stages of training',
    says: 'Fine-tuning first and preferences later takes two runs and two models.',
  },
  forgetting: {
    label: 'Forgetting how to write',
    says: 'A policy that wins every comparison may read badly.',
  },
  divergence: {
    label: 'Staying near the reference',
    says: 'The penalty measures the distance to the reference in a way that lets too much, or too little, go.',
  },
  'over-optimisation': {
    label: 'Over-optimisation',
    says: 'The reward goes on rising while the answers get worse.',
  },
  'off-policy-data': {
    label: 'Data of another model',
    says: 'The pairs were written by somebody else, or long ago: the policy would not say either answer.',
  },
  exploration: {
    label: 'Too little exploration',
    says: 'The best answer is one that the policy hardly ever writes.',
  },
  'unpaired-data': {
    label: 'Unpaired data',
    says: 'There are thumbs up and thumbs down, but no two answers to compare.',
  },
  'class-imbalance': {
    label: 'More good than bad',
    says: 'One kind of judgement is much more frequent than the other.',
  },
  'token-credit': {
    label: 'Which tokens matter',
    says: 'A label for the whole answer blames every token alike.',
  },
  'image-neglect': {
    label: 'Image neglect',
    says: 'The model answers from language alone, without looking.',
  },
  hallucination: {
    label: 'Hallucination',
    says: 'The answer names what is not in the picture.',
  },
  'several-objectives': {
    label: 'Several objectives',
    says: 'Helpful, harmless, brief: people want different mixtures.',
  },
  'intransitive-preferences': {
    label: 'Preferences that go in circles',
    says: 'A beats B, B beats C, C beats A: no single reward explains that.',
  },
  'average-only': {
    label: 'Better on average only',
    says: 'The mean margin rises while the worst pairs stay behind.',
  },
  'no-critic': {
    label: 'Doing without a critic',
    says: 'PPO needs a second network as large as the policy to say what reward was to be expected.',
  },
  'reward-model': {
    label: 'Making a reward model',
    says: 'A number is wanted for every answer, and only comparisons are there.',
  },
  'reward-drift': {
    label: 'Scores that wander off',
    says: 'Comparisons fix differences of scores and leave their zero free.',
  },
  ties: {
    label: 'Ties',
    says: 'Two answers are equally good, and the pair would be thrown away.',
  },
} as const satisfies Record<string, { readonly label: string; readonly says: string }>;

export type Problem = keyof typeof PROBLEMS;
