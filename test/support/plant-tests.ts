import { expect, inject, test } from 'vitest';
import { runCampaign } from '../chaos/campaign.js';
import { type PlantName, plantOf, withPlant } from '../chaos/plants.js';

/** A campaign is only worth as much as its eyes: each known defect has to be caught by the count that is meant for it. */
export function testPlants(names: readonly PlantName[]): void {
  test.for(names)('the campaign catches: %s', async (name) => {
    const { caughtBy, scenario } = plantOf(name);
    const { signal } = new AbortController();
    const options = { ...scenario, seed: 11, minutes: 0.15, signal, say: () => {} };
    const { verdict } = await withPlant(name, inject('builtProgram').main, (program) =>
      runCampaign({ patienceMs: 60_000, ...options, program }),
    );
    expect(verdict.counts[caughtBy], JSON.stringify(verdict, null, 1)).toBeGreaterThan(0);
  });
}
