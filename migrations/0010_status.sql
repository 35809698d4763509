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

-- What each process is to do, so that every one can tell what is copied no longer.
alter table talon_one_replica
  add column application_ids bigint[],
  add column jobs text[],
  add column trouble text;
comment on column talon_one_replica.application_ids is 'Applications that it syncs; NULL until it has listed them';
comment on column talon_one_replica.jobs is 'Patterns of LIKE for the jobs in talon_one_job that it runs';
comment on column talon_one_replica.trouble is 'Why it could not list the Applications when it tried last; NULL when it could';

create table talon_one_once_run (
  owner text primary key,
  version text not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  outcome text,
  trouble text,
  application_ids bigint[],
  jobs text[]
);
comment on table talon_one_once_run is 'One row for each run of the command once; the newest 50 are kept';
comment on column talon_one_once_run.owner is 'Name of the process, as in owner of talon_one_sync_cycle and in its log';
comment on column talon_one_once_run.version is 'Version of talon-one-sync that ran';
comment on column talon_one_once_run.started_at is 'When it began (clock of this database)';
comment on column talon_one_once_run.ended_at is 'When it ended; NULL while it runs, and for good if it was killed';
comment on column talon_one_once_run.outcome is 'done, failed, or stopped by a signal';
comment on column talon_one_once_run.trouble is 'Why it failed; NULL when it did not';
comment on column talon_one_once_run.application_ids is 'Applications that it synced; NULL if it did not come to list them';
comment on column talon_one_once_run.jobs is 'Patterns of LIKE for the jobs in talon_one_job that it ran';
