import {
  GROW,
  GROW_AFTER_MS,
  LEAST_RATE,
  LONGEST_PAUSE_MS,
  OVER_AFTER_MS,
  SAME_REFUSAL_MS,
  SHRINK,
} from '../granted-rate.js';
import type { Warehouse } from './warehouse.js';

// What the server grants of an endpoint, for all processes: the rules of granted-rate.ts on Postgres' clock. A row is
// written at a refusal, and deleted when the whole limit has been granted for a while.

const LIMITS = { statementMs: 2_000, lockMs: 1_000, isUrgent: true };
const GROW_SECONDS = GROW_AFTER_MS / 1000;
const OVER_SECONDS = OVER_AFTER_MS / 1000;
const SAME_SECONDS = SAME_REFUSAL_MS / 1000;

/** Requests a second by now, of a row of talon_one_granted_rate. The exponent is bounded, or an old row would overflow. */
export const RATE_NOW = `(rate * power(${GROW}, least(100, greatest(0,
  floor(extract(epoch from clock_timestamp() - refused_at)::float8 / ${GROW_SECONDS})))))`;

const RATE_FIRST = `greatest(least(${LEAST_RATE}, $3::float8), $3 * ${SHRINK})`;

const RATE_AGAIN = `greatest(least(${LEAST_RATE}, $3), least($3, g.rate * power(${GROW}, least(100, greatest(0,
  floor(extract(epoch from clock_timestamp() - g.refused_at)::float8 / ${GROW_SECONDS}))))) * ${SHRINK})`;

const IS_SAME = `g.refused_at > clock_timestamp() - interval '1 second' * ${SAME_SECONDS}`;

const IS_OVER = `rate * power(${GROW}, least(100, greatest(0,
  floor((extract(epoch from clock_timestamp() - refused_at)::float8 - ${OVER_SECONDS}) / ${GROW_SECONDS})))) >= $2`;

export interface RefusedRequest {
  readonly budget: string;
  readonly endpoint: string;
  /** Requests a second that are allowed. */
  readonly limit: number;
  readonly retryAfterMs: number;
}

/** Notes a 429. Returns the rate from now on, and whether nothing had been refused lately. */
export async function noteRefusal(
  warehouse: Warehouse,
  { budget, endpoint, limit, retryAfterMs }: RefusedRequest,
): Promise<{ readonly rate: number; readonly isFirst: boolean }> {
  return warehouse.transaction(async (client) => {
    const parameters = [budget, endpoint, limit, Math.min(retryAfterMs, LONGEST_PAUSE_MS)];
    const { rows } = await client.query<{ rate: number; isFirst: boolean }>(
      `insert into talon_one_granted_rate as g (budget, endpoint, rate, refused_at, paused_until)
       select $1, $2, first, clock_timestamp(), clock_timestamp() + interval '1 ms' * greatest($4::float8, 1000 / first)
       from (select ${RATE_FIRST} as first) as refused
       on conflict (budget, endpoint) do update set
         rate = case when ${IS_SAME} then g.rate else ${RATE_AGAIN} end,
         refused_at = case when ${IS_SAME} then g.refused_at else clock_timestamp() end,
         paused_until = greatest(g.paused_until, clock_timestamp()
           + interval '1 ms' * greatest($4::float8, 1000 / case when ${IS_SAME} then g.rate else ${RATE_AGAIN} end))
       returning rate, xmax = 0 and not exists (
         select from talon_one_granted_rate o where o.budget = $1 and o.endpoint <> $2) as "isFirst"`,
      parameters,
    );
    const [row] = rows;
    if (!row) throw new Error('a refusal was not noted');
    return row;
  }, LIMITS);
}

/**
 * Forgets refusals that are over: the whole limit has been granted for a minute.
 * @param limit requests a second
 * @returns the endpoints that are over, each of them to one process only, and those that are left
 */
export async function forgetRefusals(
  warehouse: Warehouse,
  budget: string,
  limit: number,
): Promise<{ readonly over: readonly string[]; readonly left: readonly string[] }> {
  return warehouse.transaction(async (client) => {
    const over = await client.query<{ endpoint: string }>(
      `delete from talon_one_granted_rate where budget = $1 and ${IS_OVER} returning endpoint`,
      [budget, limit],
    );
    const left = await client.query<{ endpoint: string }>(
      'select endpoint from talon_one_granted_rate where budget = $1',
      [budget],
    );
    const names = (rows: readonly { endpoint: string }[]) => rows.map(({ endpoint }) => endpoint);
    return { over: names(over.rows), left: names(left.rows) };
  }, LIMITS);
}
