/** Seeded mutations of bytes, of JSON and of text. */
import type { Random } from '../../src/toybox/random.ts';

export type Bytes = Uint8Array<ArrayBuffer>;

const NUMBERS = [0, 1, 2, 3, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** One to eight changes: bits, bytes, whole numbers, and pieces cut out, doubled, put in or moved. */
export function mutateBytes(bytes: Bytes, random: Random, from = 0, to = bytes.length): Bytes {
  let result = bytes.slice();
  for (let changes = 1 + random.below(random.chance(0.7) ? 2 : 8); changes > 0; changes--) {
    const end = Math.min(to, result.length);
    const at = from + random.below(Math.max(1, end - from));
    const length = Math.min(1 + random.below(random.chance(0.8) ? 8 : 4096), Math.max(0, result.length - at));
    const piece = result.slice(at, at + length);
    const put = (middle: ArrayLike<number>, tail: number) =>
      Uint8Array.from([...result.subarray(0, at), ...Array.from(middle), ...result.subarray(tail)]);
    const view = new DataView(result.buffer);
    const number = random.pick(NUMBERS) + (random.chance(0.3) ? random.below(5) - 2 : 0);
    const little = random.chance(0.5);
    switch (random.below(9)) {
      case 0:
        if (at < result.length) result[at] ^= 1 << random.below(8);
        break;
      case 1:
        if (at < result.length) result[at] = number & 255;
        break;
      case 2:
        if (at + 2 <= result.length) view.setUint16(at, number & 0xffff, little);
        break;
      case 3:
        if (at + 4 <= result.length) view.setUint32(at, number >>> 0, little);
        break;
      case 4:
        result = result.slice(0, at);
        break;
      case 5:
        result = put([], at + length);
        break;
      case 6:
        result = put([...piece, ...piece], at + length);
        break;
      case 7:
        result = put(
          Array.from({ length: 1 + random.below(16) }, () => random.below(256)),
          at,
        );
        break;
      default:
        result.set(piece, random.below(Math.max(1, result.length - length)));
    }
  }
  return result;
}

const deep = (levels: number): unknown => {
  let value: unknown = 'deep';
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { inner: value };
  return value;
};

/** Values that code which trusts its input trips over. */
const VALUES: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => false,
  () => 0,
  () => -0,
  () => -1,
  () => 1,
  () => 0.5,
  () => 1e-320,
  () => 1e308,
  () => -1e308,
  () => 2 ** 31,
  () => 2 ** 53,
  () => '',
  () => ' ',
  () => '0',
  () => 'undefined',
  () => '__proto__',
  () => 'constructor',
  () => '../../etc',
  () => '<img src=x onerror=alert(1)>',
  () => '\ud83d',
  () => 'é中👩‍👩‍👧',
  () => 'x'.repeat(100_000),
  () => [],
  () => {
    return {};
  },
  () => [[]],
  () => [null],
  () => {
    return { length: 1e9 };
  },
  () => JSON.parse('{"__proto__":{"polluted":1},"toString":1,"constructor":null}'),
  () => deep(200),
];
/** What structured clones carry and JSON does not. */
const BEYOND_JSON: readonly (() => unknown)[] = [
  () => undefined,
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => new Float32Array(3),
  () => new Uint8Array(0),
  () => new Date(0),
  () => new Map([['a', 1]]),
];

type Holder = Record<string | number, unknown>;
interface Place {
  readonly holder: Holder;
  readonly key: string | number;
}

/** Every place in a value that holds another, outermost first, at most so many of each list. */
function placesOf(value: unknown, most = 40): Place[] {
  const found: Place[] = [];
  const visit = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null || ArrayBuffer.isView(holder)) return;
    const keys = Array.isArray(holder) ? [...holder.keys()].slice(0, most) : Object.keys(holder).slice(0, most);
    for (const key of keys) found.push({ holder: holder as Holder, key });
    for (const key of keys) visit((holder as Holder)[key]);
  };
  visit(value);
  return found;
}

/** Every place is as likely to be near the root as deep inside. */
function pickPlace(places: readonly Place[], random: Random): Place {
  return random.chance(0.4) ? places[random.below(Math.min(24, places.length))] : random.pick(places);
}

