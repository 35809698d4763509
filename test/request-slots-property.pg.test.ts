import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type HeldSlot,
  holdSlots,
  releaseSlot,
  type SlotRequest,
  takeSlot,
} from '../src/warehouse/request-slots.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const PERIOD_MS = 1000;
const TIMEOUT_MS = 9000;
/** As sync/shared-budget.ts has them; slots are held on half as often here. */
const HOLD_MS = 4000 + PERIOD_MS;
const EXTEND_MS = 2000;
/** What a process has sent is received so long after it died or was stopped, or never. */
const ARRIVAL_MS = HOLD_MS - EXTEND_MS - PERIOD_MS;

/** Of all runs: a second try must find nothing of the first one. */
let budgets = 0;

interface Sent {
  readonly slot: HeldSlot;
  readonly sentAt: number;
  /** From then on the request can no longer reach the server. */
  endedAt: number;
  isReleased: boolean;
  /** Its process does nothing any more; what is stopped may come back. */
  isStopped: boolean;
}

/** Processes that share the slots of one budget, on a clock that is moved by moving all that Postgres remembers. */
class Processes {
  readonly sent: Sent[] = [];
  private passedMs = 0;

  constructor(private readonly request: SlotRequest) {}

  async take(): Promise<void> {
    const name = `request ${this.sent.length}`;
    const answer = await takeSlot(db().warehouse, this.request, { name, isLive: false, queues: false });
    if ('waitMs' in answer) {
      expect(answer.waitMs).toBeGreaterThan(0);
      return;
    }
    const sentAt = this.now();
    const slot = { slot: answer.slot, holder: answer.holder };
    this.sent.push({ slot, sentAt, endedAt: sentAt + TIMEOUT_MS, isReleased: false, isStopped: false });
  }

  /** The answer to one of the requests begins, or comes too late: its process was stopped meanwhile. */
  async release(which: number): Promise<void> {
    const open = this.sent.filter((one) => !one.isReleased);
    const one = open[which % Math.max(1, open.length)];
    if (one) await this.end(one);
  }

  /** The process of one of the requests dies, or is stopped. */
  stop(which: number): void {
    const open = this.sent.filter((one) => !one.isReleased && !one.isStopped);
    const one = open[which % Math.max(1, open.length)];
    if (!one) return;
    one.isStopped = true;
    one.endedAt = Math.min(one.endedAt, this.now() + ARRIVAL_MS);
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= EXTEND_MS) {
      const stepMs = Math.min(left, EXTEND_MS);
      this.passedMs += stepMs;
      await db().rows(
        `update talon_one_request_slot set free_at = free_at - $2 * interval '1 ms' where budget = $1`,
        this.request.budget,
        stepMs,
      );
      const running = this.sent.filter((one) => !one.isReleased && !one.isStopped);
      const late = running.filter((one) => one.endedAt <= this.now());
      for (const one of late) await this.end(one);
      const holders = running.filter((one) => !late.includes(one)).map(({ slot }) => slot.holder);
      await holdSlots(db().warehouse, this.request.budget, holders, HOLD_MS);
    }
  }

  private async end(one: Sent): Promise<void> {
    one.isReleased = true;
    one.endedAt = Math.min(one.endedAt, this.now());
    await releaseSlot(db().warehouse, this.request, one.slot, PERIOD_MS);
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

test('whatever the network does and whoever dies or is stopped, no second sees more requests than there are slots', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ take: true as const }) },
    { weight: 3, arbitrary: fc.record({ release: fc.nat({ max: 9 }) }) },
    { weight: 1, arbitrary: fc.record({ stop: fc.nat({ max: 9 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        pass: fc.oneof(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1000, max: 7000 })),
      }),
    },
  );
  let most = 0;
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 3 }),
    fc.array(step, { minLength: 5, maxLength: 30 }),
    async (slots, steps) => {
      budgets += 1;
      const budget = `property-${budgets}`;
      const processes = new Processes({ budget, endpoint: 'GET /a', slots, holdMs: HOLD_MS });
      // The first one of a budget makes its rows.
      for (let times = 0; times < 2; times += 1) await processes.take();
      for (const one of steps) {
        if ('take' in one) await processes.take();
        else if ('release' in one) await processes.release(one.release);
        else if ('stop' in one) processes.stop(one.stop);
        else await processes.pass(one.pass);
      }
      const peak = mostInOneSecond(processes.sent);
      expect(peak).toBeLessThanOrEqual(slots);
      most = Math.max(most, peak);
    },
  );
  const take = { take: true as const };
  // A holder that comes back after its slot went to another one, and then a third.
  const late = [{ stop: 0 }, { pass: 6500 }, take, { release: 0 }, { pass: 1100 }, take];
  // A slow answer: its slot is held on for longer than it was taken for.
  const slow = [{ pass: 7000 }, take, take];
  await fc.assert(property, {
    seed: 20_261_122,
    numRuns: 25,
    examples: [
      [1, late],
      [1, slow],
    ],
  });
  // And the slots are used.
  expect(most).toBe(3);
});
