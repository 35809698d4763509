import type { SimulatedApplication } from './application.js';
import { applicationOf, type Endpoint, switchesFor } from './endpoint.js';
import { positionsOf } from './event-list.js';
import { makePage } from './page.js';
import {
  PAGING,
  type ParameterType,
  type Query,
  readOrder,
  readPaging,
  readQuery,
  readTime,
} from './query.js';
import { badParameter, notFound } from './refusal.js';
import { json } from './reply.js';
import { sessionFacts, sessionText } from './session-text.js';
import type { Switches } from './switches.js';
import { SESSION_STATES } from './vocabulary.js';
import { createdWindow } from './window.js';

const FILTERS: Record<string, ParameterType> = {
  ...PAGING,
  sort: 'text',
  partialMatch: 'boolean',
  profile: 'text',
  state: SESSION_STATES,
  createdBefore: 'date-time',
  createdAfter: 'date-time',
  coupon: 'text',
  referral: 'text',
  integrationId: 'text',
  storeIntegrationId: 'text',
};

const TEXT_FILTERS = ['profile', 'coupon', 'referral', 'integrationId', 'storeIntegrationId'] as const;

const listSessions: Endpoint = {
  method: 'GET',
  template: '/v1/applications/{applicationId}/sessions',
  answer: (request) => {
    const application = applicationOf(request);
    const switches = switchesFor(request);
    const query = readQuery(request.search, FILTERS);
    const paging = readPaging(query, switches);
    const order = readOrder(query, switches);
    const found = matchingSessions(application, query, switches);
    const { sessions } = application;
    if (!order.endsWith('created')) found.sort((a, b) => sessions.ids.sortKey(a) - sessions.ids.sortKey(b));
    const rows = positionsOf(found.length, order, paging).map((position) => found[position] as number);
    const isList = rows.length > 1 && switches.listTotalDiscounts === 'zero';
    const texts = rows.map((row) => sessionText(application, row, isList));
    return json(makePage(texts, found.length, paging, switches, { hasMore: true, totalResultSize: false }));
  },
};

const getSession: Endpoint = {
  method: 'GET',
  template: '/v1/applications/{applicationId}/sessions/{sessionId}',
  answer: (request) => {
    const application = applicationOf(request);
    readQuery(request.search, {});
    const row = application.sessions.visibleRowOf(request.path.sessionId ?? '');
    if (row < 0) throw notFound('Session');
    return json(sessionText(application, row, false));
  },
};

function matchingSessions(application: SimulatedApplication, query: Query, switches: Switches): Uint32Array {
  const { sessions } = application;
  const bounds = {
    after: readTime(query, 'createdAfter'),
    before: readTime(query, 'createdBefore'),
    oldest: undefined,
  };
  const window = createdWindow(sessions.byCreated, (row) => sessions.created.get(row), bounds, switches);
  const found = sessions.byCreated.slice(window.from, window.to);
  const state = query.get('state');
  const names = TEXT_FILTERS.filter((name) => query.has(name));
  if (state === undefined && names.length === 0) return found;
  const matches = textMatcher(query, names);
  return found.filter((row) => {
    if (state !== undefined && SESSION_STATES[sessions.viewState.get(row)] !== state) return false;
    return names.every((name) => matches(name, textOf(application, row, name)));
  });
}

function textMatcher(query: Query, names: readonly string[]): (name: string, value: string) => boolean {
  const isPartial = query.get('partialMatch') === 'true';
  if (isPartial && names.length !== 1)
    throw badParameter('partialMatch', 'use it with exactly one text filter');
  return (name, value) => {
    const wanted = query.get(name) ?? '';
    // Documented: shorter inputs fall back to an exact match.
    if (!isPartial || wanted.length < 3) return value === wanted;
    return value.toLowerCase().includes(wanted.toLowerCase());
  };
}

function textOf(application: SimulatedApplication, row: number, name: (typeof TEXT_FILTERS)[number]): string {
  const { sessions, profiles } = application;
  if (name === 'integrationId') return sessions.integrationId(row);
  if (name === 'coupon') return sessions.coupon(row);
  if (name === 'referral') return sessionFacts(application, row).referral;
  if (name === 'storeIntegrationId') return sessionFacts(application, row).store;
  const profile = sessions.profile.get(row);
  return profile < 0 ? '' : profiles.integrationId(profile);
}

export const sessionEndpoints: readonly Endpoint[] = [listSessions, getSession];
