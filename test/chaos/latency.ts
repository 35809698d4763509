import { percentile } from '../demo/numbers.js';

/** One event: when it could be seen in the API, and when it was stored, in microseconds of one clock. */
export interface Passage {
  readonly visible: number;
  readonly stored: number;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The longest time in which an event was waiting and none was stored. */
  readonly longestStallMs: number;
}

export function latencyOf(applications: readonly (readonly Passage[])[]): Latency {
  const delays = applications.flat().map(({ visible, stored }) => Math.max(0, stored - visible) / 1000);
  return {
    p50Ms: percentile(delays, 0.5),
    p99Ms: percentile(delays, 0.99),
    maxMs: percentile(delays, 1),
    longestStallMs: Math.max(0, ...applications.map(longestStallMs)),
  };
}

// Between two moments at which something was stored, whoever was stored later has waited since the first of the two, or
// since it was visible.
function longestStallMs(passages: readonly Passage[]): number {
  const byStored = [...passages].sort((a, b) => b.stored - a.stored);
  let longest = 0;
  let earliestVisible = Number.POSITIVE_INFINITY;
  for (const [index, { visible, stored }] of byStored.entries()) {
    earliestVisible = Math.min(earliestVisible, visible);
    const before = byStored[index + 1]?.stored ?? Number.NEGATIVE_INFINITY;
    if (before < stored) longest = Math.max(longest, stored - Math.max(before, earliestVisible));
  }
  return longest / 1000;
}
