import { afterAll, expect, inject, onTestFinished, test } from 'vitest';
import { checkDatabase } from '../src/commands/check-database.js';
import type { Finding } from '../src/commands/finding.js';
import { prepareWarehouse } from '../src/commands/prepare.js';
import { loadConfig } from '../src/config.js';
import { UserError } from '../src/errors.js';
import { withAdmin } from './support/admin.js';
import { createTestDatabase, setReadOnly } from './support/postgres.js';
import { testLog } from './support/sync.js';
import { useWarehouse, withWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const roles: string[] = [];

// Roles belong to the whole server; what they own goes with the database.
afterAll(async () => {
  await db().rows(`drop owned by ${roles.join(', ')} cascade`);
  for (const role of roles) await db().rows(`drop role ${role}`);
});

/** A role that may log in and connect, and nothing else. */
async function newRole(): Promise<{ role: string; url: string }> {
  const role = `checker_${db().database.name}_${roles.length}`;
  await db().rows(`create role ${role} login password 'secret'`);
  roles.push(role);
  const url = new URL(db().database.url);
  url.username = role;
  url.password = 'secret';
  return { role, url: url.href };
}

async function check(url: string, schema = 'public'): Promise<Finding[]> {
  const config = loadConfig({ DATABASE_URL: url, WAREHOUSE_SCHEMA: schema }, { needsApi: false });
  return checkDatabase(config, testLog().log, new AbortController().signal);
}

const problems = (findings: Finding[]) => findings.filter((finding) => finding.state === 'problem');

/** What a first start says under the same conditions. */
async function startMessage(url: string, schema: string): Promise<string> {
  const { log } = testLog();
  const { signal } = new AbortController();
  return withWarehouse(url, { schema }, (warehouse) =>
    prepareWarehouse(warehouse, log, signal, { patient: false }).then(
      () => '',
      (error: unknown) => {
        expect(error).toBeInstanceOf(UserError);
        return String(error);
      },
    ),
  );
}

test('the owner of an up-to-date schema has nothing to mend', async () => {
  const findings = await check(db().database.url);
  expect(problems(findings)).toEqual([]);
  expect(findings.at(-1)).toEqual({
    what: 'schema public',
    state: 'ok',
    found: 'up to date, rights suffice',
  });
});

test('a check leaves nothing behind', async () => {
  const everything = `select string_agg(oid::text || relname, ',' order by oid) from pg_class where relname like 'talon%'`;
  const before = await db().value(everything);
  await check(db().database.url);
  await check(db().database.url, 'not there yet');
  expect(await db().value(everything)).toBe(before);
  expect(await db().value(`select count(*) from pg_namespace where nspname = 'not there yet'`)).toBe('0');
});

test('an empty schema that the role owns is ready for the first start', async () => {
  const { role, url } = await newRole();
  await db().rows(`create schema "Empty one" authorization ${role}`);
  const findings = await check(url, 'Empty one');
  expect(problems(findings)).toEqual([]);
  expect(findings.at(-1)?.found).toBe('rights suffice, the first start creates the tables');
  expect(await startMessage(url, 'Empty one')).toBe('');
});

test('a schema that is missing and cannot be created is named with the statement that mends it', async () => {
  const { role, url } = await newRole();
  expect(problems(await check(url, 'missing'))).toEqual([
    {
      what: 'schema missing',
      state: 'problem',
      found: expect.stringContaining('permission denied'),
      advice: `create schema "missing" authorization "${role}";`,
    },
  ]);
  expect(await startMessage(url, 'missing')).toContain('grant it "create"');
});

test.each([
  ['neither use nor create in', ''],
  ['not create in', 'usage'],
  ['not use', 'create'],
])('a role that may %s the schema is told which grant it lacks', async (_case, right) => {
  const { role, url } = await newRole();
  const schema = `of_others_${roles.length}`;
  await db().rows(`create schema ${schema}`);
  if (right) await db().rows(`grant ${right} on schema ${schema} to ${role}`);
  expect(problems(await check(url, schema))).toMatchObject([
    { what: `schema ${schema}`, advice: `grant usage, create on schema "${schema}" to "${role}";` },
  ]);
  expect(await startMessage(url, schema)).toContain('grant it "create"');
});

test.each([['select'], ['select, insert, update'], ['select, insert, delete'], ['insert, update, delete']])(
  'a role that may only %s the tables is told so',
  async (privileges) => {
    const { role, url } = await newRole();
    await db().rows(`grant usage, create on schema public to ${role}`);
    await db().rows(`grant ${privileges} on all tables in schema public to ${role}`);
    const [problem, ...others] = problems(await check(url));
    expect(others).toEqual([]);
    expect(problem?.found).toMatch(
      new RegExp(`${role} may not write .*talon_one_effect_default, .*talon_one_event,`),
    );
    expect(problem?.advice).toBe(
      `grant select, insert, update, delete on all tables in schema "public" to "${role}";`,
    );
  },
);

test('a role that may write everything but owns nothing lacks one function, and is told so', async () => {
  const { role, url } = await newRole();
  await db().rows(`grant usage on schema public to ${role}`);
  await db().rows(`grant all on all tables in schema public to ${role}`);
  const [problem, ...others] = problems(await check(url));
  expect(others).toEqual([]);
  expect(problem?.found).toBe(`role ${role} cannot make partitions`);
  expect(problem?.advice).toContain('grant execute on function');
  await db().rows(problem?.advice?.split(';')[0] ?? '');
  expect(problems(await check(url))).toEqual([]);
});

test('a role that owns nothing cannot migrate an older schema, and is told so', async () => {
  const owner = await newRole();
  const { role, url } = await newRole();
  await db().rows(`create schema older authorization ${owner.role}`);
  await startMessage(owner.url, 'older');
  await db().rows(`delete from older.talon_one_migration where name <> '0001_initial.sql'`);
  await db().rows(`grant usage, create on schema older to ${role}`);
  await db().rows(`grant all on all tables in schema older to ${role}`);
  expect(problems(await check(url, 'older'))).toMatchObject([
    {
      found: expect.stringMatching(/does not own .*talon_one_effect, .*so it cannot migrate them/),
      advice: expect.stringContaining('"talon-one-sync migrate" under the role that owns them'),
    },
  ]);
});

test('a member of the owning role has all it needs', async () => {
  const owner = await newRole();
  const member = await newRole();
  const schema = `shared_${roles.length}`;
  await db().rows(`create schema ${schema} authorization ${owner.role}`);
  expect(await startMessage(owner.url, schema)).toBe('');
  await db().rows(`grant ${owner.role} to ${member.role}`);
  expect(problems(await check(member.url, schema))).toEqual([]);
});

test('a read-only database is told', async () => {
  await setReadOnly(db().database, true);
  try {
    expect(problems(await check(db().database.url))).toEqual([
      {
        what: 'schema public',
        state: 'problem',
        found: 'the database is read-only',
        advice: 'DATABASE_URL must name the primary, and default_transaction_read_only must be off.',
      },
    ]);
    expect(await startMessage(db().database.url, 'elsewhere')).toContain('read-only');
  } finally {
    await setReadOnly(db().database, false);
  }
});

test('a schema that a newer version has made is told', async () => {
  const { role, url } = await newRole();
  await db().rows(`create schema newer authorization ${role}`);
  await startMessage(url, 'newer');
  await db().rows(`insert into newer.talon_one_migration (name) values ('9999_from_the_future.sql')`);
  expect(problems(await check(url, 'newer'))).toMatchObject([
    { found: expect.stringContaining('9999_from_the_future.sql'), advice: 'Deploy the newer version.' },
  ]);
  expect(await startMessage(url, 'newer')).toContain('newer than this program');
});

test('an encoding that cannot hold every text is told', async () => {
  const { adminUrl } = inject('testPostgres');
  const name = `${db().database.name}_ascii`;
  await withAdmin(adminUrl, (admin) =>
    admin.query(`create database ${name} encoding 'SQL_ASCII' locale 'C' template template0`),
  );
  onTestFinished(() =>
    withAdmin(adminUrl, async (admin) => void (await admin.query(`drop database ${name}`))),
  );
  const url = new URL(db().database.url);
  url.pathname = `/${name}`;
  expect(problems(await check(url.href))).toMatchObject([{ what: 'database encoding', found: 'SQL_ASCII' }]);
});

test('a database that is not there, and a server that is not there, are told in one line', async () => {
  const gone = await createTestDatabase();
  await gone.drop();
  const [missing] = problems(await check(gone.url));
  expect(missing).toMatchObject({
    what: 'database',
    found: expect.stringMatching(/does not exist.*DATABASE_URL/),
  });
  const nowhere = new URL(gone.url);
  nowhere.port = '1';
  const [refused] = problems(await check(nowhere.href));
  expect(refused?.found).toMatch(/^Postgres cannot be reached: .*Check host and port in DATABASE_URL/);
  for (const finding of [missing, refused])
    expect(finding?.found).not.toContain(nowhere.password || 'secret');
});
