/** Numbers and bytes as the page writes them. Minus is ASCII: a number copied into a console is still a number. */

/** Fixed decimals; an en dash for what is not known. */
export function number(value: number | undefined | null, digits = 4): string {
  if (value === undefined || value === null || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  const text = value.toFixed(digits);
  // -0.0000 says nothing that 0.0000 does not.
  return Number(text) === 0 ? (0).toFixed(digits) : text;
}

/** A share as a percentage with one decimal below 10 % and none above. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value.toFixed(value < 9.95 && value > 0 ? 1 : 0)} %`;
}

/** Bytes in powers of 1024, three significant figures. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

export { count } from '../../state/context.ts';
