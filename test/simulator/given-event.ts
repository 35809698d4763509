import type { SimulatedApplication } from './application.js';
import type { Id } from './row-ids.js';
import { stateAfter } from './session-table.js';
import { formatMicros, MILLISECOND, type Micros, parseRfc3339, requireRfc3339 } from './timestamp.js';
import { EVENT_TYPES, KIND } from './vocabulary.js';

/** An event that a test writes itself. */
export interface CustomEvent {
  /**
   * The JSON text, served byte for byte. What it says is believed where it can be read; `id`, `created`, `type`,
   * `sessionId` and `profileId` below win, and are needed where the text is broken on purpose.
   */
  payload?: string;
  /** Null: a record without an id. Default: the next one. */
  id?: Id | null;
  /** What filters and sorting see, RFC 3339. Default: the server's time. */
  created?: string;
  /** RFC 3339. Default: at once. */
  visibleAt?: string;
  /** The event appears this much later than now. */
  visibleInMs?: number;
  /** Default `talon_session_updated` with a session, else `talon_profile_updated`. */
  type?: string;
  /** Unknown ones spring into being. */
  sessionId?: Id | null;
  profileId?: Id | null;
  attributes?: unknown;
  effects?: readonly unknown[];
  /** Further members of the payload. */
  fields?: Record<string, unknown>;
}

/** Returns the row. */
export function addGivenEvent(application: SimulatedApplication, event: CustomEvent): number {
  const { events } = application;
  const said = event.payload === undefined ? {} : readPayload(event.payload);
  const created = createdOf(application, event, said);
  const profileId = idFrom(event.profileId, said.profileId);
  const sessionId = idFrom(event.sessionId, said.sessionId);
  const profile = profileId === null ? -1 : application.profiles.rowFor(profileId, created);
  const session = sessionId === null ? -1 : sessionFor(application, sessionId, created, profile);
  const type = event.type ?? typeFrom(said.type, session >= 0);
  const kind = kindOf(type);
  const step = session < 0 ? 0 : planStep(application, session, kind);
  const id = event.id !== undefined ? event.id : idFrom(undefined, said.id);
  const isGivenId = event.id !== undefined || id !== null;
  const row = events.append({ kind, created, session, profile, step }, isGivenId ? id : undefined);
  const text = event.payload ?? writePayload(application, row, event, type, profileId, sessionId);
  events.given.set(row, { type, text });
  application.publish(row, visibleAtOf(application, event));
  return row;
}

function createdOf(
  application: SimulatedApplication,
  event: CustomEvent,
  said: Record<string, unknown>,
): Micros {
  if (event.created !== undefined) return requireRfc3339(event.created, 'created');
  const read = typeof said.created === 'string' ? parseRfc3339(said.created) : undefined;
  if (read !== undefined) return read;
  application.lastCreated = application.nextCreated();
  return application.lastCreated;
}

function visibleAtOf(application: SimulatedApplication, event: CustomEvent): Micros {
  if (event.visibleAt !== undefined) return requireRfc3339(event.visibleAt, 'visibleAt');
  return application.now() + (event.visibleInMs ?? 0) * MILLISECOND;
}

function sessionFor(application: SimulatedApplication, id: Id, created: Micros, profile: number): number {
  const row = application.sessions.ids.rowOf(id, application.sessions.count);
  return row >= 0 ? row : application.sessions.append(created, profile, id);
}

function planStep(application: SimulatedApplication, session: number, kind: number): number {
  const { sessions } = application;
  sessions.plannedState.set(session, stateAfter(kind, sessions.plannedState.get(session)));
  sessions.plannedStep.add(session, 1);
  return sessions.plannedStep.get(session);
}

function kindOf(type: string): number {
  const kind = (EVENT_TYPES as readonly string[]).indexOf(type);
  return kind < 0 ? KIND.other : kind;
}

function typeFrom(said: unknown, hasSession: boolean): string {
  if (typeof said === 'string') return said;
  return hasSession ? 'talon_session_updated' : 'talon_profile_updated';
}

/** Only ids that survived JSON.parse exactly are believed. */
function idFrom(given: Id | null | undefined, said: unknown): Id | null {
  const id = given === undefined ? (Number.isSafeInteger(said) ? (said as number) : null) : given;
  return id === null || String(id) === '0' ? null : id;
}

function readPayload(text: string): Record<string, unknown> {
  // A very large payload is not worth reading twice.
  if (text.length > 1_000_000) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function writePayload(
  application: SimulatedApplication,
  row: number,
  event: CustomEvent,
  type: string,
  profileId: Id | null,
  sessionId: Id | null,
): string {
  const id = application.events.ids.idOf(row);
  const created = formatMicros(application.events.created.get(row), application.style.digits);
  const members = [
    ...(id === null ? [] : [`"id":${id}`]),
    `"created":"${created}"`,
    `"applicationId":${application.id}`,
    ...(profileId === null ? [] : [`"profileId":${profileId}`]),
    ...(sessionId === null ? [] : [`"sessionId":${sessionId}`]),
    `"type":${JSON.stringify(type)}`,
    `"attributes":${JSON.stringify(event.attributes ?? {})}`,
    `"effects":${JSON.stringify(event.effects ?? [])}`,
    ...Object.entries(event.fields ?? {}).map(
      ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
    ),
  ];
  return `{${members.join(',')}}`;
}
