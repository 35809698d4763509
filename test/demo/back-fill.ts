import type { Daemon } from './daemon.js';
import { formatDuration } from './numbers.js';
import { type RequestsSpent, requestsSpent } from './requests-spent.js';
import type { Stage } from './stage.js';
import { waitUntil } from './wait.js';

const PATIENCE_MS = 3_600_000;

export interface BackFill {
  readonly daemon: Daemon;
  readonly durationMs: number;
  readonly requests: RequestsSpent;
}

/** Starts the daemon on an empty warehouse and watches it until everything there is has been copied. */
export async function backFill(stage: Stage): Promise<BackFill> {
  const { simulator, warehouse, display, signal } = stage;
  const allEvents = stage.historyEvents + stage.shopEvents;
  const startedAt = performance.now();
  const daemon = stage.startDaemon();
  const events = display.track('events', allEvents);
  await waitUntil(
    async () => {
      const counts = await warehouse.counts();
      events.update(counts.events);
      // If the daemon takes itself for complete too early, the proof will say so.
      return counts.events >= allEvents || counts.isComplete;
    },
    { signal, what: 'all events of the history are stored', timeoutMs: PATIENCE_MS },
  );
  events.end();
  const digests = simulator.applicationIds.map((id) => simulator.issuedDigest(id));
  const named = digests.reduce((sum, digest) => sum + digest.distinctProfiles + digest.distinctSessions, 0);
  const snapshots = display.track('snapshots', named);
  await waitUntil(
    async () => {
      const counts = await warehouse.counts();
      snapshots.update(counts.profileSnapshots + counts.sessionSnapshots);
      return counts.isComplete && counts.owed === 0;
    },
    { signal, what: 'every profile and session of the history has its snapshot', timeoutMs: PATIENCE_MS },
  );
  snapshots.end();
  await waitUntil(async () => (await warehouse.waitingJobs()) === 0, {
    signal,
    what: 'loyalty and reference data are stored',
    timeoutMs: PATIENCE_MS,
  });
  const durationMs = performance.now() - startedAt;
  const requests = requestsSpent(simulator);
  display.line(`\n  Done in ${formatDuration(durationMs)}, with ${requests.total} requests.`);
  return { daemon, durationMs, requests };
}
