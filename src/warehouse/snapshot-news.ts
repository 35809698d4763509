import type { SnapshotKind } from './owed.js';

// A record that came unasked, in a list or when it was read once more, is stored only when it says something that the
// newest snapshot does not say. Compared as jsonb: 1.0 equals 1.00, and the order of members does not count.

/** Members that tell how a record was asked for: lists of sessions send 0 (docs/api-facts.md, Sessions). */
const PASSING: Record<SnapshotKind, string> = { profile: '{}', session: '{totalDiscounts}' };

/** Whose snapshots a record is compared with: those that were read through the same Application. */
const NEWEST: Record<SnapshotKind, string> = {
  profile: `select payload, fetched_at from talon_one_profile_snapshot
    where profile_id = record_id and application_id = $1 order by fetched_at desc limit 1`,
  session: `select payload, fetched_at from talon_one_session_snapshot
    where application_id = $1 and session_id = record_id order by fetched_at desc limit 1`,
};

/** Internal IDs of forgotten customers: their snapshots are blank, so that what is sent always differs from them. */
const FORGOTTEN: Record<SnapshotKind, string> = {
  profile: `select from talon_one_erasure_key where kind = 'profile' and id = record_id and application_id = 0`,
  session: `select from talon_one_erasure_key where kind = 'session' and id = record_id and application_id = $1`,
};

/**
 * SQL condition: the record carries news. It is true of a record that has no snapshot, and of one whose content differs
 * from its newest snapshot; false when that snapshot was asked for at the same time or later, and of forgotten customers.
 * The statement has the Application as $1, when the record was asked for as $6, and columns `record_id` and `record`.
 * Cost: an index scan for each record.
 */
export const CARRIES_NEWS: Record<SnapshotKind, string> = {
  profile: carriesNews('profile'),
  session: carriesNews('session'),
};

function carriesNews(kind: SnapshotKind): string {
  return `not exists (
      select from (${NEWEST[kind]}) as newest
      where newest.fetched_at >= $6 or newest.payload - '${PASSING[kind]}'::text[] = record - '${PASSING[kind]}'::text[]
    ) and not exists (${FORGOTTEN[kind]})`;
}
