-- Who takes part, so that the Applications are shared out evenly.

create table talon_one_replica (
  owner text primary key,
  version text not null,
  started_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp()
);
comment on table talon_one_replica is 'One row for each daemon that runs; rows of those that died are deleted after a day';
comment on column talon_one_replica.owner is 'Name of the process, as in lease_owner of talon_one_sync_cursor and in its log';
comment on column talon_one_replica.version is 'Version of talon-one-sync that it runs';
comment on column talon_one_replica.started_at is 'When it took part first (clock of this database)';
comment on column talon_one_replica.seen_at is 'When it said so last; after LEASE_SECONDS without a word it no longer counts';
