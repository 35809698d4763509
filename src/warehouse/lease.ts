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
}

export interface LeaseOptions {
  /** Names this process in the rows. */
  readonly owner: string;
  readonly leaseMs: number;
  /** How long a row that is due is left to its last owner, in milliseconds: keeps the work where it is. */
  readonly courtesyMs: number;
  /** Also when it is not due yet. */
  readonly evenIfNotDue: boolean;
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
  { owner, leaseMs, courtesyMs, evenIfNotDue }: LeaseOptions,
  columns: string,
): Promise<(Row & { key: string; fence: string }) | undefined> {
  if (keys.length === 0) return undefined;
  const { name, key, keyType, dueAt } = table;
  const { rows } = await warehouse.transaction((client) =>
    client.query<Row & { key: string; fence: string }>(
      `with due as (
         select ${key} from ${name}
         where ${key} = any($1::${keyType}[])
           and coalesce(lease_expires_at <= clock_timestamp(), true)
           and ($5 or ${dueAt} + case when coalesce(lease_owner, $2) = $2 then 0 else $4 end * interval '1 ms'
                      <= clock_timestamp())
         order by ${dueAt} limit 1
         for update skip locked
       )
       update ${name} as taken
       set fence = fence + 1, lease_owner = $2, updated_at = clock_timestamp(),
           lease_expires_at = clock_timestamp() + $3 * interval '1 ms'
       from due where taken.${key} = due.${key}
       returning taken.${key} as key, fence, ${columns}`,
      [keys, owner, leaseMs, courtesyMs, evenIfNotDue],
    ),
  );
  return rows[0];
}

/** Milliseconds until `takeRow` may find one of these rows; `undefined` when there is none at all. */
export async function millisecondsUntilRow(
  warehouse: Warehouse,
  { name, key, keyType, dueAt }: LeaseTable,
  keys: readonly string[],
  { owner, courtesyMs }: LeaseOptions,
): Promise<number | undefined> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ ms: string | null }>(
      `select ceil(extract(epoch from min(greatest(
           ${dueAt} + case when coalesce(lease_owner, $2) = $2 then 0 else $3 end * interval '1 ms',
           lease_expires_at)) - clock_timestamp()) * 1000)::text as ms
       from ${name} where ${key} = any($1::${keyType}[])`,
      [keys, owner, courtesyMs],
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
