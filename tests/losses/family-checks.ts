/** Checks that the losses of every family beside the pairwise one have to pass, and their part of the reference file. */
import { expect } from '@esm-bundle/chai';
import katex from 'katex';
import { InputError } from '../../src/errors.ts';
import { hyperparameterMembers, type LossDescription } from '../../src/kernels/losses/families/description.ts';
import { resolveHyperparameters } from '../../src/kernels/losses/hyperparameters.ts';
import type { Objective } from '../../src/kernels/losses/objective.ts';
import type { Random } from '../support/random.ts';
import { drawHyperparameters } from './checks.ts';

/** Sections of `objectives_reference.json` that these families read; shapes differ from entry to entry. */
// biome-ignore lint/suspicious/noExplicitAny: numbers of another program, whose form each test knows
export type Reference = Record<string, any>;

let file: Promise<Reference> | undefined;

/** The reference file, read once. */
export function familyReference(): Promise<Reference> {
  file ??= fetch('/tests/golden/objectives_reference.json').then((response) => response.json());
  return file;
}

/** Values drawn over the sliders' ranges, or the defaults. */
export const drawFor = (loss: LossDescription, random: Random | null): Record<string, number> =>
  drawHyperparameters(loss as unknown as Objective, random);

/** Central difference of `at` over its argument. */
export const slope = (at: (shift: number) => number, step = 1e-4): number => (at(step) - at(-step)) / (2 * step);

/** What a loss says about itself: its WGSL's members, its formula, its knobs, its page. */
export function describeLoss(loss: LossDescription): void {
  it('hands its WGSL the members it declares, in their order', () => {
    const members = loss.wgsl.code.match(/struct Hyperparameters \{([^}]*)\}/)?.[1].match(/\w+(?=: f32)/g);
    expect(members).to.deep.equal(hyperparameterMembers(loss));
    expect(loss.wgsl.path).to.include(`/losses/${loss.id}/`);
  });

  it('has formulas that KaTeX draws', () => {
    for (const tex of [loss.formula, loss.where ?? 'h']) {
      expect(katex.renderToString(tex, { throwOnError: true, strict: 'error' }), tex).to.include('katex');
    }
  });

  it('refuses hyperparameters it cannot use', () => {
    const resolve = (given: Record<string, number>) => () => resolveHyperparameters(loss, given);
    expect(resolve({ nonsense: 1 })).to.throw(InputError, 'has no hyperparameter "nonsense"');
    for (const each of loss.hyperparameters) {
      expect(resolve({ [each.key]: Number.NaN }), each.key).to.throw(InputError, 'a finite number is needed');
      expect(each.min, each.key).to.be.at.most(each.default);
      expect(each.max, each.key).to.be.at.least(each.default);
      expect(resolve({ [each.key]: each.default }), each.key).not.to.throw();
      if (each.refuse) expect(resolve({ [each.key]: -1e9 }), each.key).to.throw(InputError, `(${each.key})`);
      if (each.key === 'beta') expect(resolve({ beta: -1 })).to.throw(InputError, 'it must');
    }
  });

  it('has a page that explains every knob', async () => {
    const page = await (await fetch(`/src/kernels/losses/${loss.id}/loss.md?raw`)).text();
    for (const { symbol, key } of loss.hyperparameters) {
      expect(page, key).to.include(symbol);
      expect(page, key).to.include(`\`${key}\``);
    }
    if (loss.paper.arxiv) expect(page).to.include(`arxiv.org/abs/${loss.paper.arxiv}`);
    for (const heading of ['# ', '## The loss', '## The knobs', '## When it fails', '## Paper']) {
      const found = page.split('\n').some((line) => line.startsWith(heading));
      expect(found, heading).to.equal(true);
    }
  });
}
