import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { isConnectionFailure } from '../../src/warehouse/sqlstate.js';
import type { CleanUp } from '../demo/clean-up.js';
import { type OwnPostgres, startOwnPostgres } from '../support/own-postgres.js';
import { SmallDisk } from './small-disk.js';

// The Postgres of a campaign, with the powers of its administrator. The daemons have a role without any.

/** application_name of the campaign's own connections that stay open. */
export const HOLDER = 'campaign-holder';
const DATABASE = 'chaos';
const ROLE = 'chaos_daemon';
const SMALL_DISK_MEGABYTES = 512;
/** Few, so that they can be used up. */
const MAX_CONNECTIONS = 40;
/** As Postgres itself may be away, so may the answer: asked again for this long. */
const PATIENCE_MS = 60_000;

export class ChaosDatabase {
  private constructor(
    readonly server: OwnPostgres,
    /** Undefined where the machine does not permit it. */
    readonly disk: SmallDisk | undefined,
    /** Address for the daemons. */
    readonly url: string,
    private readonly adminUrl: string,
  ) {}

  static async open(folder: string, cleanUp: CleanUp): Promise<ChaosDatabase> {
    const server = await startOwnPostgres({ maxConnections: MAX_CONNECTIONS });
    const disk = await SmallDisk.mount(folder, SMALL_DISK_MEGABYTES, server.dataDir);
    cleanUp.add(async () => disk?.unmount());
    cleanUp.add(() => server.remove());
    const password = randomBytes(12).toString('hex');
    await withClient(server.url, async (client) => {
      if (disk) await client.query(`create tablespace small location ${pg.escapeLiteral(disk.path)}`);
      await client.query(`create role ${ROLE} login password ${pg.escapeLiteral(password)}`);
      await client.query(`create database ${DATABASE} owner ${ROLE}${disk ? ' tablespace small' : ''}`);
    });
    const url = new URL(server.url);
    url.pathname = `/${DATABASE}`;
    const adminUrl = url.href;
    url.username = ROLE;
    url.password = password;
    return new ChaosDatabase(server, disk, url.href, adminUrl);
  }

  /** As administrator, directly, waiting for a Postgres that is away. Rows of text. */
  async query(text: string, values: readonly unknown[] = []): Promise<Record<string, string | null>[]> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.attempt(text, values);
      } catch (error) {
        if (performance.now() > deadline || !isAway(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  async row(text: string, values: readonly unknown[] = []): Promise<Record<string, string | null>> {
    return (await this.query(text, values))[0] ?? {};
  }

  /** Without patience: fails while Postgres is away. */
  async attempt(text: string, values: readonly unknown[] = []): Promise<Record<string, string | null>[]> {
    return withClient(this.adminUrl, async (client) => {
      const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;
      return (await client.query({ text, values: [...values], types: asText })).rows;
    });
  }

  /** A connection of its own, as administrator. */
  async connect(asDaemon = false): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: asDaemon ? this.url : this.adminUrl,
      application_name: HOLDER,
    });
    client.on('error', () => {});
    await client.connect();
    return client;
  }
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'campaign',
    // Also while the database is read-only to everybody else.
    options: '-c default_transaction_read_only=off',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Postgres hung up, is starting, or has no connection left. */
export function isAway(error: unknown): boolean {
  return isConnectionFailure(error) || /^57/.test((error as { code?: string }).code ?? '');
}
