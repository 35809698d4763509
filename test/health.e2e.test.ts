import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
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
    for (const path of ['/', '/metrics', '/livez/', '/readyz%00', '//livez'])
      expect(await readHealth(`${url}${path}`)).toEqual({ status: 404, body: { error: 'not found' } });
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect(await readHealth(`${url}/livez`, method)).toMatchObject({ status: 405 });
    expect(daemon.hasEnded).toBe(false);
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
