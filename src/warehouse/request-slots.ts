import type { Client } from './pool.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// The request budget of all processes that use the same key: one row per slot. A slot is held from just before a
// request is sent until its answer begins, and stays closed for one period after that. It costs two short statements
// a request. If the process dies in between, the slot opens again when the request must have ended.
//
// Who has to wait twice gets a place in a queue, talon_one_request_waiter: a free slot goes to whoever is due first, so
// that processes take turns, and live cycles go before a back-fill, which queues up behind them for a while. A waiter
// that does not come back in time is passed over.

// A held slot usually opens long before the time it is held for at most.
const MAX_WAIT_MS = 250;
const LEAST_WAIT_MS = 1;
/** A waiter that asks so much later than it said has died, or may queue up anew. */
const GRACE_MS = 300;
const LIMITS = { statementMs: 2_000, lockMs: 1_000, isUrgent: true };

export interface SlotRequest {
  /** Fingerprint of address and key. */
  readonly budget: string;
  readonly endpoint: string;
  readonly slots: number;
  /** The longest that the request can take, and one period, in milliseconds. */
  readonly holdMs: number;
}

/** A request's place in the queue. */
export interface SlotWaiter {
  /** Unlike that of any other request of any process. */
  readonly name: string;
  /** How long others may still go before it, in milliseconds. */
  readonly headStartMs: number;
  /** It has asked before. */
  readonly hasWaited: boolean;
}

const NOBODY: SlotWaiter = { name: '', headStartMs: 0, hasWaited: false };

/** A slot that was taken. The time until which it is held at most tells this holder from a later one. */
export interface HeldSlot {
  readonly slot: number;
  readonly until: string;
}

/** The slot that was taken, or how long to wait before asking again, in milliseconds. */
export type SlotAnswer = HeldSlot | { readonly waitMs: number };

export async function takeSlot(
  warehouse: Warehouse,
  request: SlotRequest,
  waiter: SlotWaiter = NOBODY,
): Promise<SlotAnswer> {
  return warehouse.transaction(async (client) => {
    const parameters = [request.budget, request.endpoint, request.slots];
    const taken = await client.query<{ slot: number; until: string }>(
      `update talon_one_request_slot set free_at = clock_timestamp() + $4 * interval '1 ms'
       where (budget, endpoint, slot) = (
         select budget, endpoint, slot from talon_one_request_slot
         where budget = $1 and endpoint = $2 and slot < $3 and free_at <= clock_timestamp() and ${IS_MY_TURN}
         order by free_at limit 1 for update skip locked)
       returning slot, ${rfc3339('free_at')} as until`,
      [...parameters, request.holdMs, waiter.name, waiter.headStartMs],
    );
    const [held] = taken.rows;
    if (held && waiter.hasWaited) {
      await client.query(
        'delete from talon_one_request_waiter where budget = $1 and endpoint = $2 and waiter = $3',
        [request.budget, request.endpoint, waiter.name],
      );
    }
    if (held) return { slot: held.slot, until: held.until };
    const { rows } = await client.query<{ wait: string | null; count: string }>(
      `select ceil(extract(epoch from min(free_at) - clock_timestamp()) * 1000)::text as wait, count(*) as count
       from talon_one_request_slot where budget = $1 and endpoint = $2 and slot < $3`,
      parameters,
    );
    if (Number(rows[0]?.count ?? 0) >= request.slots) {
      const waitMs = Math.min(MAX_WAIT_MS, Math.max(LEAST_WAIT_MS, Number(rows[0]?.wait ?? 1)));
      if (waiter.hasWaited) await queueUp(client, request, waiter, waitMs);
      return { waitMs };
    }
    await client.query(
      `insert into talon_one_request_slot (budget, endpoint, slot)
       select $1, $2, slot from generate_series(0, $3::integer - 1) as slot on conflict do nothing`,
      parameters,
    );
    return { waitMs: 1 };
  }, LIMITS);
}

// As many slots are free as requests are due before this one, and one more. $1 budget, $2 endpoint, $3 slots, $5 name,
// $6 head start of the others.
const IS_MY_TURN = `
  (select count(*) from talon_one_request_waiter w
   where w.budget = $1 and w.endpoint = $2 and w.waiter <> $5 and w.asks_until > clock_timestamp()
     and w.due_at < coalesce(
       (select due_at from talon_one_request_waiter m where m.budget = $1 and m.endpoint = $2 and m.waiter = $5),
       clock_timestamp() + $6 * interval '1 ms'))
  < (select count(*) from talon_one_request_slot f
     where f.budget = $1 and f.endpoint = $2 and f.slot < $3 and f.free_at <= clock_timestamp())`;

async function queueUp(
  client: Client,
  { budget, endpoint }: SlotRequest,
  { name, headStartMs }: SlotWaiter,
  waitMs: number,
): Promise<void> {
  await client.query(
    `with gone as (
       delete from talon_one_request_waiter where (budget, endpoint, waiter) in (
         select budget, endpoint, waiter from talon_one_request_waiter
         where budget = $1 and endpoint = $2 and waiter <> $3 and asks_until < clock_timestamp() - interval '10 seconds'
         for update skip locked)
     )
     insert into talon_one_request_waiter (budget, endpoint, waiter, due_at, asks_until)
     values ($1, $2, $3, clock_timestamp() + $4 * interval '1 ms', clock_timestamp() + $5 * interval '1 ms')
     on conflict (budget, endpoint, waiter) do update set asks_until = excluded.asks_until`,
    [budget, endpoint, name, headStartMs, waitMs + GRACE_MS],
  );
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
