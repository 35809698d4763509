import type { SimulatedApplication } from './application.js';
import { type ApiRequest, applicationOf, type Endpoint, switchesFor } from './endpoint.js';
import type { EventList } from './event-list.js';
import { type Envelope, makePage, type Page } from './page.js';
import {
  PAGING,
  type Paging,
  type ParameterType,
  type Query,
  readPaging,
  readQuery,
  requireLength,
} from './query.js';
import { notFound } from './refusal.js';
import { json } from './reply.js';
import type { Switches } from './switches.js';
import { formatMicros, SECOND } from './timestamp.js';

const OLD_FILTERS: Record<string, ParameterType> = {
  ...PAGING,
  sort: 'text',
  type: 'text',
  createdBefore: 'date-time',
  createdAfter: 'date-time',
  session: 'text',
  profile: 'text',
  customerName: 'text',
  customerEmail: 'text',
  couponCode: 'text',
  referralCode: 'text',
  ruleQuery: 'text',
  campaignQuery: 'text',
};

const listEvents: Endpoint = {
  method: 'GET',
  template: '/v1/applications/{applicationId}/events/no_total',
  answer: (request) => {
    if (switchesFor(request).envelope === 'old') throw notFound('Path');
    return json(
      eventsPage(request, { ...OLD_FILTERS, effectType: 'text' }, { hasMore: true, totalResultSize: false }),
    );
  },
};

/** Removed from the documentation in 2021; whether servers still have it is not known. */
const listEventsOld: Endpoint = {
  method: 'GET',
  template: '/v1/applications/{applicationId}/events',
  answer: (request) => {
    if (switchesFor(request).envelope !== 'old') throw notFound('Path');
    return json(eventsPage(request, OLD_FILTERS, { hasMore: false, totalResultSize: true }));
  },
};

function eventsPage(request: ApiRequest, filters: Record<string, ParameterType>, envelope: Envelope): Page {
  const application = applicationOf(request);
  const switches = switchesFor(request);
  const query = readQuery(request.search, filters);
  requireLength(query, 'customerName', 2);
  requireLength(query, 'customerEmail', 2);
  const asked = readPaging(query, switches);
  const list = request.world.eventList(application);
  if (asked.skip > 0) shiftRows(application, list, query, asked, switches);
  const paging = pastEmptyPages(asked, switches);
  if (paging === undefined) {
    const { from, to } = list.window(query, switches);
    const empty = makePage([], to - from, asked, switches, envelope);
    return empty.hasMore === undefined ? empty : { ...empty, hasMore: true };
  }
  const { rows, total } = list.select(query, paging, switches);
  const texts = rows.map((row) => application.textOf(row));
  return makePage(texts, total, paging, switches, envelope);
}

/** Undefined where the page is empty although more follows: as if its rows had been hidden after they were counted. */
function pastEmptyPages(paging: Paging, switches: Switches): Paging | undefined {
  const holes = switches.emptyPagesAtSkip;
  if (holes.includes(paging.skip)) return undefined;
  const passed = holes.filter((hole) => hole < paging.skip).length;
  return { ...paging, skip: Math.max(0, paging.skip - passed * paging.pageSize) };
}

/** What an offset is unsafe against: rows that come and go before it while a client pages. */
function shiftRows(
  application: SimulatedApplication,
  list: EventList,
  query: Query,
  paging: Paging,
  switches: Switches,
): void {
  const { events } = application;
  const before = list.window(query, switches);
  for (let left = switches.shiftingRemove; left > 0 && before.to - before.from > left; left -= 1) {
    application.removeEvent(events.ids.idOf(events.byCreated.at(before.from)) ?? '');
  }
  if (switches.shiftingInsert === 0) return;
  const window = list.window(query, switches);
  const middle = window.from + (Math.min(paging.skip, window.to - window.from) - 1) / 2;
  const isEmpty = window.to === window.from;
  const at = isEmpty
    ? application.now() - SECOND
    : events.created.get(events.byCreated.at(Math.floor(middle)));
  application.emit(switches.shiftingInsert, { created: formatMicros(at), visibleInMs: 0 });
}

export const eventEndpoints: readonly Endpoint[] = [listEvents, listEventsOld];
