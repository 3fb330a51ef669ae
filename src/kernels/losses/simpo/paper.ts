/** The paper behind every SimPO variant. */
export const SIMPO_PAPER = {
  title: 'SimPO: Simple Preference Optimization with a Reference-Free Reward',
  arxiv: '2405.14734',
  year: 2024,
} as const;
