import { InvalidArgumentError } from 'commander';
import { ATTRIBUTE_TYPES } from '../import/attribute-values.js';

// Readers of the options of an import, as commander calls them: with the text, and what earlier ones have given.

export function identifier(text: string): string {
  if (/^[1-9]\d{0,17}$/.test(text)) return text;
  throw new InvalidArgumentError('Expected a whole number, as Campaign Manager shows it.');
}

export function count(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

export function delimiter(text: string): string {
  const character = text === 'tab' || text === '\\t' ? '\t' : text;
  if (character.length === 1) return character;
  throw new InvalidArgumentError('Expected one character, or tab.');
}

export function pair(text: string, before: ReadonlyMap<string, string>): Map<string, string> {
  const at = text.lastIndexOf('=');
  if (at <= 0 || at === text.length - 1) throw new InvalidArgumentError('Expected COLUMN=NAME.');
  return new Map(before).set(text.slice(0, at).trim(), text.slice(at + 1).trim());
}

export function typed(text: string, before: ReadonlyMap<string, string>): Map<string, string> {
  const pairs = pair(text, before);
  const type = [...pairs.values()].at(-1) ?? '';
  if (ATTRIBUTE_TYPES.includes(type)) return pairs;
  throw new InvalidArgumentError(`Expected NAME=TYPE, and one of the types ${ATTRIBUTE_TYPES.join(', ')}.`);
}

export function collected(text: string, before: ReadonlySet<string>): Set<string> {
  return new Set(before).add(text.trim());
}
