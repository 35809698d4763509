import { type StatusReport, statusReport, worstApplications } from '../../src/status/report.js';
import type { ApplicationFacts, History } from '../../src/warehouse/status.js';
import { applicationFacts, DAY, NOW, SETTINGS, standingsOf } from '../support/standings.js';

// A report with everything that the page can show, and names that try to break out of it.

const ENDPOINT = 'GET /v1/applications/{applicationId}/events/no_total';
const reading = { status: 'back-filling', readUntil: null, completeThrough: null } as const;

const SAMPLES: readonly Partial<ApplicationFacts>[] = [
  { name: 'Online shop Europe' },
  {
    name: 'Loyalty app',
    ...reading,
    lastSync: NOW - 59 * DAY,
    isHeld: true,
    paceFrom: NOW - 68 * DAY,
    paceSince: NOW - 1_000,
  },
  {
    name: 'Supercalifragilisticexpialidocious-point-of-sale-with-a-name-that-has-no-end',
    status: 'failing',
    failingSince: NOW - 40,
    lastError: `${ENDPOINT} was answered with 429`,
  },
  {
    name: '<script>alert("x")</script> & "quotes"',
    status: 'unauthorised',
    failingSince: NOW - DAY,
    lastError: `${ENDPOINT} was answered with 401`,
    completeThrough: NOW - DAY,
  },
  { name: 'Kiosks', status: 'back-filling' },
  { name: 'Closed shop', isWanted: false, completeThrough: NOW - 9 * DAY },
  { name: 'New one', status: 'new', completeThrough: null },
];

/** @param applications at least as many as there are samples */
export function sampleReport(applications: number): StatusReport {
  const facts = Array.from({ length: applications }, (_, index) =>
    applicationFacts({ name: `Application of region ${index}`, ...SAMPLES[index], id: String(index + 1) }),
  );
  const standings = standingsOf(facts, {
    owed: new Map([['5', { profiles: 12_345, sessions: 1_234_567, oldest: NOW - DAY }]]),
    quarantined: new Map([
      ['1', 3],
      ['0', 2],
    ]),
    granted: [{ endpoint: ENDPOINT, requestsPerSecond: 1.07 }],
    budget: [
      { endpoint: ENDPOINT, slots: 3, busy: 2 },
      { endpoint: 'POST /v1/applications/{applicationId}/customer_search', slots: 3, busy: 0 },
    ],
    jobCounts: new Map([
      ['failing', 1],
      ['up-to-date', 12],
    ]),
    jobs: [
      {
        job: 'loyalty-transactions:139',
        status: 'failing',
        lastError: 'GET /v1/loyalty_programs got no answer: ECONNRESET',
        failingSince: NOW - 7_200,
        lastFinishedAt: NOW - DAY,
        dueAt: NOW + 60,
      },
    ],
    replicas: [
      {
        owner: 'talon-one-sync-7d9f6c5b8-x2x4q-1-a1b2c3',
        version: '0.1.0',
        startedAt: NOW - DAY,
        seenAt: NOW - 5,
        applications: 6,
        trouble: null,
      },
      {
        owner: 'talon-one-sync-7d9f6c5b8-9kq2v-1-d4e5f6',
        version: '0.1.0',
        startedAt: NOW - DAY,
        seenAt: NOW - 900,
        applications: 6,
        trouble: null,
      },
    ],
  });
  const history = historyOf(worstApplications(standings, SETTINGS, 12));
  return statusReport(standings, history, SETTINGS);
}

function historyOf(ids: readonly string[]): History {
  const cycle = { finishedAt: NOW - 30, durationSeconds: 1.4, outcome: 'caught-up', error: null };
  const figures = { events: 1_234, snapshots: 567, requests: 8 };
  return {
    ids,
    buckets: ids.flatMap((id) =>
      Array.from({ length: 36 }, (_, ago) => ({
        id,
        ago,
        cycles: 10,
        events: Math.round(500 + 400 * Math.sin(ago / 4 + Number(id))),
        snapshots: 900,
        requests: 40,
        busySeconds: 60,
        lagSeconds: id === '2' ? null : 120 + ((ago * 37) % 90),
      })),
    ),
    cycles: ids.flatMap((id) =>
      Array.from({ length: 5 }, (_, index) => ({
        id,
        cycleId: `cycle-${id}-${index}`,
        ...cycle,
        ...figures,
      })),
    ),
    errors: ids.slice(0, 3).map((id) => ({
      id,
      cycleId: `5bd4e0a1-0000-4000-8000-00000000000${id}`,
      ...cycle,
      ...figures,
      outcome: 'failed',
      error: `${ENDPOINT} was answered with 503: of a customer`,
    })),
  };
}
