import { parseInstant } from '../../../src/instant.js';
import { ApiError } from '../../../src/talon-one/api-error.js';
import type { HttpRequest, SendRequest } from '../../../src/talon-one/http.js';
import type { RequestBudget } from '../../../src/talon-one/request-budget.js';
import { isCsv } from '../../simulator/csv.js';
import { pageParts } from '../../simulator/page.js';
import { Refusal } from '../../simulator/refusal.js';
import type { Reply } from '../../simulator/reply.js';
import { findRoute } from '../../simulator/routes.js';
import { formatSeconds } from '../../simulator/timestamp.js';
import type { Observer } from './observer.js';
import type { VirtualTime } from './virtual-time.js';
import type { VirtualWorld } from './virtual-world.js';

export type EndpointKind = 'events' | 'profiles' | 'session lists' | 'sessions by ID';

const KINDS: Readonly<Record<string, EndpointKind>> = {
  'GET /v1/applications/{applicationId}/events/no_total': 'events',
  'POST /v1/applications/{applicationId}/customer_search': 'profiles',
  'GET /v1/applications/{applicationId}/sessions': 'session lists',
  'GET /v1/applications/{applicationId}/sessions/{sessionId}': 'sessions by ID',
};

export interface Network {
  readonly time: VirtualTime;
  readonly budget: RequestBudget;
  /** From sending a request to the answer, on the virtual clock. */
  readonly latencyMs: number;
}

/** The simulator's endpoints without a socket, behind the client's budget on the virtual clock. Counts what is asked. */
export class VirtualApi {
  readonly counts: Record<EndpointKind, number> = {
    events: 0,
    profiles: 0,
    'session lists': 0,
    'sessions by ID': 0,
  };

  constructor(
    private readonly world: VirtualWorld,
    private readonly network: Network,
    private readonly observers: ReadonlyMap<number, Observer>,
    /** Called before each answer: lets happen what has happened by now. */
    private readonly feed: () => void,
  ) {}

  readonly send: SendRequest = async (request, signal) => {
    const endpoint = `${request.method} ${request.template}`;
    const { time, budget, latencyMs } = this.network;
    const received = await budget.acquire(endpoint, signal);
    try {
      if (latencyMs > 0) await time.sleep(latencyMs, signal);
      this.feed();
      const kind = KINDS[endpoint];
      if (kind === undefined) throw new Error(`nobody expected ${endpoint}`);
      this.counts[kind] += 1;
      const text = textOf(this.answer(request, kind));
      const serverTime = parseInstant(formatSeconds(this.world.now()));
      return { status: 200, text, serverTime, tookMs: latencyMs };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new ApiError(error.message, { failure: 'status', endpoint, status: error.status });
    } finally {
      received();
    }
  };

  private answer(request: HttpRequest, kind: EndpointKind): Reply {
    const route = findRoute(request.method, request.path);
    if (!route?.endpoint) throw new Error(`no such path: ${request.path}`);
    const query = Object.entries(request.query ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]],
    );
    const reply = route.endpoint.answer({
      world: this.world,
      path: route.path,
      search: new URLSearchParams(query),
      body: request.body ?? '',
      url: request.path,
      headers: {},
    });
    this.observe(kind, Number(route.path.applicationId), reply);
    return reply;
  }

  private observe(kind: EndpointKind, applicationId: number, reply: Reply): void {
    const observer = this.observers.get(applicationId);
    const rows = rowsOf(reply);
    const ids = rows.map((row) => /^\{"id":(\d+)/.exec(row)?.[1] ?? '');
    if (kind === 'events') observer?.events(ids, this.world.now());
    else if (kind === 'profiles') observer?.profilesAnswered(ids, this.world.now());
    else observer?.sessionsAnswered(ids, this.world.now());
  }
}

function rowsOf({ body }: Reply): readonly string[] {
  if (typeof body === 'string') return [body];
  if (isCsv(body)) throw new Error('a file was not expected');
  return body.rows;
}

function textOf({ body }: Reply): string {
  if (typeof body === 'string') return body;
  if (isCsv(body)) throw new Error('a file was not expected');
  const { start, rows, end } = pageParts(body);
  return `${start}${rows.join(',')}${end}`;
}
