import { describe, expect, test } from 'vitest';
import { causeOf } from '../src/status/public-error.js';
import { statusReport, worstApplications } from '../src/status/report.js';
import type { ApplicationFacts, History, JobFacts, Standings } from '../src/warehouse/status.js';
import { applicationFacts, DAY, NOW, SETTINGS, standingsOf } from './support/standings.js';

const NO_HISTORY: History = { buckets: [], cycles: [], errors: [] };

function reportOf(facts: Partial<ApplicationFacts>, around: Partial<Standings> = {}, history = NO_HISTORY) {
  const report = statusReport(standingsOf([applicationFacts(facts)], around), history, SETTINGS);
  const [application] = report.applications;
  if (!application) throw new Error('the report has no Application');
  return { report, application };
}

const GONE: Partial<Standings> = {
  replicas: [{ owner: 'replica-1', version: '0.1.0', startedAt: NOW - DAY, seenAt: NOW - 600 }],
};
const READING = {
  status: 'back-filling',
  readUntil: null,
  firstSync: NOW - 100 * DAY,
  completeThrough: null,
} as const;
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
    [
      'fetching 12,345 profiles and sessions',
      'busy',
      { status: 'back-filling' },
      { owed: new Map([['1', { profiles: 345, sessions: 12_000, oldest: NOW - DAY }]]) },
    ],
    ['finishing a back-fill', 'busy', { status: 'back-filling' }, { owed: undefined }],
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
      'waiting for 1 profile or session',
      'busy',
      {},
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
    const history = { ...NO_HISTORY, buckets: [{ ...bucket, snapshots: 1_000, busySeconds: 100 }] };
    const owed = new Map([['1', { profiles: 0, sessions: 72_000, oldest: NOW - DAY }]]);
    const { application } = reportOf({ status: 'back-filling' }, { owed }, history);
    expect(application.words).toBe('fetching 72,000 profiles and sessions, about 2 h left');
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
    const report = statusReport(standingsOf([]), NO_HISTORY, SETTINGS);
    expect(report).toMatchObject({ tone: 'busy', headline: 'No Application is known yet' });
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
    ['unauthorised', 'busy', 'the key may not do this (GET /v1/x was answered with 403)'],
    ['failing', 'bad', 'failing for 2 h (GET /v1/x was answered with 403)'],
    ['behind', 'busy', 'still reading'],
  ])('%s', (status, tone, words) => {
    const job = {
      job: 'loyalty-programs',
      status,
      lastError: 'GET /v1/x was answered with 403: hush-hush',
      failingSince: NOW - 7_200,
      lastFinishedAt: null,
      dueAt: NOW,
    };
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
