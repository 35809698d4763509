import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { CleanUp } from '../demo/clean-up.js';
import { APPLICATION_ID, type Contender } from './contenders.js';
import { EFFECT_COLUMNS, EVENT_COLUMNS, type Row, rowsOf } from './parsed-page.js';

// The Stripe sync engine copies objects of another API into Postgres: a statement for each, five at a time over a pool.
// Its writer takes any table that has a column `id`, so it can be given our rows. It is no dependency of the project.

export const PEER = '@supabase/stripe-sync-engine';

interface PeerClient {
  readonly pool: { query(text: string): Promise<unknown> };
  upsertMany(
    entries: readonly object[],
    table: string,
    schema: { properties: readonly string[] },
  ): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * The peer's writer from `folder`, where the user has installed it. It does less than ours: no cursor, nothing owed, no
 * partitions, and a page is no transaction.
 * @throws Error when the folder does not hold it
 */
export function peerFrom(folder: string, url: string, cleanUp: CleanUp): Contender {
  const root = resolve(folder);
  const manifest = join(root, 'node_modules', PEER, 'package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const { PostgresClient } = createRequire(join(root, 'package.json'))(PEER) as {
    PostgresClient: new (config: object) => PeerClient;
  };
  let client: PeerClient | undefined;
  cleanUp.add(async () => client?.close());
  return {
    name: `${PEER} ${version}: its upsertMany`,
    pages: 1,
    storesNothing: true,
    before: async ({ schema }) => {
      await client?.close();
      client = new PostgresClient({ schema, poolConfig: { connectionString: url, max: 10 } });
      await client.pool.query(`set search_path to "${schema}"; ${TABLES}`);
    },
    write: async (_warehouse, _lease, page) => {
      const rows = rowsOf(APPLICATION_ID, page);
      const events = rows.map((row) => entryOf(EVENT_COLUMNS, row.event, 2));
      const effects = rows.flatMap((row) => row.effects.map((effect) => entryOf(EFFECT_COLUMNS, effect, 4)));
      await client?.upsertMany(events, 'peer_event', schemaOf(EVENT_COLUMNS));
      await client?.upsertMany(effects, 'peer_effect', schemaOf(EFFECT_COLUMNS));
    },
  };
}

const TABLES = `
  create table peer_event as select ''::text as id, ${EVENT_COLUMNS} from talon_one_event with no data;
  alter table peer_event add primary key (id);
  create index on peer_event (application_id, created);
  create index on peer_event (session_id, created) where session_id is not null;
  create index on peer_event (profile_id, created) where profile_id is not null;
  create table peer_effect as select ''::text as id, ${EFFECT_COLUMNS} from talon_one_effect with no data;
  alter table peer_effect add primary key (id)`;

const namesOf = (columns: string) => columns.split(', ');
const schemaOf = (columns: string) => ({ properties: ['id', ...namesOf(columns)] });

/** An object with a member for each column, and the first `keys` columns but for the time as its `id`. */
function entryOf(columns: string, row: Row, keys: 2 | 4): object {
  const id = row.slice(0, keys).filter((_, index) => index !== 2);
  return {
    id: id.join('/'),
    ...Object.fromEntries(namesOf(columns).map((name, index) => [name, row[index]])),
  };
}
