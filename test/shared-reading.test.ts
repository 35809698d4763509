import { describe, expect, test, vi } from 'vitest';
import { NoAnswerError, sharedReading } from '../src/commands/shared-reading.js';

const READING = { freshMs: 3_000, rest: 10, mostFreshMs: 30_000, deadlineMs: 3_000 };

/** Readings that end when the test says so. */
function slowWork() {
  const ends: ((result: string) => void)[] = [];
  const work = () => new Promise<string>((resolve) => ends.push(resolve));
  return { work, ends };
}

/** Runs `test` on a clock of its own. */
async function withTime(run: (pass: (ms: number) => Promise<void>) => Promise<void>): Promise<void> {
  let nowMs = 0;
  vi.useFakeTimers();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  try {
    await run(async (ms) => {
      nowMs += ms;
      await vi.advanceTimersByTimeAsync(ms);
    });
  } finally {
    clock.mockRestore();
    vi.useRealTimers();
  }
}
void withTime;
