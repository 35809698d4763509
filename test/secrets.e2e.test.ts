import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import type { Daemon } from './support/daemon.js';
import { type Deployment, deploy } from './support/deployment.js';
import { readHealth } from './support/health.js';
import { findLeaks } from './support/log-archive.js';
import { waitFor } from './support/wait.js';

// What every daemon of the run has written is searched once more when the run is over, see built-program.ts.

describe('the search for secrets', () => {
  const secret = 'p@ss/w"ö\\rd 50% 0123456789abcdef';
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const written: Record<string, string> = {
    plain: secret,
    'percent-encoded': encodeURIComponent(secret),
    'in a URL': new URL(`postgresql://user:${encodeURIComponent(secret)}@host/db`).href,
    'inside JSON': JSON.stringify({ secret }),
    'inside JSON inside JSON': JSON.stringify(JSON.stringify({ secret })),
    base64: base64(secret),
    'base64 of a login': base64(`a:${secret}`),
    'base64 of another login': base64(`ab:${secret}`),
    hexadecimal: Buffer.from(secret).toString('hex'),
    'only in part': '0123456789ab',
  };

  test.for(Object.entries(written))('finds one that is written %s', ([, text]) => {
    const leaks = findLeaks(`a line\nanother with ${text} in it\na third\n`, ['something else', secret]);
    expect(leaks).not.toEqual([]);
    expect(leaks[0]?.line).toMatch(/^another with /);
    expect(leaks[0]?.line).not.toContain(secret);
  });

  test('finds nothing where there is none', () => {
    expect(findLeaks('{"msg":"starting","password":"***"}\n', [secret])).toEqual([]);
  });

  test('is given everything that a daemon writes', async (context) => {
    const { start } = await deploy(context);
    const daemon = start(['run']);
    await daemon.waitForLine('cycle finished');
    await daemon.end();
    const { archive } = inject('builtProgram');
    const kept = readdirSync(archive)
      .filter((name) => name.endsWith('.stdout'))
      .map((name) => readFileSync(join(archive, name), 'utf8'));
    expect(kept).toContain(daemon.stdout);
  });
});

