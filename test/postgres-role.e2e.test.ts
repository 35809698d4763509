import { join } from 'node:path';
import pg from 'pg';
import { expect, type TestContext, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';
import { withAdmin } from './support/admin.js';
import { createRole, type DatabaseRole, type Deployment, deploy } from './support/deployment.js';
import { renderPsqlScript } from './support/psql.js';
import { migrateUrl } from './support/warehouse.js';

// deploy/postgres-role.sql as it is, on a real Postgres, and the built daemon under the roles that it makes.

const SCRIPT = join(packageRoot(), 'deploy/postgres-role.sql');
const SCHEMA = 'Talon "One"';
const DENIED = '42501';

interface Roles {
  readonly owner: DatabaseRole;
  readonly writer: DatabaseRole;
  readonly reader: DatabaseRole;
  /** Runs the script as `url`. */
  run(url: string): Promise<void>;
}

/** Names for the roles; passwords and a login for the reader come once the script has made them. */
async function rolesFor({ database }: Deployment): Promise<Roles> {
  const role = (purpose: string): DatabaseRole => {
    const name = `${database.name}_${purpose}`;
    const url = new URL(database.url);
    url.username = name;
    url.password = 'of-the-test';
    return { name, password: url.password, url: url.href };
  };
  const [owner, writer, reader] = [role('Owner "1"'), role('writer'), role('reader')];
  const variables = {
    database: database.name,
    schema: SCHEMA,
    owner: owner.name,
    writer: writer.name,
    reader: reader.name,
  };
  const run = (url: string) =>
    withAdmin(url, async (client) => void (await client.query(renderPsqlScript(SCRIPT, variables))));
  return { owner, writer, reader, run };
}

async function letIn({ database }: Deployment, roles: Roles): Promise<void> {
  for (const { name, password } of [roles.owner, roles.writer, roles.reader])
    await database.query(`alter role ${pg.escapeIdentifier(name)} login password '${password}'`);
}

/** What the role is told for each statement: a SQLSTATE, or that it may. Nothing of it stays. */
async function attempt(url: string, statements: readonly string[]): Promise<Record<string, string>> {
  return withAdmin(url, async (client) => {
    const answers: Record<string, string> = {};
    await client.query(`set search_path to ${pg.escapeIdentifier(SCHEMA)}`);
    for (const statement of statements) {
      await client.query('begin');
      answers[statement] = await client.query(statement).then(
        () => 'may',
        (error: { code?: string }) => error.code ?? 'failed',
      );
      await client.query('rollback');
    }
    return answers;
  });
}

const all = (statements: readonly string[], answer: string) =>
  Object.fromEntries(statements.map((statement) => [statement, answer]));

const BEYOND_ITS_SCHEMA = [
  'create table finance.mine (id int)',
  'select * from finance.salary',
  'create schema another',
  'create role another_role',
  "select pg_read_file('/etc/passwd')",
  "copy (select 1) to program 'true'",
  'select * from pg_authid',
  'set role postgres',
];
const SHAPE = [
  'create table talon_one_mine (id int)',
  'create function talon_one_mine() returns int language sql return 1',
  'alter table talon_one_event add column mine int',
  'drop table talon_one_effect',
  'truncate talon_one_event',
  'create or replace view talon_one_profile as select 1',
  'alter function talon_one_create_partitions(date) reset all',
];
const ROWS = [
  'insert into talon_one_event (application_id, event_id, created, payload) values (1, 1, now(), $${}$$)',
  'update talon_one_sync_cursor set last_sync = last_sync',
  'delete from talon_one_quarantine',
];
const PARTITION = "select talon_one_create_partitions('2031-05-01')";
const AS_OWNER = [
  PARTITION,
  "select talon_one_drop_partitions('2020-01-01', '1 minute', true)",
  'select talon_one_guard_erasures()',
];

async function deployWithRoles(context: TestContext): Promise<Deployment & { roles: Roles }> {
  const deployment = await deploy(context, { emptyDatabase: true });
  await deployment.database.query('create schema finance; create table finance.salary (amount int)');
  return { ...deployment, roles: await rolesFor(deployment) };
}

test('the owner migrates, the writer syncs and can change no table, the reader only reads', async (context) => {
  const deployment = await deployWithRoles(context);
  const { database, roles, simulator, start } = deployment;
  await roles.run(database.url);
  await letIn(deployment, roles);
  // As some administrators have it: then functions are not open to everybody, and the views call some.
  await database.query(
    `alter default privileges for role ${pg.escapeIdentifier(roles.owner.name)} revoke execute on functions from public`,
  );
  const env = (role: DatabaseRole) => ({ DATABASE_URL: role.url, WAREHOUSE_SCHEMA: SCHEMA });

  const early = start(['once'], { env: env(roles.writer) });
  expect(await early.ended).toMatchObject({ code: 1 });
  expect(early.stderr).toContain('Run "talon-one-sync migrate" under the role that owns the tables');
  expect(await start(['migrate'], { env: env(roles.owner) }).ended).toMatchObject({ code: 0 });
  const check = start(['check'], { env: env(roles.writer) });
  expect(await check.ended, check.stdout).toMatchObject({ code: 0 });
  expect(check.stdout).toContain('up to date, rights suffice');
  const once = start(['once'], { env: env(roles.writer) });
  expect(await once.ended, once.stderr).toMatchObject({ code: 0 });
  expect(once.linesOf('partition could not be made yet, rows go to the default partition')).toEqual([]);
  const schema = pg.escapeIdentifier(SCHEMA);
  const [counts] = await database.query(
    `select (select count(*)::int from ${schema}.talon_one_event) as events,
       (select count(*)::int from ${schema}.talon_one_event_default) as strays,
       (select count(*)::int from pg_class where relispartition and relkind = 'r' and relname like 'talon%20__\\___') > 0 as parted`,
  );
  expect(counts).toEqual({ events: [...simulator.issuedEvents(1)].length, strays: 0, parted: true });

  const relations = await database.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v')`,
    [schema],
  );
  const reads = relations.map(({ name }) => `select * from ${name}`);
  expect(reads).toContain('select * from talon_one_loyalty_balance');
  reads.push("select * from talon_one_loyalty_balances_at('2026-01-01', 1)");
  const writes = [...ROWS, ...SHAPE, ...AS_OWNER];
  const expectRights = async () => {
    expect(await attempt(roles.writer.url, [...reads, ...ROWS, ...AS_OWNER])).toEqual(
      all([...reads, ...ROWS, ...AS_OWNER], 'may'),
    );
    expect(await attempt(roles.writer.url, SHAPE)).toEqual(all(SHAPE, DENIED));
    expect(await attempt(roles.reader.url, reads)).toEqual(all(reads, 'may'));
    expect(await attempt(roles.reader.url, writes)).toEqual(all(writes, DENIED));
  };
  await expectRights();
  const [customer] = await database.query<{ id: string }>(
    `select integration_id as id from ${schema}.talon_one_profile where integration_id is not null limit 1`,
  );
  const forget = start(['forget', '--profile', customer?.id ?? ''], { env: env(roles.writer) });
  expect(await forget.ended, forget.stderr).toMatchObject({ code: 0 });
  expect(
    await start(['retention'], { env: { ...env(roles.writer), RETENTION_MONTHS: '1' } }).ended,
  ).toMatchObject({ code: 0 });
  // Whatever has been granted or taken away since, the script mends.
  await database.query(
    `revoke all on all tables in schema ${schema} from ${roles.writer.name};
     revoke all on all functions in schema ${schema} from public, ${roles.writer.name}, ${roles.reader.name};
     grant execute on all functions in schema ${schema} to ${roles.reader.name};
     grant truncate on all tables in schema ${schema} to ${roles.writer.name};
     grant create on schema ${schema} to ${roles.writer.name};
     grant all on all tables in schema ${schema} to ${roles.reader.name}`,
  );
  await roles.run(database.url);
  await expectRights();
  for (const role of [roles.owner, roles.writer, roles.reader])
    expect(await attempt(role.url, BEYOND_ITS_SCHEMA), role.name).toEqual(all(BEYOND_ITS_SCHEMA, DENIED));
});

