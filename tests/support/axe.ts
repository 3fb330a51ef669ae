/** Accessibility checks in the browser of the tests. */
import 'axe-core';
import { expect } from '@esm-bundle/chai';

interface AxeResult {
  readonly id: string;
  readonly impact: string | null;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

declare global {
  var axe: { run(target: Element, options: object): Promise<{ violations: AxeResult[] }> };
}

/** Fails with every serious or critical finding of axe on this element, shadow roots included. */
export async function expectAccessible(element: Element): Promise<void> {
  // Rules about whole pages (landmarks, one h1) are for the end-to-end test, which has a whole page.
  const { violations } = await globalThis.axe.run(element, {
    resultTypes: ['violations'],
    rules: { region: { enabled: false } },
  });
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const words = grave.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`).join('\n')}`,
  );
  expect(words, words.join('\n')).to.have.length(0);
}
