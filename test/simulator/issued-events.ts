import { createHash } from 'node:crypto';
import type { SimulatedApplication } from './application.js';
import { formatMicros, type Micros } from './timestamp.js';

/** An event as a test compares it with what a client has stored. Ids are decimal text, to stay exact. */
export interface IssuedEvent {
  /** Null for a record without an id. */
  readonly id: string | null;
  /** RFC 3339 with six digits: what filters see. */
  readonly created: string;
  readonly visibleAt: string;
  readonly sessionId: string | null;
  readonly profileId: string | null;
  /** It was visible once and is not any more. */
  readonly isRemoved: boolean;
  /** The JSON, built when it is read. */
  readonly text: string;
}

/**
 * Every event that a request could have seen up to now, in the order in which they were made. Those before `offset`
 * cost nothing, so that another process can fetch them in pages.
 */
export function* issuedEvents(application: SimulatedApplication, offset = 0): Generator<IssuedEvent> {
  application.promote();
  const pending = new Set(application.pendingRows());
  const { count, dropped } = application.events;
  let position = -1;
  for (let row = 0; row < count; row += 1) {
    if (pending.has(row) || dropped.has(row)) continue;
    position += 1;
    if (position >= offset) yield issuedEvent(application, row);
  }
}

export function issuedCount(application: SimulatedApplication): number {
  application.promote();
  return application.events.count - application.pendingRows().length - application.events.dropped.size;
}

/** How many of them were created up to this moment. */
export function issuedCountUpTo(application: SimulatedApplication, created: Micros): number {
  application.promote();
  const pending = new Set(application.pendingRows());
  const { events } = application;
  let count = 0;
  for (let row = 0; row < events.count; row += 1) {
    if (events.created.get(row) <= created && !pending.has(row) && !events.dropped.has(row)) count += 1;
  }
  return count;
}

function issuedEvent(application: SimulatedApplication, row: number): IssuedEvent {
  const { events, sessions, profiles } = application;
  const [session, profile] = [events.session.get(row), events.profile.get(row)];
  const created = events.created.get(row);
  return {
    id: events.ids.idOf(row),
    created: formatMicros(created),
    visibleAt: formatMicros(events.visibleAt.get(row) ?? created),
    sessionId: session < 0 ? null : sessions.ids.idOf(session),
    profileId: profile < 0 ? null : profiles.ids.idOf(profile),
    isRemoved: events.removed.has(row),
    get text() {
      return application.textOf(row);
    },
  };
}

export interface IssuedDigest {
  count: number;
  firstCreated: string | null;
  lastCreated: string | null;
  /** In SQL: `md5(string_agg(event_id::text, ',' order by event_id))`. */
  idsMd5: string;
  distinctSessions: number;
  distinctProfiles: number;
}

/** Cheap to compare with a table in another process. */
export function issuedDigest(application: SimulatedApplication): IssuedDigest {
  const ids: string[] = [];
  const sessions = new Set<string>();
  const profiles = new Set<string>();
  let first: string | null = null;
  let last: string | null = null;
  for (const event of issuedEvents(application)) {
    if (event.id !== null) ids.push(event.id);
    if (event.sessionId !== null) sessions.add(event.sessionId);
    if (event.profileId !== null) profiles.add(event.profileId);
    if (first === null || event.created < first) first = event.created;
    if (last === null || event.created > last) last = event.created;
  }
  // Numerically, as SQL orders them; ids beyond 2^53 have more digits than all others.
  const isSorted = ids.every((id, index) => index === 0 || compareIds(ids[index - 1] as string, id) <= 0);
  if (!isSorted) ids.sort(compareIds);
  return {
    count: issuedCount(application),
    firstCreated: first,
    lastCreated: last,
    idsMd5: createHash('md5').update(ids.join(',')).digest('hex'),
    distinctSessions: sessions.size,
    distinctProfiles: profiles.size,
  };
}

function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : Number(a > b));
}
