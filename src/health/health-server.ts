import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { messageOf, UserError } from '../errors.js';

export interface HealthReport {
  readonly isReady: boolean;
  /** Why not, for people; no secrets, no customer data. */
  readonly reasons: readonly string[];
}

/** What a page answers. */
export interface PageAnswer {
  readonly status?: number;
  readonly contentType: string;
  readonly text: string;
  /** Headers beside those of every answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes one page; many may ask at once, so it has to bound its own cost. */
export type Page = (query: URLSearchParams) => Promise<PageAnswer>;

const SLOW_CLIENT_MS = 5_000;
const MOST_CONNECTIONS = 64;
const LIMITS = {
  headersTimeout: SLOW_CLIENT_MS,
  requestTimeout: SLOW_CLIENT_MS,
  keepAliveTimeout: SLOW_CLIENT_MS,
  // Node looks only every 30 seconds whether the times above are over.
  connectionsCheckingInterval: 1_000,
};

/**
 * `GET /livez`: the process runs. `GET /readyz`: it can do its work, else 503 with the reasons. Beside them only the pages
 * that it is given. Gives slow, many or greedy clients little to hold on to.
 */
export class HealthServer {
  private constructor(private readonly server: Server) {}

  /**
   * @param port 0 = any free one
   * @param pages by path
   * @throws UserError when the address cannot be used
   */
  static async start(
    host: string,
    port: number,
    report: () => Promise<HealthReport>,
    pages: ReadonlyMap<string, Page> = new Map(),
  ): Promise<HealthServer> {
    const shared = oneAtATime(report);
    const server = createServer(LIMITS, (request, response) => void answer(request, response, shared, pages));
    makeRoomForNewcomers(server);
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error) =>
        reject(
          new UserError(
            `HTTP_HOST and HTTP_PORT cannot be used (${messageOf(error)}): choose another port, or leave HTTP_PORT empty.`,
          ),
        );
      server.once('error', refuse);
      server.listen(port, host, () => {
        server.off('error', refuse);
        resolve();
      });
    });
    server.on('error', () => {});
    return new HealthServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

/**
 * The oldest connection is closed for one too many. A limit that refuses the newest would let idle clients keep the
 * probe out, and the orchestrator would kill a daemon that is well.
 */
function makeRoomForNewcomers(server: Server): void {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const [oldest] = open;
    if (open.size <= MOST_CONNECTIONS || !oldest) return;
    open.delete(oldest);
    oldest.destroy();
  });
}

/** Everyone who asks meanwhile gets the same report: it costs a query, and anybody may ask. */
function oneAtATime(report: () => Promise<HealthReport>): () => Promise<HealthReport> {
  let running: Promise<HealthReport> | undefined;
  return () => {
    running ??= report()
      .catch(() => ({ isReady: false, reasons: ['unexpected error'] }))
      .finally(() => {
        running = undefined;
      });
    return running;
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  report: () => Promise<HealthReport>,
  pages: ReadonlyMap<string, Page>,
): Promise<void> {
  // A body is never wanted: what comes of it after the answer goes with the connection.
  request.resume();
  if (hasBody(request)) response.setHeader('connection', 'close');
  const [path = '', query] = request.url?.split('?', 2) ?? [];
  const page = pages.get(path);
  if (path !== '/livez' && path !== '/readyz' && !page) return send(response, 404, { error: 'not found' });
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(response, 405, { error: 'only GET' });
  if (page) return sendPage(response, page, new URLSearchParams(query));
  if (path === '/livez') return send(response, 200, { status: 'alive' });
  const { isReady, reasons } = await report();
  send(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', reasons });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

async function sendPage(response: ServerResponse, page: Page, query: URLSearchParams): Promise<void> {
  try {
    const { status = 200, contentType, text, headers = {} } = await page(query);
    sendText(response, status, text, { ...headers, 'content-type': contentType });
  } catch {
    send(response, 500, { error: 'unexpected error' });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, status, `${JSON.stringify(body)}\n`, { 'content-type': 'application/json' });
}

function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(status, {
    ...headers,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}
