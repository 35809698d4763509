import type pg from 'pg';
import type { Dice } from '../../simulator/dice.js';
import { HOLDER } from '../database.js';
import type { Stage } from '../stage.js';
import type { End, FaultScripts } from './fault.js';
import { repeatedly } from './replica-faults.js';

/** A connection of a daemon, or of PgBouncer on its behalf. */
const DAEMONS = `backend_type = 'client backend' and usename = 'chaos_daemon' and pid <> pg_backend_pid()`;

/** What happens to Postgres. */
export const postgresFaults: FaultScripts = {
  'connections terminated': {
    least: 3,
    most: 15,
    begin: async ({ database }, dice) =>
      repeatedly(
        async () => {
          await database.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where ${DAEMONS} order by pid offset $1 limit 1`,
            [dice.below(12)],
          );
        },
        () => 20 + dice.below(600),
      ),
  },
  'immediate stop': {
    least: 0.5,
    most: 8,
    begin: async ({ database }) => {
      await database.server.stopImmediately();
      return async () => database.server.start();
    },
  },
  crash: {
    least: 0.5,
    most: 8,
    begin: async ({ database }) => {
      await database.server.crash();
      return async () => database.server.start();
    },
  },
  'read-only': {
    least: 3,
    most: 12,
    begin: async (stage) => {
      await readOnly(stage, 'on');
      return async () => readOnly(stage, 'off');
    },
  },
  'connections exhausted': {
    least: 3,
    most: 12,
    begin: async ({ database }) => {
      const admin = await database.connect();
      return holdConnections(() => database.connect(true), admin);
    },
  },
  'cursor row locked': {
    least: 3,
    most: 20,
    begin: async (stage, dice) => lockCursor(stage, dice),
  },
  'full disk': {
    least: 3,
    most: 12,
    begin: async ({ database }) => {
      const { disk } = database;
      if (!disk) return { skipped: 'a file system of a fixed size cannot be mounted here' };
      await disk.fill();
      return async () => disk.empty();
    },
  },
};

// For new sessions: those that are there are ended.
async function readOnly({ database }: Stage, state: 'on' | 'off'): Promise<void> {
  await database.query(`alter database chaos set default_transaction_read_only = ${state}`);
  await database.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${DAEMONS}`);
}

/** Takes every connection that is or becomes free, after all others of the daemons have been ended. */
async function holdConnections(connect: () => Promise<pg.Client>, admin: pg.Client): Promise<End> {
  const held: pg.Client[] = [];
  const grab = async () => {
    for (;;) {
      const client = await connect().catch(() => undefined);
      if (!client) return;
      held.push(client);
    }
  };
  await grab();
  await admin.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where ${DAEMONS} and application_name <> $1`,
    [HOLDER],
  );
  await grab();
  const stop = repeatedly(grab, () => 100);
  return async () => {
    await stop();
    await Promise.all([admin, ...held].map((client) => client.end().catch(() => {})));
  };
}

async function lockCursor({ database, simulator }: Stage, dice: Dice): Promise<End> {
  const client = await database.connect();
  await client.query('begin');
  await client.query('select from talon_one_sync_cursor where application_id = $1 for update', [
    dice.pick(simulator.applicationIds),
  ]);
  return async () => client.end();
}
