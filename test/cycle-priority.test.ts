import { expect, test } from 'vitest';
import { seconds } from '../src/instant.js';
import { cyclePriority } from '../src/sync/priority.js';

const NOW_MS = Date.UTC(2026, 5, 1);
const now = BigInt(NOW_MS) * 1000n;

test.each([
  ['never read to the end', undefined, 'back-fill'],
  ['read a minute ago', now - seconds(60), 'live'],
  ['the longest pause after failures', now - seconds(600), 'live'],
  ['away since yesterday', now - seconds(86_400), 'back-fill'],
  ['a server whose clock is ahead', now + seconds(3600), 'live'],
] as const)('%s: %#', (_case, readUntil, priority) => {
  expect(cyclePriority(readUntil, NOW_MS)).toBe(priority);
});
