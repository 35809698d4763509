import { describe, expect, test } from 'vitest';
import { certificateFile, type SelfSigned, selfSigned } from './support/certificate.js';
import { deploy } from './support/deployment.js';
import { startRawServer } from './support/raw-server.js';

// The built program against an API that has a certificate of its own.

describe('the API over https', () => {
  const redirectTo = (location: string) =>
    `HTTP/1.1 307 Temporary Redirect\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;

  test('is not followed to another host, port or plain http, and the key stays where it belongs', async (context) => {
    const { simulator, start } = await deploy(context);
    const certificate = selfSigned('localhost');
    const trust = { NODE_EXTRA_CA_CERTS: certificateFile(certificate) };
    const plain = await startRawServer((socket) => void socket.end());
    const encrypted = await startRawServer((socket) => void socket.end(), certificate);
    for (const target of [`http://localhost:${plain.port}/`, `https://localhost:${encrypted.port}/`]) {
      const api = await startRawServer((socket) => void socket.write(redirectTo(target)), certificate);
      const env = { ...trust, TALON_ONE_BASE_URL: `https://localhost:${api.port}` };
      const check = start(['check'], { env });
      expect(await check.ended).toMatchObject({ code: 1 });
      expect(check.stdout).toContain('answered with 307: redirects are not followed');
      // It was reached, with the key.
      expect(api.received()).toContain(simulator.apiKey);
    }
    expect([plain.received(), encrypted.received()]).toEqual(['', '']);
  });

  test('gets no key before its certificate is known to be right', async (context) => {
    const { start } = await deploy(context);
    const [right, other] = [selfSigned('localhost'), selfSigned('mycompany.talon.one')];
    const situations: [SelfSigned, Record<string, string>][] = [
      [right, {}],
      [right, { NODE_EXTRA_CA_CERTS: certificateFile(other) }],
      [other, { NODE_EXTRA_CA_CERTS: certificateFile(other) }],
    ];
    const attempts = situations.map(async ([certificate, env]) => {
      const api = await startRawServer((socket) => void socket.end(), certificate);
      const check = start(['check'], {
        env: { ...env, TALON_ONE_BASE_URL: `https://localhost:${api.port}` },
      });
      expect(await check.ended).toMatchObject({ code: 1 });
      expect(check.stdout).toMatch(/PROBLEM .*certificate|PROBLEM[\s\S]*altnames/);
      expect(api.received()).toBe('');
    });
    await Promise.all(attempts);
  });
});
