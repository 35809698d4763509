import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatInstant, seconds } from '../src/instant.js';
import { type HeldSlot, releaseSlot, type SlotRequest, takeSlot } from '../src/warehouse/request-slots.js';
import { moment, useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const PERIOD_MS = 1000;
const TIMEOUT_MS = 5000;

interface Sent {
  slot: HeldSlot;
  readonly sentAt: number;
  /** From then on the request can no longer reach the server. */
  endedAt: number;
  isReleased: boolean;
}

/** Processes that share the slots of one budget, on a clock that is moved by moving all that Postgres remembers. */
class Processes {
  readonly sent: Sent[] = [];
  private passedMs = 0;

  constructor(private readonly request: SlotRequest) {}

  async take(): Promise<void> {
    const answer = await takeSlot(db().warehouse, this.request);
    if ('waitMs' in answer) {
      expect(answer.waitMs).toBeGreaterThan(0);
      return;
    }
    const sentAt = this.now();
    this.sent.push({ slot: answer, sentAt, endedAt: sentAt + TIMEOUT_MS, isReleased: false });
  }

  /** The answer to one of the requests begins, or comes too late; some are never released: their process died. */
  async release(which: number): Promise<void> {
    const open = this.sent.filter((one) => !one.isReleased);
    const one = open[which % Math.max(1, open.length)];
    if (!one) return;
    one.isReleased = true;
    one.endedAt = Math.min(one.endedAt, this.now());
    await releaseSlot(db().warehouse, this.request, one.slot, PERIOD_MS);
  }

  async pass(ms: number): Promise<void> {
    this.passedMs += ms;
    await db().rows(
      `update talon_one_request_slot set free_at = free_at - $2 * interval '1 ms' where budget = $1`,
      this.request.budget,
      ms,
    );
    for (const one of this.sent) {
      one.slot = { ...one.slot, until: formatInstant(moment(one.slot.until) - seconds(ms / 1000)) };
    }
  }

  private now(): number {
    return this.passedMs + performance.now();
  }
}

// The network may deliver a request at any moment between its sending and its end, so the worst case is counted: all
// requests that can still be on their way in the second before one is sent.
function mostInOneSecond(sent: readonly Sent[]): number {
  const counts = sent.map(({ sentAt }) => {
    return sent.filter((one) => one.sentAt <= sentAt && one.endedAt > sentAt - PERIOD_MS).length;
  });
  return Math.max(0, ...counts);
}

test('whatever the network does and whoever dies, no second sees more requests than there are slots', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ take: true as const }) },
    { weight: 3, arbitrary: fc.record({ release: fc.nat({ max: 9 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        pass: fc.oneof(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1000, max: 7000 })),
      }),
    },
  );
  let budgets = 0;
  let most = 0;
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 3 }),
    fc.array(step, { minLength: 5, maxLength: 30 }),
    async (slots, steps) => {
      budgets += 1;
      const budget = `property-${budgets}`;
      const processes = new Processes({ budget, endpoint: 'GET /a', slots, holdMs: TIMEOUT_MS + PERIOD_MS });
      // The first one of a budget makes its rows.
      for (let times = 0; times < 2; times += 1) await processes.take();
      for (const one of steps) {
        if ('take' in one) await processes.take();
        else if ('release' in one) await processes.release(one.release);
        else await processes.pass(one.pass);
      }
      const peak = mostInOneSecond(processes.sent);
      expect(peak).toBeLessThanOrEqual(slots);
      most = Math.max(most, peak);
    },
  );
  // A holder that comes back after its slot went to another one, and then a third.
  const late = [
    { pass: 6500 },
    { take: true as const },
    { release: 0 },
    { pass: 1100 },
    { take: true as const },
  ];
  await fc.assert(property, { seed: 20_261_122, numRuns: 25, examples: [[1, late]] });
  // And the slots are used.
  expect(most).toBe(3);
});
