import type { Warehouse } from './warehouse.js';

// Rows that are leases and a schedule at once: the cursors of Applications and the jobs. Taking one raises `fence`;
// every writing transaction begins by updating the row `where fence = mine`, which locks it or finds nothing. Leases
// are counted on the clock of Postgres alone, so a process whose own clock is wrong, or that was stopped for an hour,
// does no harm.

/** The right to write, until it expires or somebody with a higher fence has it. */
export interface HeldLease {
  readonly fence: string;
  readonly owner: string;
  readonly durationMs: number;
}

/** A table of leases: names of ours that become SQL, never values. */
export interface LeaseTable {
  readonly name: string;
  readonly key: string;
  readonly keyType: 'bigint' | 'text';
  /** Column that says when the row is due. */
  readonly dueAt: string;
  /** SQL of ours that is true for rows that must not wait for long work; default: all of them. */
  readonly isPressing?: string;
}

export interface LeaseOptions {
  /** Names this process in the rows. */
  readonly owner: string;
  readonly leaseMs: number;
  /** How long a row that is due is left to its last owner, in milliseconds: keeps the work where it is. */
  readonly courtesyMs: number;
  /** Also when it is not due yet. */
  readonly evenIfNotDue: boolean;
  /** Rows that this process may own before it is courteous with those that nobody owns, too; default: any number. */
  readonly share?: number | undefined;
  /** Only what must not wait for long work: there is no place for more of that. */
  readonly pressingOnly?: boolean;
}

/**
 * Takes the lease of one of these rows that is due and that nobody holds, the longest due first; `undefined` when
 * there is none. Rows locked by others are passed over, so processes never wait for each other here.
 * @param columns what else to return of the row, SQL of ours
 */
export async function takeRow<Row>(
  warehouse: Warehouse,
  table: LeaseTable,
  keys: readonly string[],
  { owner, leaseMs, courtesyMs, evenIfNotDue, share, pressingOnly }: LeaseOptions,
  columns: string,
): Promise<(Row & { key: string; fence: string }) | undefined> {
  if (keys.length === 0) return undefined;
  const { name, key, keyType, dueAt, isPressing } = table;
  const { rows } = await warehouse.transaction((client) =>
    client.query<Row & { key: string; fence: string }>(
      `with due as (
         select ${key} from ${name}
         where ${key} = any($1::${keyType}[])
           and coalesce(lease_expires_at <= clock_timestamp(), true)
           and ($5 or ${dueAt} + ${courtesy(table, '$4', '$6')} <= clock_timestamp())
           and (not $7 or ${isPressing ?? 'true'})
         order by ${dueAt} limit 1
         for update skip locked
       )
       update ${name} as taken
       set fence = fence + 1, lease_owner = $2, updated_at = clock_timestamp(),
           lease_expires_at = clock_timestamp() + $3 * interval '1 ms'
       from due where taken.${key} = due.${key}
       returning taken.${key} as key, fence, ${columns}`,
      [keys, owner, leaseMs, courtesyMs, evenIfNotDue, share ?? null, pressingOnly ?? false],
    ),
  );
  return rows[0];
}

// How long a row is left to others, as SQL: $2 is the process that asks. Those that nobody owns are left to processes
// that have less than their share.
function courtesy({ name }: LeaseTable, courtesyMs: string, share: string): string {
  const owned = `select count(*) from ${name} as own where own.lease_owner = $2`;
  return `case when lease_owner = $2 or (lease_owner is null and coalesce((${owned}) < ${share}::bigint, true)) then 0
    else ${courtesyMs}::float8 end * interval '1 ms'`;
}

/**
 * Renews leases in one statement. A row that is locked belongs to a page that is being written, which renews it itself.
 * @returns those that somebody else has
 */
export async function renewRows<L extends HeldLease>(
  warehouse: Warehouse,
  { name, key, keyType }: LeaseTable,
  leases: readonly L[],
  keyOf: (lease: L) => string,
): Promise<L[]> {
  const [first] = leases;
  if (!first) return [];
  const { rows } = await warehouse.transaction(
    (client) =>
      client.query<{ position: string }>(
        `with mine as (
           select key, fence, position from unnest($1::${keyType}[], $2::bigint[]) with ordinality as l (key, fence, position)
         ), free as (
           select row.${key} from ${name} as row join mine on row.${key} = mine.key and row.fence = mine.fence
           for update of row skip locked
         ), renewed as (
           update ${name} as row
           set lease_expires_at = clock_timestamp() + $3 * interval '1 ms', updated_at = clock_timestamp()
           from free where row.${key} = free.${key}
         )
         select mine.position from mine left join ${name} as row on row.${key} = mine.key
         where row.fence is distinct from mine.fence`,
        [leases.map(keyOf), leases.map(({ fence }) => fence), first.durationMs],
      ),
    { isUrgent: true },
  );
  return rows.flatMap(({ position }) => leases[Number(position) - 1] ?? []);
}

/** Milliseconds until `takeRow` may find one of these rows; `undefined` when there is none at all. */
export async function millisecondsUntilRow(
  warehouse: Warehouse,
  table: LeaseTable,
  keys: readonly string[],
  { owner, courtesyMs, share, pressingOnly }: LeaseOptions,
): Promise<number | undefined> {
  const { name, key, keyType, dueAt, isPressing } = table;
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ ms: string | null }>(
      `select ceil(extract(epoch from min(greatest(
           ${dueAt} + ${courtesy(table, '$3', '$4')},
           lease_expires_at)) - clock_timestamp()) * 1000)::text as ms
       from ${name} where ${key} = any($1::${keyType}[]) and (not $5 or ${isPressing ?? 'true'})`,
      [keys, owner, courtesyMs, share ?? null, pressingOnly ?? false],
    ),
  );
  const ms = rows[0]?.ms;
  return ms === null || ms === undefined ? undefined : Math.max(0, Number(ms));
}

/**
 * Says that `owner` is going and nothing of its runs any more: the others need not be courteous, nor wait for a lease
 * that could not be given back.
 */
export async function leaveRows(warehouse: Warehouse, { name }: LeaseTable, owner: string): Promise<void> {
  await warehouse.transaction(
    (client) =>
      client.query(
        `update ${name}
         set lease_owner = null, lease_expires_at = least(lease_expires_at, clock_timestamp())
         where lease_owner = $1`,
        [owner],
      ),
    { statementMs: 2_000, lockMs: 1_000 },
  );
}
