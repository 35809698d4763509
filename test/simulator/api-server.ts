import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { monotonicMs } from './clock.js';
import { isCsv } from './csv.js';
import { sendCsv } from './csv-reply.js';
import type { Dice } from './dice.js';
import type { Endpoint } from './endpoint.js';
import { faultyReply, sendFaultily } from './fault-answers.js';
import type { FaultRules } from './fault-rules.js';
import type { Holds } from './holds.js';
import type { RateLimit } from './rate-limit.js';
import { Refusal, withStatus } from './refusal.js';
import { bodyBytes, type Reply, refusalReply } from './reply.js';
import type { LoggedRequest, RequestLog } from './request-log.js';
import { findRoute, type Route } from './routes.js';
import type { World } from './world.js';

// One request, from its arrival to its answer:
//   1. the way to the server (delay), then it counts: log and statistics
//   2. let in or refused: key, path, rights, rate limit
//   3. listeners, then the answer is computed
//   4. a fault may replace it, a hold may keep it back, the way back (delay)

export type RequestListener = (request: LoggedRequest) => void | Promise<void>;

export interface ApiServerParts {
  world: World;
  apiKey: string;
  integrationApiKey: string;
  startedAt: number;
  log: RequestLog;
  rateLimit: RateLimit;
  faults: FaultRules;
  holds: Holds;
  listeners: Set<RequestListener>;
  jitter: Dice;
  /** Mistakes of the simulator itself, which must not pass as answers of the API. */
  failures: Error[];
}

const MAXIMUM_BODY_BYTES = 16 * 1024 * 1024;
const compress = promisify(gzip);

export async function serveApi(
  parts: ApiServerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { switchBoard } = parts.world;
  const { requestDelayMs, requestJitterMs } = switchBoard.get();
  await travel(parts, requestDelayMs, requestJitterMs);
  const { path, query } = splitUrl(request.url ?? '/');
  const search = new URLSearchParams(query);
  const route = findRoute(request.method ?? '', path);
  const logged = parts.log.arrived(describe(parts, request, route, path, query));
  const reply = await computeReply(parts, request, logged, route, search);
  const fault = parts.faults.pick(logged);
  if (fault.delayMs > 0) await pause(fault.delayMs);
  await parts.holds.pass(logged);
  const { responseDelayMs, responseJitterMs } = switchBoard.get();
  await travel(parts, responseDelayMs, responseJitterMs);
  if (response.destroyed) return;
  setDate(parts, response);
  const finalReply = fault.action === undefined ? reply : faultyReply(fault.action, reply);
  const isSilent =
    fault.action?.type === 'stall' || (fault.action?.type === 'reset' && fault.action.at !== 'body');
  if (!isSilent) parts.log.answered(logged, finalReply.status);
  if (fault.action !== undefined && sendFaultily(fault.action, finalReply, response)) return;
  if (isCsv(finalReply.body)) {
    const { status, headers, body } = finalReply;
    return sendCsv(status, headers, body, response, wantsGzip(parts, request));
  }
  await send(parts, finalReply, request, response);
}

async function computeReply(
  parts: ApiServerParts,
  request: IncomingMessage,
  logged: LoggedRequest,
  route: Route | undefined,
  search: URLSearchParams,
): Promise<Reply> {
  try {
    const { endpoint, path } = letIn(parts, logged, route);
    logged.body = await readBody(request);
    for (const listener of parts.listeners) await listener(logged);
    const { body, path: url } = logged;
    const { headers } = request;
    return endpoint.answer({ world: parts.world, path, search, body, url, headers });
  } catch (error) {
    if (error instanceof Refusal) return refusalReply(error, errorType(parts, route));
    // The client has hung up in the middle of its own body, or before it was read.
    if (!request.complete || request.errored) return refusalReply(withStatus(400, 'Incomplete body'));
    parts.failures.push(error instanceof Error ? error : new Error(String(error)));
    return refusalReply(withStatus(500, `The simulator failed: ${String(error)}`));
  }
}

