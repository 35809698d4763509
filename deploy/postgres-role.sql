-- Roles for talon-one-sync with no more rights than each needs. Run it with psql as a superuser, or as the role that
-- administers the database (its owner, with createrole); as often as you like: what is there already stays.
--
--   psql "postgresql://admin@warehouse:5432/analytics" -v database=analytics -v schema=talon_one \
--     -v owner=talon_one_owner -v writer=talon_one_sync -v reader=talon_one_reader -f deploy/postgres-role.sql
--
--   owner   owns the schema and its tables. Runs `talon-one-sync migrate`: before the first start, and at every upgrade.
--           Where tables exist already, name the role that owns them.
--   writer  runs the daemon: reads and writes rows. Through functions of the owner it makes partitions, drops those of old
--           months (RETENTION_MONTHS), and makes the triggers of `forget`. It owns nothing, and can neither create, alter,
--           drop nor truncate a table.
--   reader  for analysts: reads the tables and views, and calls the functions behind them. It cannot log in; people get it: grant talon_one_reader to alice;
--
-- With one role less: run the daemon as owner, which then migrates by itself, and give the writer no password.
--
-- Nobody can log in before there are passwords: set them with psql's \password, which sends them hashed. Point
-- WAREHOUSE_SCHEMA at the schema; let it be one of its own, in public every role may create tables up to Postgres 14.

\set ON_ERROR_STOP on

begin;

-- psql puts no variables into $$ … $$: they go there as settings, which end with this transaction.
select set_config('talon_one.schema', :'schema', true) as schema, set_config('talon_one.owner', :'owner', true) as owner,
  set_config('talon_one.writer', :'writer', true) as writer, set_config('talon_one.reader', :'reader', true) as reader;

do $$
declare
  kind text;
  name text;
begin
  foreach kind in array array['owner', 'writer', 'reader'] loop
    name := current_setting('talon_one.' || kind);
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I %s', name, case kind when 'reader' then 'nologin' else 'login' end);
    end if;
    -- A role that was there before may have more than it needs.
    if (select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls from pg_roles where rolname = name) then
      raise exception 'role % has rights over the whole server: name another one as %', name, kind;
    end if;
  end loop;
end $$;

-- What follows is the owner's to do. A superuser may do it; anybody else becomes a member of the owner until the end.
select set_config('talon_one.joins', case when pg_has_role(current_user, :'owner', 'usage') then 'no' else 'yes' end, true)
  as joins_owner;
do $$
begin
  if current_setting('talon_one.joins') = 'yes' then
    execute format('grant %I to %I', current_setting('talon_one.owner'), current_user);
  end if;
end $$;

create schema if not exists :"schema" authorization :"owner";
grant connect on database :"database" to :"owner", :"writer", :"reader";
grant usage, create on schema :"schema" to :"owner";
grant usage on schema :"schema" to :"writer", :"reader";
revoke create on schema :"schema" from :"writer", :"reader";

-- What the owner will create, be it with an upgrade or as a partition. Functions are open to everybody by default, but not
-- in every database: views call them with the rights of whoever reads. Those that make and drop partitions and make
-- triggers are closed by migrations to all who may not write events.
alter default privileges for role :"owner" in schema :"schema"
  grant select, insert, update, delete on tables to :"writer";
alter default privileges for role :"owner" in schema :"schema" grant select on tables to :"reader";
alter default privileges for role :"owner" in schema :"schema" grant execute on functions to :"writer", :"reader";

-- What is there already.
do $$
declare
  schema constant text := current_setting('talon_one.schema');
  writer constant text := current_setting('talon_one.writer');
  reader constant text := current_setting('talon_one.reader');
  relation regclass;
  routine regprocedure;
begin
  for relation in
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = schema and c.relname like 'talon\_one\_%' and c.relkind in ('r', 'p', 'v')
  loop
    execute format('revoke all on table %s from %I, %I', relation, writer, reader);
    execute format('grant select, insert, update, delete on table %s to %I', relation, writer);
    execute format('grant select on table %s to %I', relation, reader);
  end loop;
  for routine in
    select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = schema and p.proname like 'talon\_one\_%'
  loop
    execute format('grant execute on function %s to %I, %I', routine, writer, reader);
  end loop;
  -- These work with the rights of the owner.
  for routine in
    select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = schema and p.proname like 'talon\_one\_%' and p.prosecdef
  loop
    execute format('revoke execute on function %s from %I', routine, reader);
  end loop;
end $$;

do $$
begin
  if current_setting('talon_one.joins') = 'yes' then
    execute format('revoke %I from %I', current_setting('talon_one.owner'), current_user);
  end if;
end $$;

commit;
