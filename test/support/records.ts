import { EventList } from '../../src/talon-one/event-list.js';
import type { HttpRequest, SendRequest } from '../../src/talon-one/http.js';
import { ManagementClient } from '../../src/talon-one/management.js';
import type { RecordListPage } from '../../src/talon-one/record-list.js';
import type { Lease } from '../../src/warehouse/cursor.js';
import { type EventPageWrite, writeEventPage } from '../../src/warehouse/event-writer.js';
import type { StoreCounts } from '../../src/warehouse/record-page.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import { quickRetry } from './management-client.js';

// Answers of the API as a test writes them, read by the client as if they had come over the network.

type Records = readonly string[] | string;

/** A client whose requests are answered with this list, or with this one record. */
export function clientAnswering(
  answer: (request: HttpRequest) => Records | Promise<Records>,
): ManagementClient {
  const send: SendRequest = async (request) => {
    const records = await answer(request);
    const text = typeof records === 'string' ? records : `{"hasMore":false,"data":[${records.join(',')}]}`;
    return { status: 200, text, serverTime: undefined };
  };
  return new ManagementClient(send, quickRetry);
}

/** What the client makes of an answer with these events. */
export async function eventPage(records: readonly string[]): Promise<RecordListPage> {
  const list = new EventList(
    clientAnswering(() => records),
    '1',
    1000,
  );
  return list.page({ after: 0n, skip: 0 }, { signal: new AbortController().signal });
}

export interface EventFields {
  readonly id?: number | string;
  readonly created?: string;
  readonly profileId?: number | string | null;
  readonly sessionId?: number | string | null;
  readonly type?: string;
  /** JSON text. */
  readonly effects?: string;
  /** JSON text. */
  readonly attributes?: string;
  /** Further members as JSON text, beginning with a comma. */
  readonly more?: string;
}

/** The JSON text of one event. */
export function event(fields: EventFields = {}): string {
  const { id = 1, created = '2026-01-15T12:00:00.123456Z', type = 'talon_session_updated' } = fields;
  const { profileId, sessionId, effects = '[]', attributes = '{}', more = '' } = fields;
  const profile = profileId === undefined ? '' : `,"profileId":${profileId}`;
  const session = sessionId === undefined ? '' : `,"sessionId":${sessionId}`;
  return `{"id":${id},"created":"${created}"${profile}${session},"type":"${type}","attributes":${attributes},"effects":${effects}${more}}`;
}

/** Stores these events as one page. */
export async function storeEvents(
  warehouse: Warehouse,
  lease: Lease,
  records: readonly string[],
  options: Partial<Pick<EventPageWrite, 'advance' | 'normalizeEffects' | 'prepare'>> = {},
): Promise<StoreCounts> {
  const { advance = {}, normalizeEffects = true, ...more } = options;
  const page = await eventPage(records);
  return writeEventPage(warehouse, { lease, page, advance, normalizeEffects, ...more });
}
