-- Only the owner of a table may give it a partition. The function therefore works with the rights of the role that ran
-- the migrations, so that the daemon can run under a role that owns nothing (deploy/postgres-role.sql). Its search_path
-- is fixed: with pg_temp first, as it is by default, a caller's temporary tables would be taken for ours. And only those
-- may call it who write events: a role for readers may have got it with its default privileges on functions.

do $$
declare
  other name;
begin
  execute format('alter function talon_one_create_partitions(date) security definer set search_path = %I, pg_temp', current_schema());
  for other in
    select r.rolname from pg_proc p cross join lateral aclexplode(p.proacl) a join pg_roles r on r.oid = a.grantee
    where p.oid = 'talon_one_create_partitions(date)'::regprocedure and not has_table_privilege(r.oid, 'talon_one_event', 'insert')
  loop
    execute format('revoke execute on function talon_one_create_partitions(date) from %I', other);
  end loop;
end $$;
revoke execute on function talon_one_create_partitions(date) from public;
comment on function talon_one_create_partitions(date) is
  'Makes the partitions of the month that contains the date, for events and effects; with the rights of its owner';
