import { describe, expect, test } from 'vitest';
import { seconds } from '../src/instant.js';
import { startOfWindow } from '../src/sync/reading.js';
import { type Design, sound, startOfReading } from './model/design.js';
import { type Exploration, type ExploreOptions, explore, follow } from './model/explore.js';
import { everythingIsFresh } from './model/invariants.js';
import { initialState } from './model/state.js';
import { EVENTS, LATENESS } from './model/timeline.js';

// Two replicas, a crash at any step, a lease that expires while its holder pauses, an event that becomes visible late:
// every order of all steps is tried, and the promises of docs/reliability.md are checked in every state. Then each rule of the
// protocol is left out, and the shortest way into trouble is shown. test/model.pg.test.ts holds the steps of the model
// against Postgres.

/** One replica, and nothing goes wrong. */
const calm = { ...initialState, crashesLeft: 0, pausesLeft: 0, cycles: [null] };
/** The late event is in time. */
const punctual = { ...initialState, isLateVisible: true };

function exploreWith(defects: Partial<Design>, options?: ExploreOptions): Exploration {
  return explore({ ...sound, ...defects }, options);
}

/** The shortest way to a state that breaks a rule, a step a line, the broken rule last. */
function counterExample(defects: Partial<Design>, options?: ExploreOptions): string {
  return `\n${exploreWith(defects, options).counterExample?.join('\n') ?? 'none'}\n`;
}

test('in every order of all steps every rule holds in every state, and the end can be reached from each', () => {
  const { counterExample: broken, stuck, states, transitions } = exploreWith({});
  expect(broken).toBeUndefined();
  expect(stuck).toEqual([]);
  // What was explored when the model was made: it must not shrink unnoticed.
  expect(states).toBeGreaterThanOrEqual(98_000);
  expect(transitions).toBeGreaterThanOrEqual(612_000);
}, 120_000);

test('the writers allow snapshots to be fetched while events are stored', () => {
  const {
    counterExample: broken,
    stuck,
    states,
  } = exploreWith({ snapshotsBesideEvents: true }, { start: calm });
  expect(broken).toBeUndefined();
  expect(stuck).toEqual([]);
  expect(states).toBeGreaterThanOrEqual(5_000);
});

test('the model begins a reading where the daemon does', () => {
  for (const lookback of [0, 1, 30, 120]) {
    for (const lastSync of EVENTS.map(({ created }) => created)) {
      const cursor = { lastSync: seconds(lastSync), readUntil: undefined, failures: 0 };
      const start = startOfReading(lastSync, { ...sound, lookback });
      expect(startOfWindow(cursor, seconds(lookback))).toBe(seconds(start));
    }
  }
});

describe('the shortest way into trouble without', () => {
  test('the events in the transaction that moves the cursor', () => {
    const defects = { cursorBeforeInsert: true, lookback: 0, pageSize: 2 };
    expect(counterExample(defects, { start: punctual })).toMatchInlineSnapshot(`
      "
      A takes the lease
      A fetches the page of late, first
      A moves the cursor
      not stored, and will not be read any more: late
      "
    `);
  });

  test('owed snapshots in the database', () => {
    expect(counterExample({ owedInMemory: true })).toMatchInlineSnapshot(`
      "
      A takes the lease
      A fetches the page of first
      A stores first
      neither owed nor fetched since it was stored: first
      "
    `);
  });

  test('the fence', () => {
    expect(counterExample({ fenceUnchecked: true })).toMatchInlineSnapshot(`
      "
      A takes the lease
      the lease expires while its holder pauses
      B takes the lease
      A renews its lease
      something was written under an outdated fence
      "
    `);
  });

  // Versions of owed rows begin again at 1, so a writer of the past can settle what it never fetched.
  test('the fence, judged by what it does to the tables', () => {
    const design = { ...sound, fenceUnchecked: true };
    const end = follow(design, [
      'A takes the lease',
      'the lease expires while its holder pauses',
      'A fetches the page of first',
      'A fetches the page of no event',
      'B takes the lease',
      'A stores first',
      'A stores an empty page',
      'A finds the profile owed',
      'B fetches the page of first',
      'the late event becomes visible',
      'B fetches the page of no event',
      'B stores first',
      'B stores an empty page',
      'B finds the profile owed',
      'A stores the profile',
      'A ends its cycle',
      'A takes the lease',
      'A fetches the page of late',
      'A stores late',
      'B stores the profile',
    ]);
    expect(everythingIsFresh(end, design)).toBe('neither owed nor fetched since it was stored: late');
  });

  test('the version that a newer event raises', () => {
    const defects = { settlesAlways: true, snapshotsBesideEvents: true };
    expect(counterExample(defects, { start: calm })).toMatchInlineSnapshot(`
      "
      the late event becomes visible
      A takes the lease
      A fetches the page of late
      A fetches the page of first
      A stores late
      A finds the profile owed
      A asks for the profile
      A stores first
      A stores the profile
      neither owed nor fetched since it was stored: first
      "
    `);
  });

  test('a look-back', () => {
    expect(counterExample({ lookback: 0 })).toMatchInlineSnapshot(`
      "
      A takes the lease
      A fetches the page of first
      A stores first
      not stored, and will not be read any more: late
      "
    `);
  });

  test('a look-back as long as events are late', () => {
    expect(counterExample({ lookback: LATENESS / 2 })).toMatchInlineSnapshot(`
      "
      A takes the lease
      A fetches the page of first
      A fetches the page of no event
      A stores first
      A stores an empty page
      A ends its cycle
      complete_through has passed what is not stored with its profile: late
      "
    `);
  });

  test('counting the look-back from the page that came close to the present, not from the last one', () => {
    expect(counterExample({ lookbackFromLastPage: true })).toMatchInlineSnapshot(`
      "
      A takes the lease
      A fetches the page of first
      the late event becomes visible
      the server's clock shows 50 s
      A fetches the page of new
      A stores first
      A fetches the page of no event
      A stores new
      A stores an empty page
      not stored, and will not be read any more: late
      "
    `);
  });

  test('a key for each event', () => {
    expect(counterExample({ insertsAgain: true })).toMatchInlineSnapshot(`
      "
      A takes the lease
      A fetches the page of first
      A stores first
      the lease expires while its holder pauses
      B takes the lease
      B fetches the page of first
      B stores first
      something was stored twice
      "
    `);
  });
});
