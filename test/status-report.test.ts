import { describe, expect, test } from 'vitest';
import { statusPage } from '../src/status/page.js';
import { causeOf } from '../src/status/public-error.js';
import { statusReport, worstApplications } from '../src/status/report.js';
import type { ApplicationFacts, History, JobFacts, Standings } from '../src/warehouse/status.js';
import { applicationFacts, DAY, NOW, replicaFacts, SETTINGS, standingsOf } from './support/standings.js';

const NO_HISTORY: History = { ids: [], buckets: [], cycles: [], errors: [] };

function reportOf(facts: Partial<ApplicationFacts>, around: Partial<Standings> = {}, history = NO_HISTORY) {
  const report = statusReport(standingsOf([applicationFacts(facts)], around), history, SETTINGS);
  const [application] = report.applications;
  if (!application) throw new Error('the report has no Application');
  return { report, application };
}

function jobFacts(changes: Partial<JobFacts>): JobFacts {
  return {
    job: 'loyalty-programs',
    status: 'failing',
    lastError: 'GET /v1/x was answered with 403: hush-hush',
    failingSince: null,
    lastFinishedAt: null,
    dueAt: NOW,
    ...changes,
  };
}

const GONE: Partial<Standings> = {
  replicas: [replicaFacts({ seenAt: NOW - 600 })],
};
const READING = {
  status: 'back-filling',
  readUntil: null,
  firstSync: NOW - 100 * DAY,
  completeThrough: null,
} as const;
const EVENTS = 'GET /v1/applications/{applicationId}/events/no_total';
const API_SAYS = (status: number) =>
  `GET /v1/applications/{applicationId}/events/no_total was answered with ${status}: hush-hush of jane@example.com`;

