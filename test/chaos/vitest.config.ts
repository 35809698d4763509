import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// `npm run test:plants`: whether the campaign sees each planted defect. Apart from `npm test`, because each takes wars.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    // By this name the set-up knows that the built daemon is needed.
    name: 'e2e',
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 2,
    include: ['test/chaos/*.campaign.ts'],
    reporters: process.env.TEST_REPORT
      ? ['default', ['json', { outputFile: process.env.TEST_REPORT }]]
      : ['default'],
  },
});
