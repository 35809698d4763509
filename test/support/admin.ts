import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

// The superuser's side of test databases.

/** application_name of connections that belong to the tests themselves. */
export const supportName = 'test-support';
const leakPatienceMs = 1_000;

/** Removes every database of a run, and the role that made their template. */
export async function dropRunDatabases(adminUrl: string, runId: string): Promise<void> {
  await withAdmin(adminUrl, async (admin) => {
    const { rows } = await admin.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [`test_${runId}_`],
    );
    for (const { datname } of rows) {
      await admin.query(`alter database ${datname} with is_template false`);
      await admin.query(`drop database ${datname} with (force)`);
    }
    await admin.query(`drop role if exists test_${runId}_template_owner`);
  });
}

/** What is still connected after a moment: the server notices the end of a connection a little after the client. */
export async function openConnections(admin: pg.Client, name: string): Promise<string[]> {
  const text = `select application_name || ' (' || coalesce(state, '') || ': ' || left(query, 60) || ')' as who
                  from pg_stat_activity where datname = $1 and backend_type = 'client backend'`;
  const deadline = performance.now() + leakPatienceMs;
  for (;;) {
    const { rows } = await admin.query<{ who: string }>(text, [name]);
    if (rows.length === 0 || performance.now() >= deadline) return rows.map((row) => row.who);
    await delay(10);
  }
}

export async function withAdmin<T>(adminUrl: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: adminUrl, application_name: supportName });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

export function urlOf(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}
