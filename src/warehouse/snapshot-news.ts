// A session that came unasked in a list is stored only when it says something that its newest snapshot does not say.
// Compared as jsonb: 1.0 equals 1.00, and the order of members does not count; without totalDiscounts, of which lists send
// 0 (docs/api-facts.md, Sessions). Snapshots of forgotten customers are blank, so what is sent always differs from them.

/**
 * SQL condition: the session carries news. It is true of one that has no snapshot, and of one whose content differs from
 * its newest snapshot; false when that snapshot was asked for at the same time or later, and of forgotten customers. The
 * statement has the Application as $1, when the record was asked for as $6, and columns `record_id` and `record`.
 * Cost: an index scan for each record.
 */
export const CARRIES_NEWS = `not exists (
      select from (
        select payload, fetched_at from talon_one_session_snapshot
        where application_id = $1 and session_id = record_id order by fetched_at desc limit 1
      ) as newest
      where newest.fetched_at >= $6
        or newest.payload - '{totalDiscounts}'::text[] = record - '{totalDiscounts}'::text[]
    ) and not exists (
      select from talon_one_erasure_key where kind = 'session' and id = record_id and application_id = $1
    )`;
