/** Puts an element on the test page, looks through shadow roots, and presses keys. */
import type { LitElement } from 'lit';
import { installTheme } from '../../src/components/theme.ts';

const mounted: Element[] = [];

/** Makes an element, gives it properties, and settles when it is drawn. `unmountAll` in `afterEach` removes it. */
export async function mount<T extends LitElement>(tag: string, properties: Partial<T> = {}): Promise<T> {
  installTheme();
  const element = Object.assign(document.createElement(tag), properties) as T;
  mounted.push(element);
  document.body.append(element);
  await settled(element);
  return element;
}

export function unmountAll(): void {
  for (const element of mounted.splice(0)) element.remove();
  delete document.documentElement.dataset.theme;
}

/** Store subscribers hear in a microtask and children draw after their parents: a few turns settle all of them. */
export async function settled(element: LitElement): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await element.updateComplete;
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** A frame and its drawing: live numbers are computed once per frame. */
export async function frames(element: LitElement, count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => requestAnimationFrame(resolve));
  await settled(element);
}

/** Everything that matches, through all open shadow roots, in document order. */
export function deepAll<E extends Element = HTMLElement>(root: Element | ShadowRoot | Document, selector: string): E[] {
  const found: E[] = [];
  const visit = (node: Element | ShadowRoot | Document): void => {
    for (const child of node.children) {
      if (child.matches(selector)) found.push(child as E);
      if (child.shadowRoot) visit(child.shadowRoot);
      visit(child);
    }
  };
  if (root instanceof Element && root.shadowRoot) visit(root.shadowRoot);
  visit(root);
  return found;
}

/** The first match; throws with the selector when there is none. */
export function deep<E extends Element = HTMLElement>(root: Element | ShadowRoot | Document, selector: string): E {
  const [first] = deepAll<E>(root, selector);
  if (!first) throw new Error(`nothing matches ${selector}`);
  return first;
}

/** The words a person sees or hears of a control: its label, else its text. */
const nameOf = (element: Element): string =>
  (element.getAttribute('aria-label') ?? element.textContent ?? '').replace(/\s+/g, ' ').trim();

/** Buttons by their accessible name. */
export function buttons(root: Element, name: string): HTMLButtonElement[] {
  return deepAll<HTMLButtonElement>(root, 'button').filter((button) => nameOf(button) === name);
}

/** The first button of that name; throws when there is none. */
export function button(root: Element, name: string): HTMLButtonElement {
  const [first] = buttons(root, name);
  if (!first) {
    const names = deepAll(root, 'button').map(nameOf).join(' | ');
    throw new Error(`no button "${name}" among: ${names}`);
  }
  return first;
}

/** The number an `<output>` of that name shows. */
export function output(root: Element, name: string): string {
  return deep(root, `output[aria-label="${name}"]`).textContent!.trim();
}

/** A key press as a person makes it, from `target` up. Returns whether something answered it. */
export function press(
  key: string,
  target: EventTarget = document.body,
  modifiers: Partial<KeyboardEventInit> = {},
): boolean {
  return !target.dispatchEvent(
    new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...modifiers }),
  );
}

/** Types into a field: sets its value and says so. */
export function type(
  field: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement,
  value: string,
  event: 'input' | 'change' = 'input',
): void {
  field.value = value;
  field.dispatchEvent(new Event(event, { bubbles: true, composed: true }));
}
