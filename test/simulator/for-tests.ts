import { onTestFinished } from 'vitest';
import type { SimulatorOptions } from './options.js';
import { startSimulator } from './simulator.js';
import type { Simulator } from './simulator-handle.js';

/** A simulator that ends with the test, and fails it if the simulator itself failed. No rate limit unless asked for. */
export async function startForTest(options: SimulatorOptions = {}): Promise<Simulator> {
  const sim = await startSimulator({ ...options, switches: { requestsPerSecond: 0, ...options.switches } });
  onTestFinished(() => sim.stop());
  return sim;
}
