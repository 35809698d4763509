import { RATE_NOW } from './granted-rates.js';
import type { Client } from './pool.js';
import type { Warehouse } from './warehouse.js';

// The request budget of all processes that use the same key: one row per slot. A slot is held from just before a
// request is sent until its answer begins, and stays closed for one period after that. It costs two short statements
// a request. It is held for a few seconds only, and for longer by `holdSlots` while the request runs: the slots of a
// process that died open soon.
//
// Who has to wait gets a place in a queue, talon_one_request_waiter. Where live requests and those of a back-fill wait,
// two live ones go for each of a back-fill; among their own kind who came first. A waiter that does not come back in time
// is passed over. Two that ask within the same moment for two free slots may count the same turn.
//
// Where the server grants less than the limit (granted-rates.ts), there are fewer slots, closed for longer.

/** A slot of a request that is under way may be released at any time. */
const HELD_WAIT_MS = 250;
/** A slot is free, and it is somebody else's turn. */
const OTHERS_WAIT_MS = 20;
const MOST_WAIT_MS = 1_000;
/** A waiter that does not ask for so long has died. Written down when less than half of it is left. */
const PRESENCE_MS = 3_000;
export const SLOT_LIMITS = { statementMs: 2_000, lockMs: 1_000, isUrgent: true };

export interface SlotRequest {
  /** Fingerprint of address and key. */
  readonly budget: string;
  readonly endpoint: string;
  readonly slots: number;
  /** How long a slot is held, unless it is held for longer or released, in milliseconds. */
  readonly holdMs: number;
}

/** A request's place in the queue. */
export interface SlotWaiter {
  /** Unlike that of any other request of any process. */
  readonly name: string;
  readonly isLive: boolean;
  /** It has asked before, or is to queue up at once. */
  readonly queues: boolean;
}

/** A slot that was taken. Its holder is told from a later one by its name. */
export interface HeldSlot {
  readonly slot: number;
  readonly holder: string;
}

/** The slot that was taken, or how long to wait before asking again, in milliseconds. */
export type SlotAnswer = (HeldSlot | { readonly waitMs: number }) & {
  /** What the server granted after a refusal, grown since: requests a second. `null`: there was none lately. */
  readonly rate: number | null;
};

interface Row {
  readonly slot: number | null;
  readonly rate: number | null;
  /** Until the first slot is free, in milliseconds; null: there is no slot yet. */
  readonly wait: number | null;
  readonly isHeld: boolean | null;
  readonly slots: number;
}

export async function takeSlot(
  warehouse: Warehouse,
  request: SlotRequest,
  waiter: SlotWaiter,
): Promise<SlotAnswer> {
  const { budget, endpoint, slots, holdMs } = request;
  return warehouse.transaction(async (client) => {
    const { rows } = await client.query<Row>(TAKE, [
      budget,
      endpoint,
      slots,
      holdMs,
      waiter.name,
      waiter.isLive,
    ]);
    const [row] = rows;
    const rate = row?.rate ?? null;
    if (row && row.slot !== null) return { slot: row.slot, holder: waiter.name, rate };
    if (!row || row.slots < slots) {
      await client.query(
        `insert into talon_one_request_slot (budget, endpoint, slot)
         select $1, $2, slot from generate_series(0, $3::integer - 1) as slot on conflict do nothing`,
        [budget, endpoint, slots],
      );
      return { waitMs: 1, rate };
    }
    if (waiter.queues) await queueUp(client, request, waiter);
    return { waitMs: waitOf(row), rate };
  }, SLOT_LIMITS);
}

function waitOf({ wait, isHeld }: Row): number {
  if (wait === null || wait <= 0) return OTHERS_WAIT_MS;
  return Math.min(isHeld ? HELD_WAIT_MS : MOST_WAIT_MS, Math.ceil(wait));
}

