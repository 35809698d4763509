import { expect, inject, test } from 'vitest';
import { runCampaign } from './chaos/campaign.js';

test('a short campaign finds nothing', async () => {
  const { verdict, faults } = await runCampaign({
    program: inject('builtProgram').main,
    seed: 3,
    minutes: 0.35,
    habits: { requestsPerSecond: 40, sessionSource: 'auto', historyEvents: 200, isThroughBouncer: false },
    patienceMs: 60_000,
    signal: new AbortController().signal,
    say: () => {},
  });
  expect(verdict.findings).toEqual([]);
  expect(Object.entries(verdict.counts).filter(([, count]) => count > 0)).toEqual([]);
  expect(faults.length).toBeGreaterThan(5);
});
