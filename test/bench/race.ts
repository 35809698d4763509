import type { Lease } from '../../src/warehouse/cursor.js';
import type { Contender } from './contenders.js';
import type { PreparedPage } from './pages.js';
import type { BenchPostgres, BenchWarehouse } from './postgres.js';

/** What one contender has used so far, in seconds. */
export interface Lap {
  readonly contender: Contender;
  readonly target: BenchWarehouse;
  readonly lease: Lease;
  /** Its pages, and how many of them are written. */
  readonly pages: readonly PreparedPage[];
  written: number;
  seconds: number;
  nodeCpu: number;
  postgresCpu: number | undefined;
}

/**
 * Lets the contenders write in turn, page by page, so that whatever else the machine does meets all of them alike. Those with
 * fewer pages write theirs spread over the whole time; each round begins with another one.
 */
export async function race(
  laps: readonly Lap[],
  postgres: BenchPostgres,
  signal: AbortSignal,
): Promise<void> {
  const rounds = Math.max(...laps.map((lap) => lap.pages.length));
  for (let round = 1; round <= rounds; round += 1) {
    const first = round % laps.length;
    for (const lap of [...laps.slice(first), ...laps.slice(0, first)]) {
      signal.throwIfAborted();
      const page = lap.pages[lap.written];
      const isItsTurn = lap.written < Math.floor((round * lap.pages.length) / rounds);
      if (page !== undefined && isItsTurn) await writeOne(lap, page, postgres);
    }
  }
}

async function writeOne(lap: Lap, page: PreparedPage, postgres: BenchPostgres): Promise<void> {
  const postgresBefore = await postgres.cpuSeconds();
  const nodeBefore = process.cpuUsage();
  const startedAt = performance.now();
  await lap.contender.write(lap.target.warehouse, lap.lease, page);
  lap.seconds += (performance.now() - startedAt) / 1000;
  const node = process.cpuUsage(nodeBefore);
  const postgresAfter = await postgres.cpuSeconds();
  lap.nodeCpu += (node.user + node.system) / 1_000_000;
  lap.postgresCpu =
    postgresBefore === undefined || postgresAfter === undefined || lap.postgresCpu === undefined
      ? undefined
      : lap.postgresCpu + postgresAfter - postgresBefore;
  lap.written += 1;
}
