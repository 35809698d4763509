-- What the status page and the metrics are drawn from, beside what is there already.

alter table talon_one_sync_cursor
  add column first_sync timestamptz,
  add column pace_fence bigint,
  add column pace_from timestamptz,
  add column pace_since timestamptz;
comment on column talon_one_sync_cursor.first_sync is 'Where the first sync began: last_sync when the row was made; NULL in rows that are older than this column';
comment on column talon_one_sync_cursor.pace_fence is 'Fence of the cycle that pace_from and pace_since belong to';
comment on column talon_one_sync_cursor.pace_from is 'last_sync when that cycle began; with pace_since, how quickly it reads';
comment on column talon_one_sync_cursor.pace_since is 'When that cycle began (clock of this database)';

alter table talon_one_sync_cycle add column complete_through timestamptz;
comment on column talon_one_sync_cycle.complete_through is 'complete_through as this cycle found it; NULL when it did not read the events to their end';

create index talon_one_sync_cycle_errors on talon_one_sync_cycle (application_id, started_at) where error is not null;
create index talon_one_quarantine_application on talon_one_quarantine (application_id);
