-- Jobs: periodic work beside the events

create function talon_one_next_hour(hour integer) returns timestamptz language sql volatile parallel safe
return (
  select case when today > clock_timestamp() then today else today + interval '1 day' end
  from (select (date_trunc('day', clock_timestamp() at time zone 'UTC') + hour * interval '1 hour') at time zone 'UTC')
    as day (today)
);
comment on function talon_one_next_hour(integer) is 'The next moment at which it is this hour of the day, UTC; NULL for NULL';

create table talon_one_job (
  job text primary key,
  state jsonb not null default '{}',
  status text not null default 'new' check (status in ('new', 'behind', 'up-to-date', 'failing', 'unauthorised')),
  failures integer not null default 0,
  failing_since timestamptz,
  last_error text,
  last_finished_at timestamptz,
  next_run_at timestamptz not null default clock_timestamp(),
  fence bigint not null default 0,
  lease_owner text,
  lease_expires_at timestamptz,
  updated_at timestamptz not null default clock_timestamp()
);
comment on table talon_one_job is 'Periodic work beside the events, and how far each has come. The row is also the lease: its fence names the one run that may write';
comment on column talon_one_job.job is 'Kind of work, and after a colon what it is about: loyalty-transactions:139';
comment on column talon_one_job.state is 'What the job keeps from run to run, such as how far it has read';
comment on column talon_one_job.status is 'new, behind, up-to-date, failing or unauthorised (the API refuses the key)';
comment on column talon_one_job.failures is 'Failed runs in a row';
comment on column talon_one_job.failing_since is 'Start of the first of them';
comment on column talon_one_job.last_error is 'Message of the last failed run, kept when the job goes well again';
comment on column talon_one_job.last_finished_at is 'End of the last run that went well (clock of this database)';
comment on column talon_one_job.next_run_at is 'When the next run is due (clock of this database)';
comment on column talon_one_job.fence is 'Rises with every lease; a writer whose number is lower writes nothing more';
comment on column talon_one_job.lease_owner is 'Process that holds, or last held, the lease';
comment on column talon_one_job.lease_expires_at is 'Until when it holds it (clock of this database)';
comment on column talon_one_job.updated_at is 'Last change of the row';
