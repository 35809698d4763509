import { describe, expect, test } from 'vitest';
import { NoAnswerError, sharedReading } from '../src/commands/shared-reading.js';
import { SimulatedTime } from './support/simulated-time.js';

// Readings of Postgres for the status page, the metrics and the probes.

/** Readings that take so long one after the other, the last time again and again, in milliseconds. */
function readings(...durations: readonly number[]) {
  const time = new SimulatedTime();
  let begun = 0;
  const work = async () => {
    const number = begun;
    begun += 1;
    await time.sleep(durations[Math.min(number, durations.length - 1)] ?? 0);
    return number;
  };
  const reading = sharedReading(work, {
    freshMs: 3_000,
    rest: 10,
    mostFreshMs: 30_000,
    deadlineMs: 3_000,
    now: time.now,
    wait: time.sleep,
  });
  return { time, reading, begun: () => begun };
}

describe('a reading that is shared', () => {
  test('is made once for all who ask, and again when it is no longer fresh', async () => {
    const { time, reading, begun } = readings(100);
    expect(await time.run(Promise.all([reading(), reading()]))).toEqual([0, 0]);
    await time.run(time.sleep(2_800));
    expect(await time.run(reading())).toBe(0);
    await time.run(time.sleep(300));
    expect(await time.run(reading())).toBe(1);
    expect(begun()).toBe(2);
  });

  test('says at its deadline that there is no answer, and hangs only once however often it is asked', async () => {
    const { time, reading, begun } = readings(132_000, 10);
    for (let ask = 0; ask < 5; ask += 1) {
      const beganMs = time.now();
      await expect(time.run(reading())).rejects.toThrow(NoAnswerError);
      expect(time.now() - beganMs).toBe(3_000);
    }
    expect(begun()).toBe(1);
    // Postgres is back: what hung for two minutes is no answer for twenty more.
    await time.run(time.sleep(132_000));
    expect(await time.run(reading())).toBe(1);
  });

  test('takes a tenth of the time at most, and is never kept for longer than half a minute', async () => {
    const { time, reading } = readings(1_000, 2_900, 10);
    expect(await time.run(reading())).toBe(0);
    await time.run(time.sleep(9_000));
    expect(await time.run(reading())).toBe(0);
    await time.run(time.sleep(2_000));
    expect(await time.run(reading())).toBe(1);
    await time.run(time.sleep(28_000));
    expect(await time.run(reading())).toBe(1);
    await time.run(time.sleep(2_100));
    expect(await time.run(reading())).toBe(2);
  });

  test('is not kept when it failed', async () => {
    let fails = true;
    const reading = sharedReading(
      async () => {
        if (fails) throw new Error('away');
        return 'there';
      },
      { freshMs: 3_000 },
    );
    await expect(reading()).rejects.toThrow('away');
    fails = false;
    expect(await reading()).toBe('there');
  });
});
