import { expect } from 'vitest';
import { formatInstant, type Instant, laterOf, parseInstant, seconds } from '../../src/instant.js';
import { EventList } from '../../src/talon-one/event-list.js';
import { eventPages } from '../../src/talon-one/event-pages.js';
import type { AheadOptions } from '../../src/talon-one/pages-ahead.js';
import type { ReadPage } from '../../src/talon-one/record-list.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import type { SwitchSettings } from '../simulator/switches.js';
import { clientFor } from './management-client.js';

export const EVENTS = '/v1/applications/{applicationId}/events/no_total';
export const START = '2026-03-01T00:00:00Z';

export function instant(text: string): Instant {
  const value = parseInstant(text);
  if (value === undefined) throw new TypeError(`not RFC 3339: ${text}`);
  return value;
}

/** `count` moments from START on, equally far apart; each stands for `tie` events. */
export function moments(count: number, spanSeconds: number, tie = 1): Instant[] {
  const step = seconds(spanSeconds) / BigInt(Math.max(1, Math.ceil(count / tie)));
  // Nothing lies on a whole second or millisecond: that is where comparing too coarsely shows.
  return Array.from({ length: count }, (_, index) => {
    return instant(START) + step * BigInt(Math.floor(index / tie)) + 123_457n;
  });
}

/** Small events, made in the order of `times`: their ids rise in that order, whatever the times do. */
export function addEventsAt(sim: Simulator, times: Iterable<Instant>, applicationId = 1): string[] {
  const events = Array.from(times, (created) => ({ created: formatInstant(created) }));
  return sim.addEvents(applicationId, events);
}

/** What happens on the server before it answers the request of this number. */
export interface Change {
  readonly at: number;
  readonly habits?: SwitchSettings;
  /** Events that come in before all others, or go. */
  readonly inserted?: number;
  readonly removed?: number;
}

/**
 * Makes the changes while requests come in, until `stop` is called.
 * @param ids events that may go, in this order; `gone` are those that went
 */
export function changeMeanwhile(
  sim: Simulator,
  applicationId: number,
  ids: readonly string[],
  changes: readonly Change[],
): { readonly gone: readonly string[]; readonly stop: () => void } {
  const gone: string[] = [];
  const make = ({ habits = {}, inserted = 0, removed = 0 }: Change) => {
    sim.set(habits, applicationId);
    addEventsAt(sim, Array<bigint>(inserted).fill(instant(START)), applicationId);
    for (const id of ids.slice(gone.length, gone.length + removed)) {
      sim.removeEvent(applicationId, id);
      gone.push(id);
    }
  };
  let requests = 0;
  const stop = sim.onRequest(() => {
    requests += 1;
    for (const change of changes) if (change.at === requests) make(change);
  });
  return { gone, stop };
}

/** Other order, same members, the same in every run. */
export function shuffled<T>(items: readonly T[]): T[] {
  const rest = [...items];
  return items.map((_, index) => rest.splice((index * 7919) % rest.length, 1)[0] as T);
}

export function eventList(sim: Simulator, pageSize = 1000, applicationId = 1): EventList {
  return new EventList(clientFor(sim), String(applicationId), pageSize);
}

/** Reads ahead from the fifth page on, whatever it waits for, and guesses again as soon as a guess was wrong. */
export const EAGER: AheadOptions = { parallel: 3, lookback: 0n, now: () => 0, pauseAfterMiss: 1 };

export interface ReadingOptions {
  readonly applicationId?: number;
  readonly pageSize?: number;
  /** Where to begin, RFC 3339. Default: a little before START. */
  readonly from?: string;
  /** More requests than this count as an endless loop. */
  readonly mostRequests: number;
  /** What an earlier reading has learned about the server. Default: a fresh list. */
  readonly list?: EventList;
  /** Events this much older than `lastSync` may still come: the next cycle would read them again. Default 0. */
  readonly lookbackSeconds?: number;
  /** Default: one page after the other. */
  readonly ahead?: AheadOptions | undefined;
  /** Told of every page; here a test may change the server. */
  readonly onPage?: (page: ReadPage, number: number) => void;
}

