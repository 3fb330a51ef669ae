/** Every objective of every family on the same number of pairs: what the crossover table compares. */

import { evaluateCoupledOnGpu } from '../src/kernels/coupled-loss/index.ts';
import type { Gpu } from '../src/kernels/gpu/index.ts';
import { evaluateGroupOnGpu } from '../src/kernels/group-loss/index.ts';
import { evaluateF64 } from '../src/kernels/losses/evaluate.ts';
import { evaluateCoupledF64 } from '../src/kernels/losses/families/evaluate-coupled.ts';
import { evaluateGroupF64, type GroupEvaluation } from '../src/kernels/losses/families/evaluate-group.ts';
import { evaluateRewardModelF64 } from '../src/kernels/losses/families/evaluate-reward-model.ts';
import { evaluateUnpairedF64 } from '../src/kernels/losses/families/evaluate-unpaired.ts';
import type { EveryLoss } from '../src/kernels/losses/families/every.ts';
import type { Completion, GroupObjective } from '../src/kernels/losses/families/group.ts';
import { evaluateOnGpu } from '../src/kernels/preference-loss/index.ts';
import { evaluateRewardModelOnGpu } from '../src/kernels/reward-model-loss/index.ts';
import { evaluateUnpairedOnGpu } from '../src/kernels/unpaired-loss/index.ts';
import { onlyNeeded, randomRow } from '../tests/losses/checks.ts';
import { type Random, random } from '../tests/support/random.ts';

/** An objective on its rows, from plain numbers to plain numbers: losses, then gradients. */
export interface ObjectiveWork {
  onGpu(gpu: Gpu): Promise<readonly number[]>;
  inJavaScript(): readonly number[];
}

/** Tokens of a sampled answer. */
const ANSWER_TOKENS = 8;

interface PerPair {
  readonly loss: number;
  readonly gradients: { readonly chosen: number; readonly rejected: number };
}

const ofPairs = ({ pairs }: { readonly pairs: readonly PerPair[] }) => [
  ...pairs.map(({ loss }) => loss),
  ...pairs.flatMap(({ gradients }) => [gradients.chosen, gradients.rejected]),
];

const ofGroups = ({ loss, gradients }: GroupEvaluation) => [loss, ...gradients.flat()];

/**
 * The work on `count` pairs, at default hyperparameters. To an unpaired loss a pair is two examples, and to a loss over
 * sampled answers a prompt with a group of two answers of 8 tokens (or the size it asks for).
 */
export function workOf({ kind, loss }: EveryLoss, count: number): ObjectiveWork {
  const generator = random(4);
  const given = { objective: loss.id, hyperparameters: {} };
  const rows = () => Array.from({ length: count }, () => randomRow(generator));
  switch (kind) {
    case 'pairwise': {
      const request = { ...given, rows: rows().map((row) => onlyNeeded(row, loss)) };
      return {
        onGpu: async (gpu) => ofPairs(await evaluateOnGpu(gpu, request)),
        inJavaScript: () => ofPairs(evaluateF64(request)),
      };
    }
    case 'coupled': {
      const request = { ...given, rows: rows() };
      return {
        onGpu: async (gpu) => ofPairs(await evaluateCoupledOnGpu(gpu, request)),
        inJavaScript: () => ofPairs(evaluateCoupledF64(request)),
      };
    }
    case 'reward-model': {
      const scores = rows().map(({ scoreChosen, scoreRejected }) => {
        return { scoreChosen: scoreChosen!, scoreRejected: scoreRejected!, margin: 1 };
      });
      const request = { ...given, rows: scores };
      return {
        onGpu: async (gpu) => ofPairs(await evaluateRewardModelOnGpu(gpu, request)),
        inJavaScript: () => ofPairs(evaluateRewardModelF64(request)),
      };
    }
    case 'unpaired': {
      const examples = Array.from({ length: 2 * count }, (_, i) => ({
        label: 1 - (i % 2),
        logRatio: Math.fround(generator.normal() * 4),
        mismatchedLogRatio: Math.fround(generator.normal() + 0.5),
      }));
      const request = { ...given, rows: examples };
      const read = (found: { readonly examples: readonly { readonly loss: number; readonly gradient: number }[] }) =>
        found.examples.flatMap(({ loss: value, gradient }) => [value, gradient]);
      return {
        onGpu: async (gpu) => read(await evaluateUnpairedOnGpu(gpu, request)),
        inJavaScript: () => read(evaluateUnpairedF64(request)),
      };
    }
    case 'token':
    case 'sequence': {
      const groupSize = groupSizeOf(loss);
      const completions = Array.from({ length: groupSize * count }, () => answer(generator));
      const request = { ...given, groupSize, completions };
      return {
        onGpu: async (gpu) => ofGroups(await evaluateGroupOnGpu(gpu, request)),
        inJavaScript: () => ofGroups(evaluateGroupF64(request)),
      };
    }
  }
}

const groupSizeOf = ({ group }: GroupObjective): number => (group.exact ? group.size : Math.max(2, group.size));

/** A sampled answer; its reward lies in [0, 1), as Nash-MD wants it. */
function answer(generator: Random): Completion {
  const draw = (at: () => number) => Array.from({ length: ANSWER_TOKENS }, () => Math.fround(at()));
  const logps = draw(() => -0.1 - 2 * generator.next());
  const near = (values: readonly number[]) => values.map((value) => Math.fround(value + 0.3 * generator.normal()));
  const oldValues = draw(() => generator.normal());
  return {
    ...{ logps, oldLogps: near(logps), refLogps: near(logps), values: near(oldValues), oldValues },
    ...{ reward: Math.fround(generator.next()), hasStop: 1, answerBonus: 0 },
  };
}
