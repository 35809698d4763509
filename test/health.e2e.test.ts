import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Metrics } from '../src/metrics/metrics.js';
import { metricEntries } from './docs/metrics-page.js';
import { deploy } from './support/deployment.js';
import { readHealth } from './support/health.js';
import { waitFor } from './support/wait.js';

describe('the server of the daemon', () => {
  test('answers /livez and /readyz, 404 for any other path and 405 for any other method', async (context) => {
    const { start } = await deploy(context);
    const daemon = start(['run']);
    const url = await daemon.healthUrl();
    await daemon.waitForLine('cycle finished');
    expect(await readHealth(`${url}/livez`)).toEqual({ status: 200, body: { status: 'alive' } });
    expect(await readHealth(`${url}/readyz`)).toEqual({
      status: 200,
      body: { status: 'ready', reasons: [] },
    });
    expect(await readHealth(`${url}/readyz?verbose`)).toMatchObject({ status: 200 });
    expect(await readHealth(`${url}/readyz`, 'HEAD')).toEqual({ status: 200, body: '' });
    for (const path of ['/metrics/', '/status', '/favicon.ico', '/livez/', '/readyz%00', '//livez'])
      expect(await readHealth(`${url}${path}`)).toEqual({ status: 404, body: { error: 'not found' } });
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect(await readHealth(`${url}/livez`, method)).toMatchObject({ status: 405 });
    expect(daemon.hasEnded).toBe(false);
  });

  test('shows its status and its metrics, without a secret or anything of a customer', async (context) => {
    const { start, env, database, role } = await deploy(context);
    const daemon = start(['run'], { env: { REQUESTS_PER_SECOND: '1000' } });
    const url = await daemon.healthUrl();
    await daemon.waitForLine('cycle finished', ({ outcome }) => outcome === 'caught-up');
    const read = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return { response, text: await response.text() };
    };
    const page = await read('/');
    expect(page.response.status).toBe(200);
    expect(page.response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-/,
    );
    expect(page.text).toContain('All data is complete until ');
    const { response, text } = await read('/status.json');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(text)).toMatchObject({ tone: 'good', applications: [{ words: 'up to date' }] });
    const metrics = await read('/metrics');
    const names = metricEntries(new Metrics()).map(({ name }) => name);
    expect(names.filter((name) => !metrics.text.includes(`# TYPE ${name} `))).toEqual([]);
    // Everything has been counted by now, but for failures.
    const rare = [
      'talon_one_sync_request_retries_total',
      'talon_one_sync_event_lateness_seconds',
      'talon_one_sync_jobs',
    ];
    const absent = names.filter(
      (name) => !new RegExp(`^${name}(_count)?(\\{.*\\})? [0-9]`, 'm').test(metrics.text),
    );
    expect(absent.filter((name) => !rare.includes(name))).toEqual([]);
    const customers = await database.query<{ id: string }>(
      'select distinct integration_id as id from talon_one_profile_snapshot where integration_id is not null',
    );
    expect(customers.length).toBeGreaterThan(5);
    const shown = page.text + text + metrics.text;
    const hidden = [env.TALON_ONE_API_KEY, role.password, ...customers.map(({ id }) => id)];
    expect(hidden.filter((one) => one !== undefined && shown.includes(one))).toEqual([]);
  });

  test('says that it is not ready before the Applications are known', async (context) => {
    const { simulator, start } = await deploy(context);
    const hold = simulator.holdNext();
    const daemon = start(['run']);
    const url = await daemon.healthUrl();
    await hold.held;
    expect(await readHealth(`${url}/readyz`)).toEqual({
      status: 503,
      body: { status: 'not ready', reasons: ['the Applications have not been listed yet'] },
    });
    hold.release();
    await waitFor('readiness', async () => (await readHealth(`${url}/readyz`)).status === 200);
  });

  test('says that the API refuses the key', async (context) => {
    const { start } = await deploy(context);
    const daemon = start(['run'], { env: { TALON_ONE_API_KEY: 'a-key-that-is-not-known' } });
    const url = await daemon.healthUrl();
    await daemon.waitForLine('Applications could not be listed');
    const { status, body } = await readHealth(`${url}/readyz`);
    expect(status).toBe(503);
    expect(JSON.stringify(body)).toContain('401');
    const page = await waitFor('the page', async () => {
      const text = await (await fetch(`${url}/`)).text();
      return text.includes('was answered with 401. Talon.One refuses the key') ? text : undefined;
    });
    expect(page).toContain('Nothing is copied: no Application is known');
  });

  test('is left out with an empty HTTP_PORT', async (context) => {
    const { start } = await deploy(context);
    const daemon = start(['run'], { env: { HTTP_PORT: '' } });
    await daemon.waitForLine('cycle finished');
    expect(daemon.linesOf('serving /livez and /readyz')).toEqual([]);
  });

  test('whose port is taken: one clear line, exit code 1, and nothing else is done', async (context) => {
    const { simulator, database, start } = await deploy(context, { emptyDatabase: true });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    context.onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const address = server.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    const daemon = start(['run'], { env: { HTTP_PORT: port } });
    expect(await daemon.ended).toEqual({ code: 1, signal: null });
    expect(daemon.stderr).toMatch(/^HTTP_HOST and HTTP_PORT cannot be used \(.*EADDRINUSE.*\): .*\n$/);
    expect(simulator.requests).toEqual([]);
    expect(await database.query(`select from pg_class where relname like 'talon_one%'`)).toEqual([]);
  });
});
