import { type AskOptions, ask, queryText } from '../simulator/api-client.js';
import type { LoggedRequest } from '../simulator/request-log.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { FUTURE, PAGES, type Query, type Run } from './exercise-queries.js';
import { exerciseExports, refuseExports } from './export-exercises.js';
import { exerciseImports, refuseImports } from './import-exercises.js';
import { exerciseLoyalty, refuseLoyalty } from './loyalty-exercises.js';
import { exerciseReference, refuseReference } from './reference-exercises.js';
import type { RecordedResponse } from './response-contract.js';

export interface Exchange {
  request: LoggedRequest;
  response: RecordedResponse;
}

const STATES = ['open', 'closed', 'partially_returned', 'cancelled'];

export interface Exercises {
  served: Exchange[];
  refused: Exchange[];
}

/** Asks a simulator everything it can answer, with varied parameters, and then what it has to refuse. */
export async function exerciseAll(sim: Simulator): Promise<Exercises> {
  const served: Exchange[] = [];
  const refused: Exchange[] = [];
  let exchanges = served;
  const run = async (path: string, options: AskOptions = {}): Promise<string> => {
    const { status, headers, text } = await ask(sim, path, options);
    const request = sim.requests.at(-1);
    if (request === undefined) throw new Error('The simulator has logged nothing');
    exchanges.push({ request, response: { status, contentType: headers.get('content-type') ?? '', text } });
    return text;
  };
  const middle = [...sim.issuedEvents(1)].at(300)?.created ?? sim.now();
  await exerciseApplications(run);
  await exerciseEvents(run, middle);
  await exerciseSessions(run, sim, middle);
  await exerciseProfiles(run, sim);
  await exerciseExport(run, middle);
  await exerciseLoyalty(run, sim, middle);
  await exerciseReference(run, sim, middle);
  await exerciseExports(run, sim, middle);
  await exerciseOldEnvelope(run, sim, middle);
  await exerciseImports(run);
  exchanges = refused;
  await exerciseRefusals(run, sim);
  return { served, refused };
}

async function exerciseApplications(run: Run): Promise<void> {
  for (const query of PAGES) await run(`/v1/applications?${queryText(query)}`);
  await run('/v1/applications?sort=-created');
  for (const id of [1, 2, 3]) await run(`/v1/applications/${id}`);
}

async function exerciseEvents(run: Run, middle: string): Promise<void> {
  const queries: Query[] = [
    ...PAGES,
    ...['created', '-created', 'id', '-id'].map((sort) => ({ sort, pageSize: 50 })),
    { createdAfter: middle, createdBefore: FUTURE, sort: 'created' },
    { createdAfter: middle.replace('Z', '+00:00'), type: 'talon_session_created,talon_session_closed' },
    { session: 'ses-1-1', profile: 'cust-1', customerName: 'ad', customerEmail: '@example.com' },
    { effectType: 'setDiscount', ruleQuery: 'Welcome coupon', campaignQuery: 'Campaign 204' },
    { couponCode: 'SUMMER10', referralCode: 'REF-ABC123' },
  ];
  for (const query of queries) await run(`/events/no_total?${queryText(query)}`);
  for (const id of [2, 3]) await run(`/v1/applications/${id}/events/no_total?sort=created`);
}

async function exerciseSessions(run: Run, sim: Simulator, middle: string): Promise<void> {
  const queries: Query[] = [
    ...PAGES,
    ...STATES.map((state) => ({ state, sort: 'created' })),
    { createdAfter: middle, createdBefore: FUTURE, sort: '-created' },
    { integrationId: 'SES-1-2', partialMatch: 'true' },
    {
      profile: 'cust-1',
      coupon: 'COUP-1',
      referral: 'REF-1',
      storeIntegrationId: 'STORE-001',
      partialMatch: 'false',
    },
  ];
  for (const query of queries) await run(`/sessions?${queryText(query)}`);
  const sessions = new Set([...sim.issuedEvents(1)].slice(0, 200).map((event) => event.sessionId));
  for (const id of sessions) if (id !== null) await run(`/sessions/${id}`);
}

async function exerciseProfiles(run: Run, sim: Simulator): Promise<void> {
  const profiles = [...new Set([...sim.issuedEvents(1)].map((event) => event.profileId))].filter(
    (id) => id !== null,
  );
  const profileIDs = profiles.map(Number);
  for (const query of PAGES) await run(`/customer_search?${queryText(query)}`, { body: { profileIDs } });
  await run('/customer_search?withTotalResultSize=true', { body: {} });
  await run('/customer_search?withTotalResultSize=false', {
    body: { integrationIDs: ['cust-1'], profileIDs: [] },
  });
  await run('/customer_search', { body: { attributes: { Language: 'german' } } });
  for (const id of profiles.slice(0, 30)) await run(`/customers/${id}`);
  for (const query of PAGES) await run(`/customers?${queryText(query)}`);
  for (const withTotal of ['true', 'false'])
    await run(`/customers?integrationId=cust-1&withTotalResultSize=${withTotal}`);
  for (const sandbox of ['true', 'false']) await run(`/v1/customers/no_total?pageSize=20&sandbox=${sandbox}`);
}

async function exerciseExport(run: Run, middle: string): Promise<void> {
  const queries: Query[] = [
    {},
    { dateFormat: 'excel' },
    { dateFormat: 'ISO8601', updatedAfter: middle, updatedBefore: FUTURE },
    {
      createdAfter: middle,
      createdBefore: FUTURE,
      customerSessionState: 'closed',
      profileIntegrationId: 'cust-1',
    },
  ];
  for (const query of queries) await run(`/export_customer_sessions?${queryText(query)}`);
}

async function exerciseOldEnvelope(run: Run, sim: Simulator, middle: string): Promise<void> {
  sim.set({ envelope: 'old' });
  for (const query of PAGES)
    await run(`/events?${queryText({ ...query, sort: 'created', createdAfter: middle })}`);
  await run('/events?type=talon_session_created');
  sim.set({ envelope: 'hasMore' });
}

async function exerciseRefusals(run: Run, sim: Simulator): Promise<void> {
  await run('/events/no_total', { headers: { Authorization: 'ManagementKey-v1 wrong' } });
  for (const path of ['?x=1', '/events/no_total?pageSize=1001', '/sessions?createdAfter=yesterday'])
    await run(path);
  for (const path of ['/sessions/1', '/customers/1', '/v1/applications/99', '/v1/nothing', '/events'])
    await run(path);
  await refuseLoyalty(run);
  await refuseImports(run);
  await refuseReference(run);
  await refuseExports(run);
  await run('/customer_search', { body: '{"profileIDs":["1"]}' });
  await run('/customer_search', { body: '{' });
  await run('/sessions', { method: 'DELETE' });
  sim.set({
    forbidden: { '/v1/applications': 403 },
    requestsPerSecond: 1,
    tooManyProfileIds: '413',
    maxProfileIds: 1,
  });
  await run('/v1/applications');
  await run('/customer_search', { body: { profileIDs: [1, 2] } });
  await run('/customer_search', { body: {} });
  sim.set({ forbidden: {}, requestsPerSecond: 0, tooManyProfileIds: '400', maxProfileIds: 1000 });
}
