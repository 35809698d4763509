import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// The request budget of all processes that use the same key: one row per slot. A slot is held from just before a
// request is sent until its answer begins, and stays closed for one period after that. It costs two short statements
// a request. If the process dies in between, the slot opens again when the request must have ended.

// A held slot usually opens long before the time it is held for at most.
const MAX_WAIT_MS = 250;
const LIMITS = { statementMs: 2_000, lockMs: 1_000 };

export interface SlotRequest {
  /** Fingerprint of address and key. */
  readonly budget: string;
  readonly endpoint: string;
  readonly slots: number;
  /** The longest that the request can take, and one period, in milliseconds. */
  readonly holdMs: number;
}

/** A slot that was taken. The time until which it is held at most tells this holder from a later one. */
export interface HeldSlot {
  readonly slot: number;
  readonly until: string;
}

/** The slot that was taken, or how long to wait before asking again, in milliseconds. */
export type SlotAnswer = HeldSlot | { readonly waitMs: number };

export async function takeSlot(warehouse: Warehouse, request: SlotRequest): Promise<SlotAnswer> {
  return warehouse.transaction(async (client) => {
    const parameters = [request.budget, request.endpoint, request.slots];
    const taken = await client.query<{ slot: number; until: string }>(
      `update talon_one_request_slot set free_at = clock_timestamp() + $4 * interval '1 ms'
       where (budget, endpoint, slot) = (
         select budget, endpoint, slot from talon_one_request_slot
         where budget = $1 and endpoint = $2 and slot < $3 and free_at <= clock_timestamp()
         order by free_at limit 1 for update skip locked)
       returning slot, ${rfc3339('free_at')} as until`,
      [...parameters, request.holdMs],
    );
    const [held] = taken.rows;
    if (held) return { slot: held.slot, until: held.until };
    const { rows } = await client.query<{ wait: string | null; count: string }>(
      `select ceil(extract(epoch from min(free_at) - clock_timestamp()) * 1000)::text as wait, count(*) as count
       from talon_one_request_slot where budget = $1 and endpoint = $2 and slot < $3`,
      parameters,
    );
    if (Number(rows[0]?.count ?? 0) >= request.slots)
      return { waitMs: Math.min(MAX_WAIT_MS, Math.max(1, Number(rows[0]?.wait ?? 1))) };
    await client.query(
      `insert into talon_one_request_slot (budget, endpoint, slot)
       select $1, $2, slot from generate_series(0, $3::integer - 1) as slot on conflict do nothing`,
      parameters,
    );
    return { waitMs: 1 };
  }, LIMITS);
}

/**
 * Says that the request has certainly been received; the slot opens after one period. Changes nothing when the slot has
 * a new holder: a process that was stopped for a while comes too late.
 */
export async function releaseSlot(
  warehouse: Warehouse,
  request: SlotRequest,
  held: HeldSlot,
  periodMs: number,
): Promise<void> {
  await warehouse.transaction(
    (client) =>
      client.query(
        `update talon_one_request_slot set free_at = clock_timestamp() + $4 * interval '1 ms'
         where budget = $1 and endpoint = $2 and slot = $3 and free_at = $5`,
        [request.budget, request.endpoint, held.slot, periodMs, held.until],
      ),
    LIMITS,
  );
}
