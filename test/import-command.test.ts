import { existsSync } from 'node:fs';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { importCommand } from '../src/commands/import-command.js';
import { loadConfig } from '../src/config.js';
import { csvImports } from '../src/import/csv-imports.js';
import { csvKind } from '../src/import/csv-kind.js';
import { besides, importFile } from './support/import-file.js';

test('a bad file is told before the database is opened, migrated or made', async () => {
  const path = importFile('tiers.csv', 'customerprofileid,tiername\nanna,\n');
  const dataDir = besides(path, 'data');
  const [what] = csvImports.filter(({ name }) => name === 'customer-tiers');
  if (!what) throw new TypeError('no such import');
  const choice = { map: new Map<string, string>(), ignore: new Set<string>() };
  const request = {
    path,
    format: 'csv',
    delimiter: ',',
    report: undefined,
    dryRun: false,
    run: { again: false, verify: false, settle: undefined },
    makeKind: async () => csvKind(what, { path: { loyaltyProgramId: '1' }, query: {}, choice }),
  } as const;
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    // Nobody listens there, neither the API nor Postgres.
    const api = { TALON_ONE_BASE_URL: 'http://127.0.0.1:1', TALON_ONE_API_KEY: 'k' };
    for (const database of [{ DATA_DIR: dataDir }, { DATABASE_URL: 'postgresql://x@127.0.0.1:1/x' }]) {
      const config = loadConfig({ ...api, ...database });
      const running = importCommand(request, config, pino({ level: 'silent' }), new AbortController().signal);
      await expect(running).rejects.toThrow('tiers.csv has 1 problem. Nothing was sent.');
    }
    expect(stderr.mock.calls.flat()).toContain('line 2, tiername: must not be empty\n');
  } finally {
    stderr.mockRestore();
  }
  expect(existsSync(dataDir)).toBe(false);
});
