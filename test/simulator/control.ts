import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { readBody } from './api-server.js';
import type { FaultAction, FaultRule } from './fault-rules.js';
import type { CustomEvent } from './given-event.js';
import type { IssuedEvent } from './issued-events.js';
import type { Simulator } from './simulator-handle.js';
import type { SwitchSettings } from './switches.js';

// The simulator's own HTTP surface, for a test or a demo that runs it in another process. It is no part of the API:
// without the header below it does not exist, it knows no key, no rate limit and no faults, and it is not logged.

export const CONTROL_PATH = '/_simulator/';
export const CONTROL_HEADER = 'x-simulator-control';
const DEFAULT_ROWS = 10_000;

interface ControlRequest {
  simulator: Simulator;
  search: URLSearchParams;
  body: unknown;
}

type ControlRoute = (request: ControlRequest) => unknown;

const applicationBody = z.looseObject({ applicationId: z.int() });

const ROUTES: Record<string, ControlRoute> = {
  'GET summary': ({ simulator }) => ({
    seed: simulator.seed,
    now: simulator.now(),
    applicationIds: simulator.applicationIds,
    loyaltyProgramIds: simulator.loyaltyProgramIds,
    issued: Object.fromEntries(simulator.applicationIds.map((id) => [id, simulator.issuedCount(id)])),
    requestCounts: simulator.requestCounts(),
    maxInAnySecond: simulator.maxInAnySecond(),
    tooManyRequests: simulator.tooManyRequests,
    cpuMs: cpuMs(),
  }),
  'GET issued': ({ simulator, search }) => simulator.issuedDigest(idFrom(search)),
  'GET events': ({ simulator, search }) => {
    const limit = Number(search.get('limit') ?? DEFAULT_ROWS);
    const events: IssuedEvent[] = [];
    for (const event of simulator.issuedEvents(idFrom(search), Number(search.get('offset') ?? 0))) {
      if (events.length >= limit) break;
      events.push(event);
    }
    return events;
  },
  'GET event': ({ simulator, search }) => ({
    text: simulator.eventText(idFrom(search), search.get('id') ?? ''),
  }),
  'GET session': ({ simulator, search }) => ({
    text: simulator.sessionText(idFrom(search), search.get('id') ?? ''),
  }),
  'GET profile': ({ simulator, search }) => ({ text: simulator.profileText(search.get('id') ?? '') }),
  // Changes that make no event. The text is served as it is from now on.
  'POST profile': ({ simulator, body }) => {
    const { id, text } = z.strictObject({ id: z.string(), text: z.string() }).parse(body);
    simulator.setProfilePayload(id, text);
  },
  'POST session': ({ simulator, body }) => {
    const { applicationId, id, text } = z
      .strictObject({ applicationId: z.int(), id: z.string(), text: z.string() })
      .parse(body);
    simulator.setSessionPayload(applicationId, id, text);
  },
  'DELETE profile': ({ simulator, search }) => simulator.removeProfile(search.get('id') ?? ''),
  'DELETE session': ({ simulator, search }) =>
    simulator.removeSession(idFrom(search), search.get('id') ?? ''),
  'GET requests': ({ simulator, search }) =>
    simulator.requests.slice(-Number(search.get('limit') ?? DEFAULT_ROWS)),
  'DELETE requests': ({ simulator }) => simulator.resetStatistics(),
  'GET recipe-cost': ({ simulator, search }) =>
    simulator.recipeCost(
      search.has('applicationId') ? idFrom(search) : undefined,
      Number(search.get('cycleSeconds') ?? 60),
    ),
  'GET switches': ({ simulator, search }) =>
    simulator.switches(search.has('applicationId') ? idFrom(search) : undefined),
  'POST switches': ({ simulator, search, body }) =>
    simulator.set(body as SwitchSettings, search.has('applicationId') ? idFrom(search) : undefined),
  'POST emit': ({ simulator, body }) => {
    const { applicationId, count, ...options } = z
      .strictObject({
        applicationId: z.int(),
        count: z.int(),
        created: z.string().optional(),
        visibleInMs: z.number().optional(),
      })
      .parse(body);
    return { ids: simulator.emit(applicationId, count, withoutUndefined(options)) };
  },
  'POST events': ({ simulator, body }) => {
    const { applicationId, ...event } = applicationBody.parse(body);
    return { id: simulator.addEvent(applicationId, event as CustomEvent) };
  },
  'GET loyalty': ({ simulator, search }) => [...simulator.issuedLoyalty(Number(search.get('programId')))],
  'POST loyalty': ({ simulator, body }) => {
    const { programId, count } = z.strictObject({ programId: z.int(), count: z.int() }).parse(body);
    return { ids: simulator.emitLoyalty(programId, count) };
  },
  'POST coupons': ({ simulator, body }) => {
    const { applicationId, count } = z.strictObject({ applicationId: z.int(), count: z.int() }).parse(body);
    return { ids: simulator.emitCoupons(applicationId, count) };
  },
  'POST campaign': ({ simulator, body }) => {
    const { campaignId, ...changes } = z.looseObject({ campaignId: z.int() }).parse(body);
    simulator.changeCampaign(campaignId, changes);
    return {};
  },
  'POST faults': ({ simulator, body }) => {
    simulator.addFault(faultFrom(body));
    return {};
  },
  'DELETE faults': ({ simulator }) => simulator.clearFaults(),
};

export async function serveControl(
  simulator: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', simulator.url);
  const route = ROUTES[`${request.method} ${url.pathname.slice(CONTROL_PATH.length)}`];
  if (request.headers[CONTROL_HEADER] === undefined || route === undefined) {
    return answer(response, 404, { message: 'Path not found', errors: [], StatusCode: 404 });
  }
  try {
    const text = await readBody(request);
    const body: unknown = text === '' ? {} : JSON.parse(text);
    answer(response, 200, route({ simulator, search: url.searchParams, body }) ?? {});
  } catch (error) {
    answer(response, 400, { message: error instanceof Error ? error.message : String(error) });
  }
}

function answer(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'X-Simulator': 'control' });
  response.end(JSON.stringify(value));
}

/** Of this process since its start: what a benchmark has to take off. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function idFrom(search: URLSearchParams): number {
  return z.coerce
    .number()
    .int()
    .parse(search.get('applicationId') ?? undefined);
}

const faultSchema = z.strictObject({
  method: z.string().optional(),
  path: z.string().optional(),
  /** JSON has no expressions. */
  pathPattern: z.string().optional(),
  applicationId: z.int().optional(),
  above: z.int().optional(),
  after: z.int().optional(),
  /** JSON has no Infinity. */
  times: z.union([z.int(), z.literal('always')]).optional(),
  probability: z.number().min(0).max(1).optional(),
  action: z.looseObject({ type: z.string() }),
});

function faultFrom(body: unknown): FaultRule {
  const { pathPattern, times, action, path, ...rest } = faultSchema.parse(body);
  return withoutUndefined({
    ...rest,
    path: pathPattern === undefined ? path : new RegExp(pathPattern),
    times: times === 'always' ? Infinity : times,
    action: action as FaultAction,
  });
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(
  value: T,
): Partial<Defined<T>> & Pick<Defined<T>, RequiredKeys<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as never;
}

type RequiredKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? never : K }[keyof T];