describe('the state of an Application in words', () => {
  test.each<[string, string, Partial<ApplicationFacts>, Partial<Standings>?]>([
    ['up to date', 'good', {}],
    ['waiting for its first cycle', 'busy', { status: 'new', completeThrough: null }],
    ['reading its first page', 'busy', { status: 'new', completeThrough: null, isHeld: true }],
    ['back-filling, 41 %', 'busy', { ...READING, lastSync: NOW - 59 * DAY }],
    [
      'back-filling, 41 %, about 2 h left at 3 requests a second',
      'busy',
      // 9 days within 1000 s, and 59 are left: 59 / 9 * 1000 s.
      {
        ...READING,
        lastSync: NOW - 59 * DAY,
        isHeld: true,
        paceFrom: NOW - 68 * DAY,
        paceSince: NOW - 1_000,
      },
    ],
    // Half as quick as time itself: there is no end to tell.
    [
      'back-filling, 41 %',
      'busy',
      {
        ...READING,
        lastSync: NOW - 59 * DAY,
        isHeld: true,
        paceFrom: NOW - 59 * DAY - 500,
        paceSince: NOW - 1_000,
      },
    ],
    ['back-filling, 99 %', 'busy', { ...READING, lastSync: NOW - 60 }],
    ['back-filling', 'busy', { ...READING, firstSync: null, lastSync: NOW - DAY }],
    // 12,000 sessions one by one, three a second.
    [
      'fetching 12,345 profiles and sessions, about 67 min left at 3 requests a second',
      'busy',
      { status: 'back-filling', completeThrough: null, isHeld: true },
      { owed: new Map([['1', { profiles: 345, sessions: 12_000, oldest: NOW - DAY }]]) },
    ],
    // The cycle of a first sync that has read all events is not up to date yet, whatever an older version noted.
    [
      'fetching 3 profiles and sessions, less than a minute left at 3 requests a second',
      'busy',
      { status: 'up-to-date', completeThrough: null, isHeld: true },
      { owed: new Map([['1', { profiles: 1, sessions: 2, oldest: NOW - 30 }]]) },
    ],
    ['finishing a back-fill', 'busy', { status: 'back-filling', completeThrough: null }, { owed: undefined }],
    // Of the events 41 % are read, and what they owe is 41 % of what will be owed: 9 days in 1,000 s, 59 days left, and
    // then 10,000 sessions at three a second.
    [
      'back-filling, 41 %, about 3 h left at 3 requests a second',
      'busy',
      {
        ...READING,
        lastSync: NOW - 59 * DAY,
        isHeld: true,
        paceFrom: NOW - 68 * DAY,
        paceSince: NOW - 1_000,
      },
      { owed: new Map([['1', { profiles: 0, sessions: 4_100, oldest: NOW - 90 * DAY }]]) },
    ],
    // A busy shop whose cycle has several pages.
    ['up to date', 'good', { status: 'back-filling', isHeld: true }],
    [
      'waiting for 2 profiles and sessions',
      'busy',
      { status: 'back-filling', completeThrough: NOW - DAY },
      { owed: new Map([['1', { profiles: 0, sessions: 2, oldest: NOW - DAY }]]) },
    ],
    [
      'back-filling, 41 %, about 2 h left at 1 request a second, all that the API grants (429)',
      'busy',
      {
        ...READING,
        lastSync: NOW - 59 * DAY,
        isHeld: true,
        paceFrom: NOW - 68 * DAY,
        paceSince: NOW - 1_000,
      },
      { granted: [{ endpoint: EVENTS, requestsPerSecond: 1.04 }] },
    ],
    // What is granted of sessions says nothing about events, and the other way round.
    [
      'fetching 3,600 profiles and sessions, about 60 min left at 1 request a second, all that the API grants (429)',
      'busy',
      { status: 'back-filling', completeThrough: null, isHeld: true },
      {
        owed: new Map([['1', { profiles: 0, sessions: 3_600, oldest: NOW - DAY }]]),
        granted: [
          { endpoint: EVENTS, requestsPerSecond: 0.1 },
          { endpoint: 'GET /v1/applications/{applicationId}/sessions/{sessionId}', requestsPerSecond: 1 },
        ],
      },
    ],
    ['no longer copied', 'good', { isWanted: false, status: 'failing', dueAt: NOW - DAY }],
    [
      'waiting for the API: 429',
      'busy',
      { status: 'failing', failingSince: NOW - 60, lastError: API_SAYS(429) },
    ],
    [
      'waiting for the API: 503',
      'bad',
      { status: 'failing', failingSince: NOW - 3_600, lastError: API_SAYS(503) },
    ],
    [
      'waiting for the API: no answer',
      'busy',
      {
        status: 'failing',
        failingSince: NOW,
        lastError: 'GET /v1/x got no answer: connect ECONNREFUSED 10.0.0.1:443',
      },
    ],
    [
      'waiting for the API: too slow',
      'busy',
      { status: 'failing', failingSince: NOW, lastError: 'GET /v1/x was not answered completely in time' },
    ],
    ['failing', 'busy', { status: 'failing', failingSince: NOW, lastError: 'something of ours' }],
    // It goes on again, though the cycle that would say so has not ended.
    [
      'back-filling, 41 %',
      'busy',
      {
        ...READING,
        status: 'failing',
        failingSince: NOW - 3_600,
        lastError: 'something of ours',
        lastSync: NOW - 59 * DAY,
        isHeld: true,
        paceFrom: NOW - 60 * DAY,
        paceSince: NOW - 5,
      },
    ],
    ['not authorised', 'bad', { status: 'unauthorised', failingSince: NOW, lastError: API_SAYS(401) }],
    ['waiting for its turn for 20 min', 'bad', { dueAt: NOW - 1_200 }],
    ['up to date', 'good', { dueAt: NOW - 1_200, isHeld: true }],
    [
      'fetching 1 profile or session, less than a minute left at 3 requests a second',
      'busy',
      // A repair found an old event.
      { dueAt: NOW },
      { owed: new Map([['1', { profiles: 0, sessions: 1, oldest: NOW - 3_600 }]]) },
    ],
    // What was touched a moment ago is about to be fetched.
    ['up to date', 'good', {}, { owed: new Map([['1', { profiles: 5, sessions: 5, oldest: NOW - 60 }]]) }],
    ['stopped', 'bad', {}, GONE],
    ['stopped', 'bad', { status: 'unauthorised', lastError: API_SAYS(401) }, { replicas: [] }],
  ])('%s (%s)', (words, tone, facts, around) => {
    expect(reportOf(facts, around).application).toMatchObject({ words, tone });
  });

  test('the time left of the snapshots follows from the last hours', () => {
    const bucket = { id: '1', ago: 1, cycles: 3, events: 0, requests: 9, lagSeconds: null };
    const history = {
      ...NO_HISTORY,
      ids: ['1'],
      buckets: [{ ...bucket, snapshots: 1_000, busySeconds: 100 }],
    };
    const owed = new Map([['1', { profiles: 0, sessions: 72_000, oldest: NOW - DAY }]]);
    const first = { status: 'back-filling', completeThrough: null, isHeld: true } as const;
    expect(reportOf(first, { owed }, history).application.words).toBe(
      'fetching 72,000 profiles and sessions, about 2 h left at 3 requests a second',
    );
    // Lists may do with far fewer requests than one for each session.
    const settings = { ...SETTINGS, sessionSource: 'auto' } as const;
    const report = statusReport(standingsOf([applicationFacts(first)], { owed }), NO_HISTORY, settings);
    expect(report.applications[0]?.words).toBe(
      'fetching 72,000 profiles and sessions, at most 7 h left at 3 requests a second',
    );
  });

  test('an Application among the worst has a card, also before its first cycle has ended', () => {
    const history = { ...NO_HISTORY, ids: ['1'] };
    const { application, report } = reportOf({ ...READING, lastSync: NOW - 59 * DAY }, {}, history);
    expect(application.details).toMatchObject({ cycles: [], errors: [] });
    const page = statusPage(report, false);
    expect(page).toMatch(/class="card".*<progress max="100" value="41"/s);
    // Requests are counted when a cycle ends.
    expect(page).not.toMatch(/no cycle of the last|<dt>Requests/);
  });
});

