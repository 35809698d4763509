import type { Dice } from './dice.js';

/** Money as decimal text with two digits: `12.50` and not `12.5`, so that a client that rounds is noticed. */
export function money(cents: number): string {
  const whole = Math.trunc(cents / 100);
  const rest = Math.abs(cents % 100);
  return `${whole}.${rest < 10 ? '0' : ''}${rest}`;
}

/** An amount that is now and then longer than a double can hold, in digits or in size. */
export function exactAmount(dice: Dice, cents: number): string {
  const throwOf = dice.below(64);
  if (throwOf === 0) return `${money(cents)}0000000000000000${1 + dice.below(9)}`;
  if (throwOf === 1) return `${9007199254740993n + BigInt(dice.below(1000)) * 2n}`;
  if (throwOf === 2) return `${money(cents)}e-7`;
  return money(cents);
}

export function uuid(dice: Dice): string {
  const [a, b, c, d] = [dice.next(), dice.next(), dice.next(), dice.next()];
  return `${hex(a, 4)}-${hex(b, 2)}-4${hex(b >>> 16, 2).slice(1)}-8${hex(c, 2).slice(1)}-${hex(c >>> 16, 2)}${hex(d, 4)}`;
}

const BYTES = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));

function hex(value: number, bytes: number): string {
  let text = '';
  for (let index = 0; index < bytes; index += 1) text += BYTES[(value >>> (8 * index)) & 255];
  return text;
}
