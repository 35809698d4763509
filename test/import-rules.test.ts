import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';
import { brokenRules, readSources } from './support/source-rules.js';

const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const dependencies = Object.keys(manifest.dependencies);

test('the sources keep the rules: main → commands → sync → talon-one | warehouse, leaves below all', () => {
  const sources = readSources(packageRoot());
  expect(Object.keys(sources)).toEqual(expect.arrayContaining(['src/main.ts', 'src/talon-one/http.ts']));
  expect(brokenRules(sources, dependencies)).toEqual([]);
});

describe('a broken rule is found and named', () => {
  const cases: [path: string, text: string, rule: string | undefined][] = [
    ['src/main.ts', "import { x } from './sync/cycle.js';", 'imports src/sync/cycle.ts'],
    ['src/main.ts', "import { main } from './commands/command-line.js';", undefined],
    ['src/sync/x.ts', "import { main } from '../commands/run.js';", 'imports src/commands/run.ts'],
    ['src/sync/x.ts', "import type { Main } from '../commands/run.js';", 'imports src/commands/run.ts'],
    [
      'src/talon-one/x.ts',
      "import type { Lease } from '../warehouse/cursor.js';",
      'imports src/warehouse/cursor.ts',
    ],
    ['src/talon-one/x.ts', "import { cycle } from '../sync/cycle.js';", 'imports src/sync/cycle.ts'],
    ['src/warehouse/x.ts', "import { get } from '../talon-one/http.js';", 'imports src/talon-one/http.ts'],
    [
      'src/warehouse/x.ts',
      "import { eventSchema } from '../talon-one/schemas.js';",
      'imports src/talon-one/schemas.ts',
    ],
    ['src/warehouse/x.ts', "import type { Event } from '../talon-one/schemas.js';", undefined],
    [
      'src/warehouse/embedded/x.ts',
      "import {\n  a,\n  b,\n} from '../../sync/cycle.js';",
      'imports src/sync/cycle.ts',
    ],
    ['src/warehouse/x.ts', "export { a } from '../sync/cycle.js';", 'imports src/sync/cycle.ts'],
    ['src/warehouse/x.ts', "const { a } = await import('../sync/cycle.js');", 'imports src/sync/cycle.ts'],
    ['src/export/x.ts', "import { cycle } from '../sync/cycle.js';", 'imports src/sync/cycle.ts'],
    ['src/export/x.ts', "import { migrate } from '../warehouse/migrate.js';", undefined],
    ['src/json/x.ts', "import { messageOf } from '../errors.js';", 'imports src/errors.ts'],
    [
      'src/health/x.ts',
      "import { codeOf } from '../warehouse/sqlstate.js';",
      'imports src/warehouse/sqlstate.ts',
    ],
    ['src/import/x.ts', "import { cycle } from '../sync/cycle.js';", 'imports src/sync/cycle.ts'],
    [
      'src/sync/x.ts',
      "import { runImport } from '../import/run-import.js';",
      'imports src/import/run-import.ts',
    ],
    ['src/errors.ts', "import { parseJson } from './json/parse.js';", 'imports src/json/parse.ts'],
    ['src/errors.ts', "import { main } from './main.js';", 'imports src/main.ts'],
    [
      'src/sync/x.ts',
      "import { startSimulator } from '../../test/simulator/simulator.js';",
      'imports test/simulator',
    ],
    ['src/loyalty/x.ts', '', 'is in a folder of its own'],
    ['src/sync/x.ts', 'const level = process.env.LOG_LEVEL;', 'reads process.env'],
    ['src/sync/x.ts', 'const { env } = process;', 'reads process.env'],
    ['src/sync/x.ts', '// process.env is read in config.ts', undefined],
    ['src/sync/x.ts', 'const now = Date.now();', 'reads the clock'],
    ['src/sync/x.ts', 'const now = new Date();', 'reads the clock'],
    ['src/sync/x.ts', 'const text = new Date(0).toISOString();', undefined],
    ['src/sync/x.ts', 'const now = performance.now();', 'reads the clock'],
    ['src/sync/x.ts', 'setTimeout(stop, 1000);', 'sets a timer'],
    ['src/sync/x.ts', "import { setTimeout } from 'node:timers/promises';", 'imports node:timers/promises'],
    ['src/sync/x.ts', 'const signal = AbortSignal.timeout(5);', 'sets a timer'],
    ['src/sync/x.ts', "import axios from 'axios';", 'imports axios'],
    ['src/talon-one/management.ts', "import axios from 'axios';", 'imports axios'],
    ['src/sync/x.ts', "import type { Pool } from 'pg';", 'imports pg'],
    ['src/sync/x.ts', "client.query('select id from talon_one_event');", 'contains SQL'],
    ['src/sync/x.ts', 'client.query(`\n  insert into talon_one_event values ($1)`);', 'contains SQL'],
    ['src/sync/x.ts', "client.query('update talon_one_event set id = 1');", 'contains SQL'],
    ['src/warehouse/x.ts', "client.query('select id from talon_one_event');", undefined],
    ['src/sync/x.ts', "import { nock } from 'nock';", 'imports nock: it is not among the dependencies'],
    ['src/sync/x.ts', "import { z } from 'zod';", undefined],
  ];

  test.each(cases)('%s: %s', (path, text, rule) => {
    const broken = brokenRules({ [path]: text }, dependencies);
    expect(broken).toEqual(
      rule === undefined ? [] : expect.arrayContaining([expect.stringContaining(`${path} ${rule}`)]),
    );
  });
});
