import { formatCount } from '../demo/numbers.js';

/** `digits` significant digits, thousands set off; a dash for what could not be measured. */
export function figure(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  const rounded = Number(value.toPrecision(digits));
  return Math.abs(rounded) >= 100 ? formatCount(Math.round(rounded)) : String(rounded);
}

export function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : '–';
}

/** "12,300 (11,800–12,900)" */
export function withRange(median: number, least: number, most: number): string {
  return Number.isFinite(median) ? `${figure(median)} (${figure(least)}–${figure(most)})` : '–';
}
