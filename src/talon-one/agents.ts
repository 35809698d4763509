import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { monotonicMs, passes } from '../clock.js';

/** How long the process may have stood still while a connection was made. The hold of a slot allows for it. */
const LONGEST_STAND_MS = 1_500;
const BEAT_MS = 250;

/**
 * Agents that use no connection during whose making the process stood still (SIGSTOP, a machine that slept): the slot of the
 * request may have gone to another process meanwhile, and the request would be one too many. Nothing is written before
 * `connect`, or with TLS before `secureConnect`. On a connection that is open already a request goes out at once.
 */
export function createAgents(now: () => number = monotonicMs): {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
} {
  const httpAgent = new HttpAgent({ keepAlive: true });
  const httpsAgent = new HttpsAgent({ keepAlive: true });
  watchConnections(httpAgent, 'connect', now);
  watchConnections(httpsAgent, 'secureConnect', now);
  return { httpAgent, httpsAgent };
}

type CreateConnection = (...parameters: unknown[]) => Duplex | null | undefined;

// A method of every agent, documented in Node.js' http.Agent, which not every version of its types knows.
function watchConnections(agent: HttpAgent, ready: string, now: () => number): void {
  const watched = agent as unknown as { createConnection: CreateConnection };
  const create = watched.createConnection.bind(agent);
  watched.createConnection = (...parameters) => {
    const socket = create(...parameters);
    if (socket) watch(socket as Socket, ready, now);
    return socket;
  };
}

function watch(socket: Socket, ready: string, now: () => number): void {
  let lastMs = now();
  const beat = () => {
    if (now() - lastMs > LONGEST_STAND_MS)
      socket.destroy(new Error('the process stood still while the connection was made'));
    lastMs = now();
  };
  const made = new AbortController();
  const stop = () => made.abort();
  void keepBeating(beat, made.signal);
  // Before Node.js' own listeners, which write.
  socket.prependOnceListener(ready, () => {
    stop();
    beat();
  });
  socket.once('close', stop);
}

async function keepBeating(beat: () => void, signal: AbortSignal): Promise<void> {
  while (await passes(BEAT_MS, signal)) beat();
}
