import { monotonicMs } from '../clock.js';
import { finishErasures, unfinishedErasures } from '../warehouse/forget.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { JobKind } from './job.js';

const EVERY_MS = 5 * 60_000;
/** Whole tables are looked through: of all the time, at most one part in so many. */
const SHARE = 10;

/**
 * Finishes what `forget` began: a run that was interrupted, and what is stored of profiles and sessions that became
 * known after it. When there is nothing to finish, it costs one small query.
 */
export function erasureJob({ warehouse }: { readonly warehouse: Warehouse }): JobKind {
  return {
    name: 'erasures',
    jobs: ['erasures'],
    inOnce: 'always',
    // Not fenced: blanking what is blank changes nothing, whoever else does it at the same time.
    run: async ({ signal }) => {
      const began = monotonicMs();
      const erasures = await unfinishedErasures(warehouse);
      const rows = erasures.length === 0 ? {} : await finishErasures(warehouse, erasures, signal);
      const blanked = Object.values(rows).reduce((sum, count) => sum + count, 0);
      const inMs = Math.max(EVERY_MS, SHARE * (monotonicMs() - began));
      return { next: { inMs }, figures: { erasures: erasures.length, blanked } };
    },
  };
}
