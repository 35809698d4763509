import type { Standings } from '../warehouse/status.js';
import type { StatusSettings } from './application-state.js';

/** What keeps the copy going: a daemon, `once` from cron, or nothing. */
export type Running =
  | { readonly kind: 'daemon' }
  | {
      readonly kind: 'once';
      /** When the last run ended, or began if it has not. */
      readonly lastAt: number;
      /** After so many seconds the next run should have been there. */
      readonly patience: number;
      /** Why the last run failed. */
      readonly trouble: string | null;
    }
  | { readonly kind: 'stopped' };

/** A daemon says several times a lease that it runs; after this long without a word it counts as gone, in seconds. */
const GONE_AFTER = 120;
const DAY = 86_400;
/** However often `once` runs, an hour without it is nothing yet, in seconds. */
const SHORTEST_GAP = 3_600;

/** Whether a process that was seen then still runs. */
export function isAlive(seenAt: number, now: number, { leaseSeconds }: StatusSettings): boolean {
  return now - seenAt < Math.max(GONE_AFTER, leaseSeconds);
}

export function runningOf(standings: Standings, settings: StatusSettings): Running {
  const { now, replicas, onceRuns, applications } = standings;
  if (settings.owner !== undefined || replicas.some(({ seenAt }) => isAlive(seenAt, now, settings)))
    return { kind: 'daemon' };
  const [last] = onceRuns;
  if (last && !replicas.some(({ seenAt }) => now - seenAt < DAY)) {
    const lastAt = last.endedAt ?? last.startedAt;
    const starts = onceRuns.map(({ startedAt }) => startedAt);
    const patience = Math.max(2 * usualGap(starts), SHORTEST_GAP);
    return { kind: 'once', lastAt, patience, trouble: last.trouble };
  }
  // An older version, which said nothing of itself.
  return { kind: applications.some(({ isHeld }) => isHeld) ? 'daemon' : 'stopped' };
}

/** Median of the times between these moments, newest first; 0 when there is only one. */
function usualGap(moments: readonly number[]): number {
  const gaps = moments
    .slice(1)
    .map((moment, index) => (moments[index] ?? moment) - moment)
    .sort((a, b) => a - b);
  return gaps[Math.floor(gaps.length / 2)] ?? 0;
}
