import { type Instant, parseInstant } from '../instant.js';
import { advanceJob, ensureJobs, type JobLease } from './job.js';
import { NO_APPLICATION } from './quarantine.js';
import { type RecordPage, type StoreCounts, storePage } from './record-page.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

/** What the jobs of a loyalty program go by. */
export interface LoyaltyProgram {
  readonly created: Instant | undefined;
  /** `undefined`: the key may not read the program. */
  readonly isCardBased: boolean | undefined;
  /** The API does not list it any more. */
  readonly isMissing: boolean;
}

export async function readProgram(warehouse: Warehouse, programId: string): Promise<LoyaltyProgram> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ created: string | null; card_based: boolean | null; is_missing: boolean }>(
      `select ${rfc3339('created')} as created, card_based, missing_since is not null as is_missing
       from talon_one_loyalty_program where program_id = $1`,
      [programId],
    ),
  );
  const created = rows[0]?.created;
  return {
    created: created ? parseInstant(created) : undefined,
    isCardBased: rows[0]?.card_based ?? undefined,
    isMissing: rows[0]?.is_missing ?? false,
  };
}

/** IDs of the programs that the API knew when it was last asked. */
export async function knownPrograms(warehouse: Warehouse): Promise<string[]> {
  const { rows } = await warehouse.transaction((client) =>
    client.query<{ program_id: string }>(
      'select program_id from talon_one_loyalty_program where missing_since is null order by 1',
    ),
  );
  return rows.map((row) => row.program_id);
}

/** Stores programs and their tiers as they are now. */
export async function writePrograms(
  warehouse: Warehouse,
  lease: JobLease,
  page: RecordPage,
): Promise<StoreCounts> {
  return storePage(warehouse, page, {
    kind: 'loyalty-program',
    applicationId: NO_APPLICATION,
    fence: (client) => advanceJob(client, lease),
    insert: async (client, text) => {
      const { rows } = await client.query<{ inserted: number }>(STORE_PROGRAMS, [text]);
      await client.query(STORE_TIERS, [text]);
      return rows[0]?.inserted ?? 0;
    },
  });
}

/** Notes which programs there are: those that are not among `ids` are missing, and `jobs` have their rows. */
export async function settlePrograms(
  warehouse: Warehouse,
  lease: JobLease,
  ids: readonly string[],
  jobs: readonly string[],
): Promise<void> {
  await warehouse.transaction(async (client) => {
    await advanceJob(client, lease);
    await client.query(
      `insert into talon_one_loyalty_program (program_id) select unnest($1::bigint[]) on conflict do nothing`,
      [ids],
    );
    await client.query(
      `update talon_one_loyalty_program
       set missing_since = case when not program_id = any($1::bigint[]) then clock_timestamp() end
       where (missing_since is null) <> (program_id = any($1::bigint[]))`,
      [ids],
    );
    await ensureJobs(client, jobs);
  });
}

// $1 the page as it was sent.
const STORE_PROGRAMS = `
  with stored as (
    insert into talon_one_loyalty_program as p
      (program_id, name, title, created, time_zone, card_based, sandbox, allow_subledger, default_validity,
       default_pending, join_policy, tiers_expiration_policy, tiers_expire_in, tiers_downgrade_policy, return_policy,
       payload)
    select distinct on (id) id, program ->> 'name', program ->> 'title', talon_one_timestamp(program ->> 'created'),
      talon_one_time_zone(program ->> 'timezone'), coalesce((program ->> 'cardBased') = 'true', false),
      (program ->> 'sandbox') = 'true', (program ->> 'allowSubledger') = 'true',
      program ->> 'defaultValidity', program ->> 'defaultPending', program ->> 'programJoinPolicy',
      program ->> 'tiersExpirationPolicy', program ->> 'tiersExpireIn', program ->> 'tiersDowngradePolicy',
      program ->> 'returnPolicy', program
    from jsonb_array_elements($1::jsonb -> 'data') as page (program), lateral (values ((program -> 'id')::bigint)) as key (id)
    order by id
    on conflict (program_id) do update
      set name = excluded.name, title = excluded.title, created = coalesce(excluded.created, p.created),
          time_zone = excluded.time_zone, card_based = excluded.card_based, sandbox = excluded.sandbox,
          allow_subledger = excluded.allow_subledger, default_validity = excluded.default_validity,
          default_pending = excluded.default_pending, join_policy = excluded.join_policy,
          tiers_expiration_policy = excluded.tiers_expiration_policy, tiers_expire_in = excluded.tiers_expire_in,
          tiers_downgrade_policy = excluded.tiers_downgrade_policy, return_policy = excluded.return_policy,
          payload = excluded.payload, synced_at = clock_timestamp()
    returning xmax = 0 as is_new
  )
  select count(*) filter (where is_new)::integer as inserted from stored`;

const STORE_TIERS = `
  with program as (
    select (program -> 'id')::bigint as id,
      case when jsonb_typeof(program -> 'tiers') = 'array' then program -> 'tiers' else '[]' end as tiers
    from jsonb_array_elements($1::jsonb -> 'data') as page (program)
  ), tier as (
    select distinct on (program.id, tier_id) program.id as program_id, tier_id, tier
    from program, jsonb_array_elements(tiers) as list (tier), lateral (values (talon_one_bigint(tier -> 'id'))) as key (tier_id)
    where tier_id is not null
    order by program.id, tier_id
  ), gone as (
    delete from talon_one_loyalty_tier t using program
    where t.program_id = program.id
      and not exists (select from tier where tier.program_id = t.program_id and tier.tier_id = t.tier_id)
  )
  insert into talon_one_loyalty_tier (program_id, tier_id, name, min_points, created, payload)
  select program_id, tier_id, tier ->> 'name', talon_one_numeric(tier -> 'minPoints'),
    talon_one_timestamp(tier ->> 'created'), tier
  from tier
  on conflict (program_id, tier_id) do update
    set name = excluded.name, min_points = excluded.min_points, created = excluded.created, payload = excluded.payload`;