describe('the headline answers: is my data complete, until when, and if not why', () => {
  test('when it is', () => {
    expect(reportOf({}).report).toMatchObject({
      tone: 'good',
      headline: 'All data is complete until 2026-01-31 11:58:00 UTC',
      completeThrough: '2026-01-31T11:58:00Z',
    });
  });

  test('when one of many is behind', () => {
    const facts = [
      applicationFacts({ id: '1' }),
      applicationFacts({
        id: '2',
        name: 'Store',
        status: 'unauthorised',
        lastError: API_SAYS(403),
        completeThrough: NOW - DAY,
      }),
    ];
    expect(statusReport(standingsOf(facts), NO_HISTORY, SETTINGS)).toMatchObject({
      tone: 'bad',
      headline: 'Data is complete only until 2026-01-30 12:00:00 UTC',
      why: '1 of 2 Applications is not up to date. The worst is Store: not authorised.',
    });
  });

  test('when nothing is complete yet', () => {
    const { report } = reportOf({ ...READING, lastSync: NOW - 59 * DAY });
    expect(report).toMatchObject({ headline: 'Data is not complete yet', why: 'Shop: back-filling, 41 %.' });
  });

  test('when no daemon runs', () => {
    const { report } = reportOf({}, GONE);
    expect(report).toMatchObject({
      tone: 'bad',
      headline: 'Nothing runs: data is complete only until 2026-01-31 11:58:00 UTC',
    });
  });

  test('when no Application is known', () => {
    const report = statusReport(
      standingsOf([], { replicas: [replicaFacts({ applications: null })] }),
      NO_HISTORY,
      SETTINGS,
    );
    expect(report).toMatchObject({ tone: 'busy', headline: 'No Application is known yet' });
  });

  test('when the key was refused before any Application was known', () => {
    const trouble = 'GET /v1/applications was answered with 401: {"message":"hush-hush of jane@example.com"}';
    const replicas = [replicaFacts({ applications: null, trouble })];
    const report = statusReport(standingsOf([], { replicas }), NO_HISTORY, SETTINGS);
    expect(report).toMatchObject({
      tone: 'bad',
      headline: 'Nothing is copied: no Application is known',
      why: expect.stringMatching(
        /^The Applications could not be listed: GET \/v1\/applications was answered with 401\. Talon\.One refuses the key: /,
      ),
    });
    expect(JSON.stringify(report)).not.toMatch(/jane|hush/);
  });

  test('when the key is refused at a later start, and the Applications are known from before', () => {
    const trouble = 'GET /v1/applications was answered with 401';
    const { report } = reportOf({}, { replicas: [replicaFacts({ applications: null, trouble })] });
    expect(report).toMatchObject({
      tone: 'bad',
      headline: 'Data is complete only until 2026-01-31 11:58:00 UTC',
      why: expect.stringContaining('answered with 401'),
    });
    // One of a process that has died says nothing.
    const replicas = [replicaFacts(), replicaFacts({ seenAt: NOW - 600, trouble })];
    expect(reportOf({}, { replicas }).report.tone).toBe('good');
  });

  test('when the key can see none', () => {
    const replicas = [replicaFacts({ applications: 0 })];
    expect(statusReport(standingsOf([], { replicas }), NO_HISTORY, SETTINGS)).toMatchObject({
      tone: 'bad',
      headline: 'The key can see no Application',
    });
  });

  const UNTIL = '2026-01-31 11:58:00 UTC';
  const counts = (entries: Record<string, number>) => ({ jobCounts: new Map(Object.entries(entries)) });
  test.each<[string, string, Partial<Standings>]>([
    [
      `Events, profiles and sessions are complete until ${UNTIL}, except 4 quarantined records`,
      'busy',
      // One of them of loyalty, which belongs to no Application.
      { quarantined: new Map([['1', 3], ['0', 1]]) }, // biome-ignore format: one line
    ],
    [
      `Events, profiles and sessions are complete until ${UNTIL}; 3 jobs fail`,
      'bad',
      { ...counts({ failing: 3, 'up-to-date': 9 }), jobs: [jobFacts({ failingSince: NOW - 7_200 })] },
    ],
    [
      `Events, profiles and sessions are complete until ${UNTIL}; 1 job fails`,
      'bad',
      { ...counts({ revoked: 1 }), jobs: [jobFacts({ status: 'revoked' })] },
    ],
    [
      `Events, profiles and sessions are complete until ${UNTIL}; 2 jobs are still reading`,
      'busy',
      counts({ behind: 2 }),
    ],
    // A key made for events alone: nothing to do, but not all data.
    [
      `Events, profiles and sessions are complete until ${UNTIL}; the key may not do 5 jobs`,
      'good',
      { ...counts({ unauthorised: 5 }), jobs: [jobFacts({ status: 'unauthorised' })] },
    ],
    [`All data is complete until ${UNTIL}`, 'good', counts({ 'up-to-date': 9 })],
  ])('%s (%s)', (headline, tone, around) => {
    expect(reportOf({}, around).report).toMatchObject({ headline, tone });
  });

  test('what nobody copies any more is not what keeps the data from being complete', () => {
    const gone = applicationFacts({
      id: '2',
      isWanted: false,
      completeThrough: NOW - 9 * DAY,
      status: 'failing',
    });
    const around = { quarantined: new Map([['2', 7]]) };
    const report = statusReport(standingsOf([gone, applicationFacts()], around), NO_HISTORY, SETTINGS);
    expect(report).toMatchObject({ tone: 'good', headline: `All data is complete until ${UNTIL}` });
    expect(report.applications.map(({ id }) => id)).toEqual(['1', '2']);
  });

  test('the process that serves the page runs, whatever Postgres has heard of it', () => {
    const standings = standingsOf([applicationFacts({ isHeld: true })], GONE);
    const settings = { ...SETTINGS, owner: 'replica-1' };
    expect(statusReport(standings, NO_HISTORY, settings)).toMatchObject({
      tone: 'good',
      replicas: [{ isAlive: true }],
    });
  });
});

