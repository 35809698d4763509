import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// `npm run test:browser`: what only a browser can tell. Apart from `npm test`, which needs nothing but Node.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { include: ['test/browser/*.browser.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
});
