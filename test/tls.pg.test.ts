import { connect } from 'node:net';
import { TLSSocket } from 'node:tls';
import { expect, onTestFinished, test, vi } from 'vitest';
import { certificateFile, type SelfSigned, selfSigned } from './support/certificate.js';
import { startRawServer } from './support/raw-server.js';
import { useWarehouse, withWarehouse } from './support/warehouse.js';

// What `sslmode` in DATABASE_URL means is decided by pg, and .env.example says it: this notices when it changes.

const db = useWarehouse();

/** Speaks TLS in front of the real Postgres (PostgreSQL documentation, "SSL Session Encryption"). */
async function frontWith(certificate: SelfSigned): Promise<URL> {
  const url = new URL(db().database.url);
  const { port, hostname } = url;
  const front = await startRawServer((socket) => {
    // What came was the request for TLS; S says yes.
    socket.removeAllListeners('data').write('S');
    const encrypted = new TLSSocket(socket, { isServer: true, ...certificate });
    const behind = connect(Number(port), hostname);
    for (const side of [encrypted, behind]) side.on('error', () => {}).on('close', () => socket.destroy());
    encrypted.on('close', () => behind.destroy());
    encrypted.pipe(behind).pipe(encrypted);
  });
  url.host = `localhost:${front.port}`;
  return url;
}

/** Connects with this at the end of DATABASE_URL. */
async function attempt(url: URL, query: string): Promise<string> {
  return withWarehouse(`${url.href}?${query}`, {}, (warehouse) =>
    warehouse
      .transaction((client) => client.query('select'))
      .then(
        () => 'connected',
        (error: unknown) => String(error),
      ),
  );
}

test.each(['verify-full', 'require'])(
  'sslmode=%s wants a certificate that is known, for the host that is asked',
  async (sslmode) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    const [right, other] = [selfSigned('localhost'), selfSigned('warehouse')];
    const [url, misnamed] = [await frontWith(right), await frontWith(other)];
    const [known, unknown] = [right, other].map(
      (one) => `sslmode=${sslmode}&sslrootcert=${certificateFile(one)}`,
    );
    expect(await attempt(url, known ?? '')).toBe('connected');
    expect(await attempt(url, `sslmode=${sslmode}`)).toMatch(/self-signed certificate/);
    expect(await attempt(url, unknown ?? '')).toMatch(/certificate/);
    expect(await attempt(misnamed, unknown ?? '')).toMatch(/altnames/);
    expect(warn.mock.calls).toHaveLength(sslmode === 'require' ? 1 : 0);
  },
);

test('sslmode=no-verify takes any certificate', async () => {
  expect(await attempt(await frontWith(selfSigned('elsewhere')), 'sslmode=no-verify')).toBe('connected');
});

test('a server without TLS gets nothing but the question from a client that wants it', async () => {
  const plain = await startRawServer((socket) => void socket.write('N'));
  const url = new URL(db().database.url);
  url.host = `localhost:${plain.port}`;
  expect(await attempt(url, 'sslmode=verify-full')).toMatch(/does not support SSL/);
  expect(plain.received()).toHaveLength(8);
});