test('a writer’s temporary tables are not taken for ours by the function that has the owner’s rights', async (context) => {
  const deployment = await deployWithRoles(context);
  const { database, roles } = deployment;
  await roles.run(database.url);
  await letIn(deployment, roles);
  await migrateUrl(roles.owner.url, SCHEMA);
  await withAdmin(roles.writer.url, async (client) => {
    await client.query(`create function pg_temp.spy() returns trigger language plpgsql as $$
      begin insert into seen values (current_user::text); return old; end $$`);
    await client.query(`create temp table seen (who text);
      create temp table talon_one_event_default (created timestamptz);
      insert into talon_one_event_default values ('2031-05-07');
      create trigger spy before delete on talon_one_event_default for each row execute function pg_temp.spy()`);
    await client.query(`set search_path to pg_temp, ${pg.escapeIdentifier(SCHEMA)}`);
    await client.query(PARTITION);
    expect((await client.query('select who from seen')).rows).toEqual([]);
  });
  const made = await database.query(`select from pg_class where relname = 'talon_one_event_2031_05'`);
  expect(made).toHaveLength(1);
});

test('an administrator who is no superuser can run the script, and stays no member of the owner', async (context) => {
  const deployment = await deployWithRoles(context);
  const { database, roles } = deployment;
  const admin = await createRole(database, 'admin');
  await database.query(
    `alter role ${admin.name} createrole; alter database ${database.name} owner to ${admin.name}`,
  );
  await roles.run(admin.url);
  await roles.run(admin.url);
  const uses = await database.query<{ uses: boolean }>(`select pg_has_role($1, $2, 'usage') as uses`, [
    admin.name,
    roles.owner.name,
  ]);
  expect(uses).toEqual([{ uses: false }]);
  await letIn(deployment, roles);
  await migrateUrl(roles.owner.url, SCHEMA);
  expect(await attempt(roles.writer.url, [PARTITION])).toEqual({ [PARTITION]: 'may' });
});

test('a role with rights over the whole server is refused', async (context) => {
  const deployment = await deployWithRoles(context);
  const { database, roles } = deployment;
  await database.query(`create role ${roles.writer.name} login createrole`);
  await expect(roles.run(database.url)).rejects.toThrow(/has rights over the whole server.*as writer/);
  expect(await database.query('select from pg_namespace where nspname = $1', [SCHEMA])).toEqual([]);
});
