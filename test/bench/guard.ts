import type { Report } from './benchmark.js';
import { figure } from './figures.js';

/**
 * Prints every ratio with its bounds and returns how many are beyond them. One that could not be measured counts, unless it
 * may be unknown.
 */
export function guard(reports: readonly Report[]): number {
  let broken = 0;
  console.log('\nRatios:');
  for (const { name, value, aim, atLeast = -Infinity, atMost = Infinity, mayBeUnknown } of reports.flatMap(
    (report) => report.ratios ?? [],
  )) {
    const isBroken = Number.isNaN(value) ? mayBeUnknown !== true : value < atLeast || value > atMost;
    if (isBroken) broken += 1;
    const bound = atMost < Infinity ? `at most ${atMost}` : `at least ${atLeast}`;
    const aimed = aim === undefined ? '' : `, aim ${aim}`;
    console.log(`  ${isBroken ? 'BROKEN' : 'ok    '} ${figure(value)}  ${name} (${bound}${aimed})`);
  }
  return broken;
}
