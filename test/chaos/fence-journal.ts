import type { ChaosDatabase } from './database.js';

// Whether a row was written under an outdated fence cannot be seen in the row. So the tables are watched while they are
// written: a trigger notes which process took which fence, others compare it with the process that writes. Processes
// tell themselves apart by `application_name`, which PgBouncer hands on.

const WATCHED = [
  'talon_one_event',
  'talon_one_effect',
  'talon_one_profile_snapshot',
  'talon_one_session_snapshot',
  'talon_one_owed_snapshot',
];

const INSTALL = `
  create schema campaign;
  create table campaign.holder (
    application_id bigint, fence bigint, process text, primary key (application_id, fence));
  create table campaign.outdated_write (
    at timestamptz default clock_timestamp(), application_id bigint, table_name text, process text, reason text);

  create function campaign.note_holder() returns trigger language plpgsql security definer as $$
  begin
    insert into campaign.holder values (new.application_id, new.fence, current_setting('application_name'));
    return null;
  end $$;
  create trigger note_holder after update on public.talon_one_sync_cursor
    for each row when (new.fence <> old.fence) execute function campaign.note_holder();

  -- Whoever writes must have locked the cursor row in the same transaction, and be the one that took its fence.
  create function campaign.check_writer() returns trigger language plpgsql security definer as $$
  begin
    insert into campaign.outdated_write (application_id, table_name, process, reason)
    select application_id, tg_table_name, current_setting('application_name'),
      case when holder.process = current_setting('application_name')
        then 'the fence was not checked in this transaction' else 'the fence belongs to ' || holder.process end
    from (select distinct application_id from written) as w
    left join public.talon_one_sync_cursor as c using (application_id)
    left join campaign.holder using (application_id, fence)
    where holder.process is distinct from current_setting('application_name')
      or c.xmin <> pg_current_xact_id()::xid;
    return null;
  end $$;
  -- The cursor itself moves for the holder of its fence alone.
  create function campaign.check_cursor() returns trigger language plpgsql security definer as $$
  begin
    insert into campaign.outdated_write (application_id, table_name, process, reason)
    select new.application_id, tg_table_name, current_setting('application_name'), 'the fence belongs to ' || process
    from campaign.holder
    where application_id = new.application_id and fence = new.fence and process <> current_setting('application_name');
    return null;
  end $$;
  create trigger check_cursor after update on public.talon_one_sync_cursor for each row
    when (new.fence = old.fence and (new.lease_expires_at, new.last_sync, new.complete_through, new.status)
      is distinct from (old.lease_expires_at, old.last_sync, old.complete_through, old.status))
    execute function campaign.check_cursor();

  create trigger check_writer_of_update after update on public.talon_one_owed_snapshot
    referencing new table as written for each statement execute function campaign.check_writer();
  create trigger check_writer_of_delete after delete on public.talon_one_owed_snapshot
    referencing old table as written for each statement execute function campaign.check_writer();

  ${WATCHED.map(
    (table) => `create trigger check_writer after insert on public.${table}
      referencing new table as written for each statement execute function campaign.check_writer();`,
  ).join('\n')}`;

/** Needs the tables: the schema must have been migrated. */
export async function installFenceJournal(database: ChaosDatabase): Promise<void> {
  await database.query(INSTALL);
}

/** How many writes came too late, and what they were. */
export async function outdatedWrites(
  database: ChaosDatabase,
): Promise<{ count: number; takeovers: number; examples: string[] }> {
  const row = await database.row(
    `select (select count(*) from campaign.outdated_write) as count, (select count(*) from campaign.holder) as taken`,
  );
  const rows = await database.query(
    `select process || ' wrote ' || table_name || ' of Application ' || application_id || ' at ' || at || ': ' || reason
       as example from campaign.outdated_write order by at limit 5`,
  );
  return {
    count: Number(row.count),
    takeovers: Number(row.taken),
    examples: rows.map(({ example }) => example ?? ''),
  };
}
