import { type Instant, laterOf, SECOND } from '../instant.js';
import { dropPartitions, retentionStart } from '../warehouse/retention.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { JobKind } from './job.js';

export interface RetentionOptions {
  readonly warehouse: Warehouse;
  readonly months: number;
  readonly lookback: Instant;
}

/** When nobody waits for a lock, as a rule. */
const HOUR_UTC = 2;
/** A query holds one of the partitions. */
const BACKOFF = { firstMs: 60_000, longestMs: 3_600_000 };

/** Drops, once a day, what is older than RETENTION_MONTHS. */
export function retentionJob(options: RetentionOptions): JobKind {
  return {
    name: 'retention',
    jobs: ['retention'],
    inOnce: 'if-due',
    backoff: BACKOFF,
    run: async ({ log }) => {
      const dropped = await dropOld(options, true);
      if (dropped.length > 0) log.info({ dropped }, 'old partitions dropped');
      return { next: { atHourUtc: HOUR_UTC }, figures: { dropped: dropped.length } };
    },
  };
}

/** Names of the partitions that are older; with `really` they are gone. */
export async function dropOld(
  { warehouse, months, lookback }: RetentionOptions,
  really: boolean,
): Promise<string[]> {
  const before = await retentionStart(warehouse, months);
  return dropPartitions(warehouse, before, laterOf(lookback, SECOND), really);
}

/** Events from here on are kept. */
export async function keptFrom(warehouse: Warehouse, months: number | undefined): Promise<Instant> {
  return months === undefined ? 0n : retentionStart(warehouse, months);
}
