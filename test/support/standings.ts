import type { StatusSettings } from '../../src/status/application-state.js';
import type { ApplicationFacts, ReplicaFacts, Standings } from '../../src/warehouse/status.js';

// How things stand in Postgres, for tests of what is made of it.

/** The present of these tests: 2026-01-31T12:00:00Z. */
export const NOW = Date.UTC(2026, 0, 31, 12) / 1000;
export const DAY = 86_400;

/** An Application that is up to date, unless the test says otherwise. */
export function applicationFacts(changes: Partial<ApplicationFacts> = {}): ApplicationFacts {
  return {
    id: '1',
    name: 'Shop',
    status: 'up-to-date',
    failingSince: null,
    lastError: null,
    firstSync: NOW - 100 * DAY,
    lastSync: NOW - 300,
    readUntil: NOW - 10,
    completeThrough: NOW - 120,
    dueAt: NOW + 50,
    leaseOwner: 'replica-1',
    isHeld: false,
    paceFrom: null,
    paceSince: null,
    lastCycleAt: NOW - 10,
    lastOwed: 0,
    isWanted: true,
    ...changes,
  };
}

/** A daemon that runs, unless the test says otherwise. */
export function replicaFacts(changes: Partial<ReplicaFacts> = {}): ReplicaFacts {
  return {
    owner: 'replica-1',
    version: '0.1.0',
    startedAt: NOW - DAY,
    seenAt: NOW - 5,
    applications: 1,
    trouble: null,
    ...changes,
  };
}

/** A daemon that runs, and these Applications. */
export function standingsOf(
  applications: readonly ApplicationFacts[],
  changes: Partial<Standings> = {},
): Standings {
  return {
    now: NOW,
    applications,
    owed: new Map(),
    quarantined: new Map(),
    replicas: [replicaFacts()],
    onceRuns: [],
    budget: [],
    granted: [],
    jobCounts: new Map(),
    jobs: [],
    ...changes,
  };
}

export const SETTINGS: StatusSettings = {
  version: '0.1.0',
  owner: undefined,
  requestsPerSecond: 3,
  rateLimitScope: 'endpoint',
  sessionSource: 'by-id',
  pageSize: 1_000,
  intervalSeconds: 60,
  lookbackSeconds: 120,
  leaseSeconds: 30,
  scrub: (text) => text.replaceAll('hush-hush', '***'),
};