describe('with "once" from cron instead of a daemon', () => {
  const runs = (lastEnd: number, gap: number): Partial<Standings> => ({
    replicas: [],
    onceRuns: [0, 1, 2].map((index) => ({
      startedAt: lastEnd - 60 - index * gap,
      endedAt: lastEnd - index * gap,
      outcome: 'done' as const,
      trouble: null,
    })),
  });

  test.each<[string, string, string, Partial<Standings>]>([
    [
      'up to date as of the last "once", 3 min ago',
      'good',
      'All data is complete until 2026-01-31 11:58:00 UTC',
      runs(NOW - 180, 600),
    ],
    // Every ten minutes, but one may take longer.
    ['up to date as of the last "once", 50 min ago', 'good', 'All data is', runs(NOW - 3_000, 600)],
    ['no run since 2026-01-31 09:00:00 UTC', 'busy', 'Data is complete only until', runs(NOW - 10_800, 600)],
    // Once a day.
    ['up to date as of the last "once", 30 h ago', 'good', 'All data is', runs(NOW - 30 * 3_600, DAY)],
    ['stopped', 'bad', 'Nothing runs: ', { ...runs(NOW - 180, 600), ...GONE }],
    ['up to date', 'good', 'All data is', { ...runs(NOW - 180, 600), replicas: [replicaFacts()] }],
  ])('%s (%s)', (words, tone, headline, around) => {
    const lastCycleAt = around.onceRuns?.[0]?.endedAt ?? null;
    // Nobody is late who runs by the clock.
    const dueAt = around.replicas?.length === 0 ? NOW - 20_000 : NOW;
    const { report, application } = reportOf({ dueAt, lastCycleAt }, around);
    expect(application).toMatchObject({ words, tone });
    expect(report.headline).toContain(headline);
    expect(report.tone).toBe(tone);
  });

  test('a run that failed is said, and what it did not come to is as old as it is', () => {
    const { onceRuns = [] } = runs(NOW - 180, 600);
    const trouble = 'GET /v1/applications was answered with 401: hush-hush';
    const failed = onceRuns.map((one) => ({ ...one, outcome: 'failed' as const, trouble }));
    const { report } = reportOf({ lastCycleAt: NOW - 7_200 }, { replicas: [], onceRuns: failed });
    expect(report).toMatchObject({
      tone: 'bad',
      headline: 'Data is complete only until 2026-01-31 11:58:00 UTC',
      why: 'The last "once" failed: GET /v1/applications was answered with 401. Its last log lines say more. Shop: no run since 2026-01-31 10:00:00 UTC.',
    });
  });
});

