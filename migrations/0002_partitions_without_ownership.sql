-- Only the owner of a table may give it a partition. The function therefore works with the rights of the role that ran
-- the migrations, so that the daemon can run under a role that owns nothing (deploy/postgres-role.sql). Its search_path
-- is fixed: with pg_temp first, as it is by default, a caller's temporary tables would be taken for ours. And not
-- everybody may call it.

do $$
begin
  execute format('alter function talon_one_create_partitions(date) security definer set search_path = %I, pg_temp', current_schema());
end $$;
revoke execute on function talon_one_create_partitions(date) from public;
comment on function talon_one_create_partitions(date) is
  'Makes the partitions of the month that contains the date, for events and effects; with the rights of its owner';