/** Documented for exports: a JSON error under the content type of the file. */
function errorType(parts: ApiServerParts, route: Route | undefined): string {
  return route?.endpoint?.isExport === true
    ? parts.world.switchBoard.get().exportErrorType
    : 'application/json';
}

interface AdmittedRoute {
  endpoint: Endpoint;
  path: Record<string, string>;
}

/** A request without rights uses up nothing of the rate limit: it belongs to nobody. */
function letIn(parts: ApiServerParts, logged: LoggedRequest, route: Route | undefined): AdmittedRoute {
  if (!logged.isAuthorised) throw withStatus(401, `Invalid or missing ${keyOf(parts, route).name}`);
  if (route === undefined) throw withStatus(404, 'Path not found');
  const { template, path, endpoint } = route;
  if (endpoint === undefined) throw withStatus(405, 'Method not allowed');
  const { world } = parts;
  const forbidden = world.switchBoard.get(logged.applicationId ?? undefined).forbidden[template];
  if (forbidden !== undefined) throw withStatus(forbidden, 'The key does not give access to this endpoint');
  const limits = world.switchBoard.get();
  const requestsPerSecond =
    endpoint.api === 'integration' ? limits.integrationRequestsPerSecond : limits.requestsPerSecond;
  parts.rateLimit.admit(template, monotonicMs(), world.now(), { ...limits, requestsPerSecond });
  return { endpoint, path };
}

/** Each API has keys of its own, in a form of its own. */
function keyOf(parts: ApiServerParts, route: Route | undefined): { name: string; header: string } {
  return route?.endpoint?.api === 'integration'
    ? { name: 'Integration API key', header: `ApiKey-v1 ${parts.integrationApiKey}` }
    : { name: 'Management API key', header: `ManagementKey-v1 ${parts.apiKey}` };
}

function describe(
  parts: ApiServerParts,
  request: IncomingMessage,
  route: Route | undefined,
  path: string,
  query: string,
): Omit<LoggedRequest, 'number' | 'status'> {
  const applicationId = route?.path.applicationId;
  return {
    at: monotonicMs() - parts.startedAt,
    method: request.method ?? '',
    path,
    template: route?.template ?? null,
    query,
    applicationId: applicationId === undefined ? null : Number(applicationId),
    isAuthorised: request.headers.authorization === keyOf(parts, route).header,
    accept: request.headers.accept ?? '',
    contentType: request.headers['content-type'] ?? '',
    body: '',
  };
}

async function send(
  parts: ApiServerParts,
  reply: Reply,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let body = bodyBytes(reply);
  const headers: Record<string, string | number> = { ...reply.headers };
  if (wantsGzip(parts, request)) {
    body = await compress(body, { level: 1 });
    headers['Content-Encoding'] = 'gzip';
  }
  response.writeHead(reply.status, { ...headers, 'Content-Length': body.length });
  response.end(body);
}

function wantsGzip(parts: ApiServerParts, request: IncomingMessage): boolean {
  const isAccepted = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  return isAccepted && parts.world.switchBoard.get().gzip;
}

function setDate(parts: ApiServerParts, response: ServerResponse): void {
  const { dateHeader, dateHeaderOffsetMs } = parts.world.switchBoard.get();
  response.sendDate = false;
  if (dateHeader === 'absent') return;
  response.setHeader('Date', new Date(parts.world.now() / 1000 + dateHeaderOffsetMs).toUTCString());
}

async function travel(parts: ApiServerParts, delayMs: number, jitterMs: number): Promise<void> {
  const ms = delayMs + (jitterMs === 0 ? 0 : parts.jitter.fraction() * jitterMs);
  if (ms > 0) await pause(ms);
}

function splitUrl(url: string): { path: string; query: string } {
  const mark = url.indexOf('?');
  return mark < 0 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAXIMUM_BODY_BYTES) throw withStatus(413, 'Body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
