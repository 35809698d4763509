import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ApiServerParts, serveApi } from './api-server.js';
import { monotonicMs } from './clock.js';
import { CONTROL_PATH, serveControl } from './control.js';
import { Dice, hash32 } from './dice.js';
import { FaultRules } from './fault-rules.js';
import { Holds } from './holds.js';
import { type ApplicationOptions, DEFAULT_REQUEST_LOG_SIZE, type SimulatorOptions } from './options.js';
import { RateLimit } from './rate-limit.js';
import { RequestLog } from './request-log.js';
import { Simulator } from './simulator-handle.js';
import { SwitchBoard } from './switches.js';
import { startTrickle } from './trickle.js';
import { World } from './world.js';

/**
 * Starts an HTTP server that behaves as Talon.One's Management API is documented. In memory, deterministic from a
 * seed, and strict: what the API would refuse is refused, and a fourth request in a second gets a 429.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const seed = options.seed ?? 1;
  const world = makeWorld(options, seed);
  const parts: ApiServerParts = {
    world,
    apiKey: options.apiKey ?? defaultKey(seed, 93),
    integrationApiKey: options.integrationApiKey ?? defaultKey(seed, 94),
    startedAt: monotonicMs(),
    log: new RequestLog(options.requestLogSize ?? DEFAULT_REQUEST_LOG_SIZE),
    rateLimit: new RateLimit(),
    faults: new FaultRules(hash32(seed, 91)),
    holds: new Holds(),
    listeners: new Set(),
    jitter: new Dice(hash32(seed, 92)),
    failures: [],
  };
  const server = createServer();
  // Long enough that a client which keeps its connections never meets a closing one by chance.
  server.keepAliveTimeout = 120_000;
  const url = await new Promise<string>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', () => {
      const { address, family, port } = server.address() as AddressInfo;
      resolve(`http://${family === 'IPv6' ? `[${address}]` : address}:${port}`);
    });
  });
  const stopTrickle = startTrickle(world, options.eventsPerSecond ?? 0);
  const simulator = new Simulator({ url, seed, server, stopTrickle, api: parts });
  server.on('request', (request, response) => {
    const isControl = (request.url ?? '').startsWith(CONTROL_PATH);
    const served = isControl
      ? serveControl(simulator, request, response)
      : serveApi(parts, request, response);
    served.catch((error: unknown) => {
      parts.failures.push(error instanceof Error ? error : new Error(String(error)));
      response.destroy();
    });
  });
  return simulator;
}

function makeWorld(options: SimulatorOptions, seed: number): World {
  const style = {
    seed,
    missingIds: options.missingIds ?? ('documented' as const),
    digits: options.timestampDigits ?? ('six' as const),
  };
  const world = new World(
    new SwitchBoard(options.switches),
    style,
    options.history ?? {},
    options.loyaltyPrograms,
  );
  const { applications = 1 } = options;
  const wanted: readonly ApplicationOptions[] =
    typeof applications === 'number' ? Array.from({ length: applications }, () => ({})) : applications;
  for (const application of wanted) world.addApplication(application);
  return world;
}

function defaultKey(seed: number, salt: number): string {
  return Array.from({ length: 8 }, (_, index) =>
    hash32(seed, salt, index).toString(16).padStart(8, '0'),
  ).join('');
}
