import { createServer, request as httpRequest } from 'node:http';
import { createServer as createTlsServer, request as httpsRequest } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAgents } from '../src/talon-one/agents.js';
import { selfSigned } from './support/certificate.js';

const certificate = selfSigned('localhost');

describe.each(['http', 'https'] as const)('%s', (protocol) => {
  /** A server that counts what it sees, and a client whose clock is `now`. */
  async function startServer(now: () => number) {
    const seen: string[] = [];
    const answer = (_request: unknown, response: { end(text: string): void }) => {
      seen.push(protocol);
      response.end('{}');
    };
    const server: Server = protocol === 'http' ? createServer(answer) : createTlsServer(certificate, answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const { httpAgent, httpsAgent } = createAgents(now);
    onTestFinished(() => {
      httpAgent.destroy();
      httpsAgent.destroy();
    });
    const { port } = server.address() as AddressInfo;
    const options = { port, host: '127.0.0.1', servername: 'localhost', method: 'POST' };
    const send = () =>
      new Promise<unknown>((resolve, reject) => {
        const sent =
          protocol === 'http'
            ? httpRequest({ ...options, agent: httpAgent })
            : httpsRequest({ ...options, agent: httpsAgent, ca: certificate.cert });
        sent.on('error', reject);
        sent.on('response', (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode));
        });
        sent.end('body');
      });
    return { seen, send };
  }

  test('what the process stood still before is not sent when it goes on', async () => {
    let nowMs = 0;
    // Each look at the clock is two seconds later.
    const { seen, send } = await startServer(() => {
      nowMs += 2_000;
      return nowMs;
    });
    await expect(send()).rejects.toThrow('the process stood still while the connection was made');
    expect(seen).toEqual([]);
  });

  test('a connection that is open is used again, whatever the time', async () => {
    let nowMs = 0;
    const { seen, send } = await startServer(() => nowMs);
    expect(await send()).toBe(200);
    nowMs += 3_600_000;
    expect(await send()).toBe(200);
    expect(seen).toHaveLength(2);
  });
});
