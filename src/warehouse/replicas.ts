import type { Warehouse } from './warehouse.js';

/**
 * Says that this process takes part.
 * @param aliveMs after so long without a word a process no longer counts, in milliseconds
 * @returns how many processes take part, this one included
 */
export async function noteReplica(
  warehouse: Warehouse,
  { owner, version, aliveMs }: { owner: string; version: string; aliveMs: number },
): Promise<number> {
  return warehouse.transaction(
    async (client) => {
      await client.query(
        `insert into talon_one_replica as known (owner, version) values ($1, $2)
       on conflict (owner) do update set seen_at = clock_timestamp()`,
        [owner, version],
      );
      const { rows } = await client.query<{ alive: string }>(
        `select count(*) as alive from talon_one_replica
       where owner = $1 or seen_at > clock_timestamp() - $2 * interval '1 ms'`,
        [owner, aliveMs],
      );
      return Number(rows[0]?.alive ?? 1);
    },
    { isUrgent: true },
  );
}

/** Says that this process takes part no longer. */
export async function forgetReplica(warehouse: Warehouse, owner: string): Promise<void> {
  await warehouse.transaction((client) =>
    client.query('delete from talon_one_replica where owner = $1', [owner]),
  );
}

/** Deletes those that have not been seen for a day. */
export async function pruneReplicas(warehouse: Warehouse): Promise<void> {
  await warehouse.transaction((client) =>
    client.query(`delete from talon_one_replica where seen_at < clock_timestamp() - interval '1 day'`),
  );
}
