import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, UserError } from '../errors.js';

export interface HealthReport {
  readonly isReady: boolean;
  /** Why not, for people; no secrets, no customer data. */
  readonly reasons: readonly string[];
}

const SLOW_CLIENT_MS = 5_000;
const MOST_CONNECTIONS = 64;

/**
 * `GET /livez`: the process runs. `GET /readyz`: it can do its work, else 503 with the reasons. Serves nothing else,
 * and gives slow or many clients little to hold on to.
 */
export class HealthServer {
  private constructor(private readonly server: Server) {}

  /**
   * @param port 0 = any free one
   * @throws UserError when the address cannot be used
   */
  static async start(host: string, port: number, report: () => Promise<HealthReport>): Promise<HealthServer> {
    const server = createServer((request, response) => void answer(request, response, report));
    server.headersTimeout = SLOW_CLIENT_MS;
    server.requestTimeout = SLOW_CLIENT_MS;
    server.keepAliveTimeout = SLOW_CLIENT_MS;
    server.maxConnections = MOST_CONNECTIONS;
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

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  report: () => Promise<HealthReport>,
): Promise<void> {
  // A body is never wanted: what is not read is discarded with the connection.
  request.resume();
  const path = request.url?.split('?', 1)[0];
  if (path !== '/livez' && path !== '/readyz') return send(response, 404, { error: 'not found' });
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(response, 405, { error: 'only GET' });
  if (path === '/livez') return send(response, 200, { status: 'alive' });
  const { isReady, reasons } = await report();
  send(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', reasons });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}