describe('no secret is shown', () => {
  test('when the API sends back what it was sent, at the most talkative log level', async (context) => {
    const deployment = await deploy(context, { history: { events: 20 } });
    const { simulator, start } = deployment;
    // Said twice, it is cut off in the middle of the key.
    const echo = `You sent ${'x'.repeat(120)} Authorization: ManagementKey-v1 ${simulator.apiKey}`;
    const body = JSON.stringify({ message: echo, errors: [{ details: echo }] });
    const path = '/v1/applications/{applicationId}/events/no_total';
    simulator.addFault({
      path,
      action: { type: 'status', status: 500, body: `Authorization: ManagementKey-v1 ${simulator.apiKey}` },
    });
    simulator.addFault({ path, times: 3, action: { type: 'status', status: 400, body } });
    simulator.addFault({
      path,
      action: { type: 'redirect', location: `https://login.invalid/${simulator.apiKey}` },
    });
    simulator.addFault({ path, action: { type: 'status', status: 401, body } });
    const daemon = start(['run'], { env: { LOG_LEVEL: 'trace' } });
    const url = await daemon.healthUrl();
    await daemon.waitForLine('the API refuses the key');
    expect(leaksOf(deployment, daemon.stdout + daemon.stderr)).toEqual([]);
    expect(daemon.linesOf('cycle failed').length).toBe(2);
    expect(leaksOf(deployment, JSON.stringify(await readHealth(`${url}/readyz`)))).toEqual([]);
    const stored = await everythingStored(deployment);
    expect(stored).toContain('Authorization: ManagementKey-v1 ***');
    expect(leaksOf(deployment, stored)).toEqual([]);
  });

  test('in the quarantine, nor to whoever lists the processes', async (context) => {
    const deployment = await deploy(context, { history: { events: 20 } });
    const { simulator, start } = deployment;
    const body = JSON.stringify({ message: `said to nobody: ${simulator.apiKey}` });
    const path = '/v1/applications/{applicationId}/sessions/{sessionId}';
    simulator.addFault({ path, action: { type: 'status', status: 400, body } });
    const hold = simulator.holdNext();
    const daemon = start(['once'], { env: { SESSION_SNAPSHOT_SOURCE: 'by-id' } });
    await hold.held;
    const title = execFileSync('ps', ['-o', 'args=', '-p', String(daemon.pid)], { encoding: 'utf8' });
    expect(title).toMatch(/main\.js once$/m);
    expect(leaksOf(deployment, title)).toEqual([]);
    hold.release();
    expect(await daemon.ended).toMatchObject({ code: 0 });
    const stored = await everythingStored(deployment);
    expect(stored).toContain('said to nobody: ***');
    expect(leaksOf(deployment, stored)).toEqual([]);
  });

  test('in the log, whoever says the password of the database in whatever way', async (context) => {
    const deployment = await deploy(context, { history: { events: 20 } });
    const { simulator, role, start } = deployment;
    // Short enough for each to be quoted whole.
    const sayings = [
      role.password,
      encodeURIComponent(role.password),
      Buffer.from(role.password).toString('base64'),
    ];
    const path = '/v1/applications/{applicationId}/events/no_total';
    for (const saying of sayings) {
      const body = JSON.stringify({ message: `said: ${saying}` });
      simulator.addFault({ path, times: 3, action: { type: 'status', status: 400, body } });
    }
    const daemon = start(['run'], { env: { LOG_LEVEL: 'trace' } });
    await daemon.waitForLine('cycle finished');
    expect(daemon.linesOf('cycle failed')).toHaveLength(sayings.length);
    expect(daemon.stdout.match(/said: \*\*\*/g)?.length).toBeGreaterThanOrEqual(sayings.length);
    expect(leaksOf(deployment, daemon.stdout)).toEqual([]);
  });

  test('when the list of Applications is refused with what was sent', async (context) => {
    const deployment = await deploy(context);
    const { simulator, start } = deployment;
    const body = `{"message":"no such key: ${simulator.apiKey}"}`;
    simulator.addFault({ times: Infinity, action: { type: 'status', status: 403, body } });
    const daemon = start(['run'], { env: { LOG_LEVEL: 'trace' } });
    const url = await daemon.healthUrl();
    await daemon.waitForLine('Applications could not be listed');
    const answer = await readHealth(`${url}/readyz`);
    expect(answer).toMatchObject({ status: 503 });
    expect(leaksOf(deployment, JSON.stringify(answer) + daemon.stdout)).toEqual([]);
    const others = [start(['once']), start(['check']), start(['check', '--json'])];
    for (const other of others) {
      expect(await other.ended).toMatchObject({ code: 1 });
      expect(other.stdout + other.stderr).toContain('403');
      expect(leaksOf(deployment, other.stdout + other.stderr)).toEqual([]);
    }
  });

  test('when the database refuses the login, or cannot be reached', async (context) => {
    const deployment = await deploy(context);
    const { role, start } = deployment;
    const unknown = new URL(role.url);
    unknown.username = 'nobody_of_that_name';
    const away = new URL(role.url);
    away.port = '1';
    const daemons = [unknown, away].flatMap((url) =>
      ['once', 'check'].map((command) =>
        start([command], { env: { DATABASE_URL: url.href, LOG_LEVEL: 'trace' } }),
      ),
    );
    for (const daemon of daemons) await expectFailureWithoutLeak(deployment, daemon);
  });

  test('in coloured lines for people', async (context) => {
    const deployment = await deploy(context);
    const { simulator, start } = deployment;
    const body = `{"message":"no such key: ${simulator.apiKey}"}`;
    simulator.addFault({ times: Infinity, action: { type: 'status', status: 403, body } });
    const daemon = start(['run'], { env: { LOG_LEVEL: 'trace', LOG_PRETTY: 'true' } });
    await waitFor('the refusal', () => daemon.stdout.includes('could not be listed'));
    expect(daemon.stdout).toContain('no such key');
    expect(leaksOf(deployment, daemon.stdout)).toEqual([]);
  });

  test.for([
    [
      'an address with the password in a place where it may not be',
      'https://user:PASSWORD@mycompany.talon.one',
    ],
    ['a database address that is none', 'host=warehouse password=PASSWORD'],
  ] as const)('in the complaint about %s', async ([what, text], context) => {
    const deployment = await deploy(context);
    const value = text.replace('PASSWORD', deployment.role.password.slice(-24));
    const env = what.includes('database') ? { DATABASE_URL: value } : { TALON_ONE_BASE_URL: value };
    const daemon = deployment.start(['run'], { env, secrets: [deployment.role.password] });
    await expectFailureWithoutLeak(deployment, daemon);
  });
});

/** Every row of every table of ours, as text. */
async function everythingStored({ database }: Deployment): Promise<string> {
  const tables = await database.query<{ name: string }>(
    `select relname as name from pg_class where relkind = 'r' and relname like 'talon\\_one\\_%'`,
  );
  expect(tables.length).toBeGreaterThan(10);
  const rows = tables.map(({ name }) =>
    database.query<{ row: string }>(`select t::text as row from ${name} t`),
  );
  return (await Promise.all(rows)).flatMap((some) => some.map(({ row }) => row)).join('\n');
}

async function expectFailureWithoutLeak(deployment: Deployment, daemon: Daemon): Promise<void> {
  expect(await daemon.ended).toMatchObject({ code: 1 });
  expect(leaksOf(deployment, daemon.stdout + daemon.stderr)).toEqual([]);
}

function leaksOf({ simulator, role }: Deployment, text: string) {
  return findLeaks(text, [simulator.apiKey, role.password]);
}