// As many slots are free as requests go before this one, and one more. $1 budget, $2 endpoint, $3 slots, $4 hold, $5 name,
// $6 is live. All in one statement: what is counted and what is taken are of one moment, and a request costs one.
const TAKE = `
  with pace as (
    select least($3::integer, ceil(coalesce(min(${RATE_NOW}), $3)))::integer as slots, min(${RATE_NOW}) as rate,
      coalesce(max(paused_until), '-infinity') as paused_until
    from talon_one_granted_rate where budget = $1 and endpoint = $2
  ), queue as (
    select count(*) filter (where w.is_live = $6 and w.waits_since < coalesce(m.waits_since, 'infinity')) as before,
      count(*) filter (where w.is_live <> $6) as others
    from talon_one_request_waiter w
    left join talon_one_request_waiter m on m.budget = $1 and m.endpoint = $2 and m.waiter = $5
    where w.budget = $1 and w.endpoint = $2 and w.waiter <> $5 and w.asks_until > clock_timestamp()
  ), lane as (
    select count(*) filter (where slot < pace.slots and free_at <= clock_timestamp()) as free, count(*) as slots,
      coalesce((array_agg(live_run order by taken_at desc))[1], 0) as run,
      min(free_at) filter (where slot < pace.slots) as opens_at,
      (array_agg(holder is not null order by free_at) filter (where slot < pace.slots))[1] as is_held
    from talon_one_request_slot cross join pace where budget = $1 and endpoint = $2 and slot < $3
  ), taken as (
    update talon_one_request_slot set free_at = clock_timestamp() + $4 * interval '1 ms', holder = $5,
      taken_at = clock_timestamp(), live_run = case when $6 then least(2, lane.run + 1) else 0 end
    from lane
    where (budget, endpoint, slot) = (
      select s.budget, s.endpoint, s.slot from talon_one_request_slot s, pace, queue, lane
      where s.budget = $1 and s.endpoint = $2 and s.slot < pace.slots and s.free_at <= clock_timestamp()
        and pace.paused_until <= clock_timestamp()
        and before + least(others, case when $6 then (run + before) / 2 else 2 - run + 2 * before end) < free
      order by s.free_at limit 1 for update of s skip locked)
    returning slot
  ), gone as (
    delete from talon_one_request_waiter
    where budget = $1 and endpoint = $2 and waiter = $5 and exists (select from taken)
  )
  select (select slot from taken) as slot, rate, lane.slots::integer as slots, is_held and opens_at > paused_until as "isHeld",
    (extract(epoch from greatest(opens_at, paused_until) - clock_timestamp()) * 1000)::float8 as wait
  from pace, lane`;

async function queueUp(
  client: Client,
  { budget, endpoint }: SlotRequest,
  { name, isLive }: SlotWaiter,
): Promise<void> {
  await client.query(
    `with gone as (
       delete from talon_one_request_waiter where (budget, endpoint, waiter) in (
         select budget, endpoint, waiter from talon_one_request_waiter
         where budget = $1 and endpoint = $2 and waiter <> $3 and asks_until < clock_timestamp() - interval '10 seconds'
         for update skip locked)
     )
     insert into talon_one_request_waiter as w (budget, endpoint, waiter, is_live, waits_since, asks_until)
     values ($1, $2, $3, $4, clock_timestamp(), clock_timestamp() + $5 * interval '1 ms')
     on conflict (budget, endpoint, waiter) do update set asks_until = excluded.asks_until
     where w.asks_until < clock_timestamp() + $5 * interval '0.5 ms'`,
    [budget, endpoint, name, isLive, PRESENCE_MS],
  );
}

/** A request that no longer wants a slot: others need not wait until it counts as dead. */
export async function leaveQueue(warehouse: Warehouse, request: SlotRequest, name: string): Promise<void> {
  await warehouse.transaction(
    (client) =>
      client.query(
        'delete from talon_one_request_waiter where budget = $1 and endpoint = $2 and waiter = $3',
        [request.budget, request.endpoint, name],
      ),
    SLOT_LIMITS,
  );
}

/** Requests that are still under way: their slots are held for `holdMs` from now on. */
export async function holdSlots(
  warehouse: Warehouse,
  budget: string,
  holders: readonly string[],
  holdMs: number,
): Promise<void> {
  await warehouse.transaction(
    (client) =>
      client.query(
        `update talon_one_request_slot set free_at = clock_timestamp() + $3 * interval '1 ms'
         where budget = $1 and holder = any ($2)`,
        [budget, holders, holdMs],
      ),
    SLOT_LIMITS,
  );
}

/**
 * Says that the request has certainly been received; the slot opens after one period, or later when the server grants
 * less. Changes nothing when the slot has a new holder: a process that was stopped for a while comes too late.
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
        `update talon_one_request_slot set holder = null, free_at = clock_timestamp() + interval '1 ms' * greatest($5::float8, (
           select 1000 * least($6, ceil(${RATE_NOW})) / ${RATE_NOW}
           from talon_one_granted_rate where budget = $1 and endpoint = $2))
         where budget = $1 and endpoint = $2 and slot = $3 and holder = $4`,
        [request.budget, request.endpoint, held.slot, held.holder, periodMs, request.slots],
      ),
    SLOT_LIMITS,
  );
}
