import { expect, inject, test } from 'vitest';
import { runCampaign } from './campaign.js';
import { type PlantName, plantOf, withPlant } from './plants.js';
import type { Verdict } from './verdict.js';

/** What brings a defect to light is a matter of moments, and on a busy machine one war may miss them. */
const SEEDS = [11, 12, 13];

/** A campaign is only worth as much as its eyes: each known defect has to be caught by the count that is meant for it. */
export function testPlants(names: readonly PlantName[]): void {
  test.for(names)('the campaign catches: %s', { timeout: 300_000 }, async (name) => {
    const { caughtBy, scenario } = plantOf(name);
    const { signal } = new AbortController();
    const verdicts: Verdict[] = [];
    await withPlant(name, inject('builtProgram').main, async (program) => {
      for (const seed of SEEDS) {
        const options = {
          patienceMs: 60_000,
          minutes: 0.15,
          ...scenario,
          seed,
          signal,
          say: () => {},
          program,
        };
        const { verdict } = await runCampaign(options);
        verdicts.push(verdict);
        if (verdict.counts[caughtBy] > 0) return;
      }
    });
    expect(verdicts.at(-1)?.counts[caughtBy], JSON.stringify(verdicts, null, 1)).toBeGreaterThan(0);
  });
}
