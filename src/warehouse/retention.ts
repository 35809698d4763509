import { formatInstant, type Instant, parseInstant } from '../instant.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// Queries that read a partition hold it; whoever wants to drop it must not make everybody else wait behind that.
const LIMITS = { lockMs: 2_000 };

/** The start of the oldest month that is kept, on the clock of Postgres: `months` whole ones before the present one. */
export async function retentionStart(warehouse: Warehouse, months: number): Promise<Instant> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ start: string }>(
      `select ${rfc3339('start')} as start from (
         select (date_trunc('month', clock_timestamp() at time zone 'UTC') - $1 * interval '1 month') at time zone 'UTC' as start
       ) as kept`,
      [months],
    ),
  );
  return parseInstant(rows[0]?.start ?? '') ?? 0n;
}

/**
 * Drops the partitions of events and effects that end at `before` or earlier, except those that a cursor still reads.
 * @param lookback how far before its cursor an Application is read again
 * @param really false: only says which
 * @returns names of the partitions
 */
export async function dropPartitions(
  warehouse: Warehouse,
  before: Instant,
  lookback: Instant,
  really: boolean,
): Promise<string[]> {
  const { rows } = await warehouse.transaction(
    (client) =>
      client.query<{ name: string }>(
        `select talon_one_drop_partitions($1, $2::bigint * interval '1 microsecond', $3) as name`,
        [formatInstant(before), lookback.toString(), really],
      ),
    LIMITS,
  );
  return rows.map((row) => row.name);
}
