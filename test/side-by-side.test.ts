import { expect, test } from 'vitest';
import { sideBySide } from '../src/commands/side-by-side.js';

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

test.each([
  ['first', 0],
  ['second', 1],
])(
  'when the %s of two fails, the other is told to stop and has ended before the failure is passed on',
  async (_, failing) => {
    let hasEnded = false;
    const runs = [
      async () => {
        throw new Error('the schedule cannot be read');
      },
      async (signal: AbortSignal) => {
        await aborted(signal);
        await Promise.resolve();
        hasEnded = true;
        throw new Error('stopped because of the other');
      },
    ];
    const [first = aborted, second = aborted] = failing === 0 ? runs : runs.reverse();
    const both = sideBySide<void, void>(first, second, new AbortController().signal);
    await expect(both).rejects.toThrow('the schedule cannot be read');
    expect(hasEnded).toBe(true);
  },
);

test('both stop with the signal from outside, and their results are passed on', async () => {
  const controller = new AbortController();
  const both = sideBySide(
    async (signal) => {
      await aborted(signal);
      return 'a';
    },
    async () => 1,
    controller.signal,
  );
  controller.abort();
  expect(await both).toEqual(['a', 1]);
});
