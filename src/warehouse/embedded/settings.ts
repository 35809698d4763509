import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { readIfThere, writeWhole } from './whole-file.js';

/** Our part of the server's configuration, included by postgresql.conf. */
export const settingsFile = 'talon-one-sync.conf';

const defaults: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  // The paths of sockets may not be longer than 107 bytes, and DATA_DIR can be anywhere.
  unix_socket_directories: '',
  cluster_name: 'talon-one-sync',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  max_wal_size: '2GB',
};

export async function writeSettings(
  pgdata: string,
  port: number,
  settings: Record<string, string>,
): Promise<void> {
  const lines = Object.entries({ ...defaults, ...settings, port: String(port) }).map(renderSetting);
  await writeWhole(join(pgdata, settingsFile), `${lines.join('\n')}\n`);
}

/** The port of the last start: staying on it keeps the addresses in other people's tools right. */
export async function readLastPort(pgdata: string): Promise<number | undefined> {
  const port = /^port = '(\d+)'$/m.exec((await readIfThere(join(pgdata, settingsFile))) ?? '')?.[1];
  return port === undefined ? undefined : Number(port);
}

function renderSetting([name, value]: [string, string]): string {
  if (!/^[a-z_][\w.]*$/i.test(name) || /[\r\n\0]/.test(value)) {
    throw new EmbeddedPostgresError(`The Postgres setting ${JSON.stringify(name)} cannot be written`);
  }
  return `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