test('the worst Applications come first, and of a thousand only some want a history', () => {
  const facts = Array.from({ length: 1_000 }, (_, index) => applicationFacts({ id: String(index + 1) }));
  facts[499] = applicationFacts({
    id: '500',
    status: 'failing',
    failingSince: NOW - DAY,
    lastError: API_SAYS(500),
  });
  facts[699] = applicationFacts({ id: '700', ...READING, lastSync: NOW - DAY });
  facts[899] = applicationFacts({ id: '900', completeThrough: NOW - 500 });
  expect(worstApplications(standingsOf(facts), SETTINGS, 4)).toEqual(['500', '700', '900', '1']);
});

test('the history of an Application has a place for every ten minutes', () => {
  const bucket = { id: '1', cycles: 1, snapshots: 0, busySeconds: 1 };
  const history = {
    ...NO_HISTORY,
    ids: ['1'],
    buckets: [
      { ...bucket, ago: 35, events: 7, requests: 1, lagSeconds: null },
      { ...bucket, ago: 0, events: 9, requests: 2, lagSeconds: 121 },
    ],
  };
  const { details } = reportOf({}, {}, history).application;
  expect(details?.events).toEqual([7, ...Array(34).fill(0), 9]);
  expect(details?.lagSeconds).toEqual([...Array(35).fill(null), 121]);
});

describe('jobs', () => {
  test.each<[JobFacts['status'], string, string]>([
    ['revoked', 'bad', 'the key may not do this any more (GET /v1/x was answered with 403)'],
    ['unauthorised', 'busy', 'the key may not do this (GET /v1/x was answered with 403)'],
    ['failing', 'bad', 'failing for 2 h (GET /v1/x was answered with 403)'],
    ['behind', 'busy', 'still reading'],
  ])('%s', (status, tone, words) => {
    const job = jobFacts({ status, failingSince: NOW - 7_200 });
    expect(reportOf({}, { jobs: [job] }).report.jobs.worst).toEqual([
      { job: 'loyalty-programs', tone, words, lastFinishedAt: null },
    ]);
  });
});

describe('an error on the page', () => {
  test.each([
    [API_SAYS(400), 'GET /v1/applications/{applicationId}/events/no_total was answered with 400'],
    [
      'POST /v1/x was answered with 200, but not with what was asked for: data: must be a list (it begins with: {"name":"Jane"})',
      'POST /v1/x was answered with 200, but not with what was asked for',
    ],
    [
      'GET /v1/x got no answer: getaddrinfo ENOTFOUND jane.example.com',
      'GET /v1/x got no answer (ENOTFOUND)',
    ],
    ['invalid input syntax for type bigint: "Jane"', 'invalid input syntax for type bigint'],
    ["can't read customer 'Jane'", 'can'],
    ['no profile 123456 of jane@example.com hush-hush', 'no profile … of … ***'],
    ['', 'unexpected error'],
  ])('has nothing of a customer and no secret: %j', (message, text) => {
    expect(causeOf(message, SETTINGS.scrub).text).toBe(text);
  });
});