export interface Reading {
  /** Every event that was returned, as decimal text. */
  readonly ids: ReadonlySet<string>;
  /** Events returned, repeated ones counted again. */
  readonly rows: number;
  readonly requests: number;
  readonly pages: number;
  readonly lastSync: Instant;
  readonly readUntil: Instant | undefined;
  readonly isCaughtUp: boolean;
}

/**
 * Reads all events as a cycle does. After every page it checks the promise behind the cursor: of the events that were
 * there when the reading began, every one up to `lastSync` has been returned.
 */
export async function readEvents(sim: Simulator, options: ReadingOptions): Promise<Reading> {
  const { applicationId = 1, pageSize = 1000, mostRequests } = options;
  const from = instant(options.from ?? '2026-02-28T23:59:00Z');
  const list = options.list ?? eventList(sim, pageSize, applicationId);
  const promise = new CursorPromise(sim, applicationId, from);
  const ids = new Set<string>();
  const reading = { ids, rows: 0, pages: 0, lastSync: from, isCaughtUp: false };
  let readUntil: Instant | undefined;
  let requests = 0;
  const context = {
    signal: new AbortController().signal,
    onAttempt: () => {
      requests += 1;
      if (requests > mostRequests) throw new Error(`more than ${mostRequests} requests`);
    },
  };
  for await (const eventPage of eventPages(list, from, context, options.ahead)) {
    expect(reading.isCaughtUp, 'a page follows the last one').toBe(false);
    for (const record of eventPage.page.data) ids.add(String((record as { id: unknown }).id));
    reading.rows += eventPage.page.data.length;
    reading.pages += 1;
    reading.isCaughtUp = eventPage.isCaughtUp;
    readUntil = eventPage.readUntil;
    if (eventPage.lastSync !== undefined) {
      reading.lastSync = laterOf(reading.lastSync, eventPage.lastSync);
      promise.check(ids, reading.lastSync - seconds(options.lookbackSeconds ?? 0));
    }
    options.onPage?.(eventPage, reading.pages);
  }
  return { ...reading, requests, readUntil };
}

class CursorPromise {
  private readonly events: readonly { id: string; created: Instant }[];
  private checked = 0;

  constructor(
    private readonly sim: Simulator,
    private readonly applicationId: number,
    from: Instant,
  ) {
    this.events = [...sim.issuedEvents(applicationId)]
      .filter((event) => !event.isRemoved && event.id !== null)
      .map((event) => ({ id: event.id ?? '', created: instant(event.created) }))
      .filter((event) => event.created > from)
      .sort((a, b) => (a.created < b.created ? -1 : Number(a.created > b.created)));
  }

  check(returned: ReadonlySet<string>, lastSync: Instant): void {
    for (let event = this.events[this.checked]; event; event = this.events[this.checked]) {
      if (event.created > lastSync) return;
      if (!returned.has(event.id) && !this.isRemoved(event.id)) {
        const [cursor, created] = [lastSync, event.created].map(formatInstant);
        throw new Error(`lastSync is ${cursor}, but event ${event.id} of ${created} was never returned`);
      }
      this.checked += 1;
    }
  }

  private isRemoved(id: string): boolean {
    return [...this.sim.issuedEvents(this.applicationId)].some((event) => event.id === id && event.isRemoved);
  }
}

/** The expected ids that are not there. */
export function missing(ids: ReadonlySet<string>, expected: Iterable<string>): string[] {
  return [...expected].filter((id) => !ids.has(id));
}

/** The largest offset that was asked for. */
export function deepestSkip(sim: Simulator): number {
  return Math.max(...sim.requests.map(({ query }) => Number(new URLSearchParams(query).get('skip') ?? 0)));
}
