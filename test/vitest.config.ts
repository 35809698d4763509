import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));
const report = process.env.TEST_REPORT;

// These replace modules, or what Node sends. All others change nothing that the next file of the same worker could notice,
// so there modules are loaded once for all.
const alone = ['management', 'http', 'embedded-lock'].map((name) => `test/${name}.test.ts`);

// The suffix says what a test needs: nothing but Node, a real Postgres, or the built daemon as a child process.
export default defineConfig({
  root,
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Much here happens at moments that the machine decides. A second try is reported as such.
    retry: 1,
    // The tests mostly wait, for servers and child processes: two workers more than the usual two cores.
    maxWorkers: 4,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['**/*.pg.test.ts', '**/*.e2e.test.ts', ...alone],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'alone', include: alone } },
      { extends: true, test: { name: 'pg', include: ['test/**/*.pg.test.ts'], isolate: false } },
      {
        extends: true,
        test: { name: 'e2e', include: ['test/**/*.e2e.test.ts'], isolate: false, testTimeout: 90_000 },
      },
    ],
  },
});