export interface JsonMutation {
  /** Also values that JSON does not hold: for structured clones and arguments. */
  readonly beyond?: boolean;
}

/** One to four changes in a copy of plain data: values of other kinds, keys gone, added or exchanged, lists repeated. */
export function mutateJson<T>(value: T, random: Random, { beyond = false }: JsonMutation = {}): T {
  const root: { value: unknown } = { value: structuredClone(value) };
  const values = beyond ? [...VALUES, ...BEYOND_JSON] : VALUES;
  for (let changes = 1 + random.below(random.chance(0.7) ? 2 : 4); changes > 0; changes--) {
    const places = placesOf(root);
    const { holder, key } = pickPlace(places, random);
    const old = holder[key];
    switch (random.below(8)) {
      case 0:
        if (Array.isArray(holder)) holder.splice(key as number, 1);
        else if (holder !== (root as Holder)) delete holder[key];
        break;
      case 1: {
        const other = pickPlace(places, random);
        [holder[key], other.holder[other.key]] = [structuredClone(other.holder[other.key]), structuredClone(old)];
        break;
      }
      case 2:
        if (Array.isArray(old)) for (let i = random.below(5); i >= 0; i--) old.push(structuredClone(random.pick(old)));
        else if (typeof old === 'object' && old !== null) (old as Holder)[random.pick(WORDS)] = random.pick(values)();
        else holder[key] = random.pick(values)();
        break;
      case 3:
        if (typeof old === 'number')
          holder[key] = random.pick([-old, old + 1, old - 1, old * 1e9, old / 3, String(old)]);
        else if (typeof old === 'string') holder[key] = mutateText(old, random);
        else holder[key] = random.pick(values)();
        break;
      default:
        holder[key] = random.pick(values)();
    }
  }
  return root.value as T;
}

/** Keys of the formats that are read here, where they do not belong. */
const WORDS = [
  'id',
  'name',
  'shape',
  'use_dora',
  'layers_pattern',
  'rope_scaling',
  'extra',
  '__proto__x',
  'scene',
  'tokens',
];

const SNIPPETS: readonly string[] = [
  '<image>',
  '<end_of_utterance>',
  '<|im_start|>',
  '<fake_token_around_image>',
  '<row_1_col_1>',
  '</s>',
  '{{ messages }}',
  '{% for i in range(9) %}',
  '\ud83d',
  '\ude00',
  '\u0000',
  '\u001b[31m',
  '\u202e',
  '\u200d',
  '\ufeff',
  '\ufffd',
  '\u2028',
  'e\u0301',
  'é',
  'Äpfel – „süß“',
  'مرحبا بالعالم',
  '中文字符',
  '👩‍👩‍👧‍👦',
  '𝔘𝔫𝔦',
  '\u0300'.repeat(50),
  '<script>alert(1)</script>',
  '<img src=x onerror="alert(1)">',
  '$\\frac{a}{b}$',
  '**a*b`c$d[e](https://f)',
  '%00%ff%',
  '%E0%A4%A',
  '&vlm=nope&',
  '#',
  '=',
  '\r\n\t',
  ' ',
  '  ',
  '1e999',
  '-0',
  'NaN',
];

/** One to five changes: snippets put in, pieces cut, doubled or moved, single characters changed, all of it repeated. */
export function mutateText(text: string, random: Random): string {
  let result = text;
  for (let changes = 1 + random.below(random.chance(0.7) ? 2 : 5); changes > 0; changes--) {
    const at = random.below(result.length + 1);
    const end = Math.min(result.length, at + 1 + random.below(random.chance(0.8) ? 8 : 400));
    const [before, piece, after] = [result.slice(0, at), result.slice(at, end), result.slice(end)];
    switch (random.below(7)) {
      case 0:
        result = before + after;
        break;
      case 1:
        result = before + piece + piece + after;
        break;
      case 2:
        result = before + String.fromCharCode(random.below(0x10000)) + after;
        break;
      case 3:
        if (random.chance(0.15))
          result = (result || 'a').repeat(1 + random.below(Math.ceil(20_000 / (result.length || 1))));
        else result = before + after + piece;
        break;
      default:
        result = before + random.pick(SNIPPETS) + piece + after;
    }
  }
  return result.slice(0, 100_000);
}
