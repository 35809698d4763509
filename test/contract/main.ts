import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SimulatorOptions } from '../simulator/options.js';
import { startSimulator } from '../simulator/simulator.js';
import { DAEMON_RUNS, runDaemon } from './daemon-run.js';
import { type Exchange, exerciseAll } from './exercises.js';
import { DocumentError, loadDocument, type OpenApiDocument } from './open-api-document.js';
import { validateRequest } from './request-contract.js';
import { validateResponse } from './response-contract.js';
import { formatViolation, type Violation } from './violation.js';

// Checks against Talon.One's OpenAPI document: every answer of the simulator, every request of this script's own, and
// every request that the built daemon sends to it. Exit code 1 on any violation, 2 on wrong usage.

const USAGE = 'usage: npm run test:contract -- FILE [--without-daemon]\n  FILE: OpenAPI 3.1 document in JSON';
const DAEMON_ENTRY = fileURLToPath(new URL('../../src/main.js', import.meta.url));

interface Tally {
  responses: number;
  requests: number;
  violations: Violation[];
}

const VARIANTS: readonly SimulatorOptions[] = [
  { seed: 1, missingIds: 'documented', timestampDigits: 'six' },
  { seed: 2, missingIds: 'zero', timestampDigits: 'trimmed' },
  {
    seed: 3,
    missingIds: 'absent',
    switches: {
      loyaltyTimestamps: 'offset',
      loyaltyOrder: 'shuffled',
      dashboardDates: 'utc',
      listTotalDiscounts: 'true',
      ties: 'shuffled',
      defaultOrder: '-created',
    },
  },
];

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const [path, ...others] = args.filter((arg) => arg !== '--without-daemon');
  const withDaemon = !args.includes('--without-daemon');
  if (path === undefined || path.startsWith('-') || others.length > 0) {
    console.error(USAGE);
    return 2;
  }
  if (withDaemon && !existsSync(DAEMON_ENTRY)) {
    console.error(
      `The daemon is not built: there is no ${DAEMON_ENTRY}. Build it, or give --without-daemon.`,
    );
    return 2;
  }
  const tally: Tally = { responses: 0, requests: 0, violations: [] };
  try {
    const document = await loadDocument(path);
    for (const options of VARIANTS) await checkSimulator(document, options, tally);
    if (withDaemon) await checkDaemon(document, tally);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    console.error(error.message);
    return 2;
  }
  for (const violation of tally.violations) console.log(formatViolation(violation));
  const { responses, requests, violations } = tally;
  console.log(
    `contract: ${responses} responses and ${requests} requests checked, ${violations.length} violations`,
  );
  return violations.length === 0 ? 0 : 1;
}

async function checkSimulator(
  document: OpenApiDocument,
  options: SimulatorOptions,
  tally: Tally,
): Promise<void> {
  const sim = await startSimulator({
    ...options,
    applications: [{}, {}, { sandbox: true }],
    history: { events: 1200, days: 20 },
    switches: { requestsPerSecond: 0, ...options.switches },
  });
  try {
    sim.emit(1, 50);
    const { served, refused } = await exerciseAll(sim);
    for (const { request, response } of [...served, ...refused]) {
      tally.responses += 1;
      tally.violations.push(...validateResponse(document, request, response));
    }
    for (const { request } of served) {
      tally.requests += 1;
      tally.violations.push(...validateRequest(document, request));
    }
    const surprises = [
      ...served.filter(({ response }) => response.status >= 300),
      ...refused.filter(({ response }) => response.status < 300),
    ];
    tally.violations.push(...surprises.map(surprise));
  } finally {
    await sim.stop();
  }
}

function surprise({ request, response }: Exchange): Violation {
  return {
    operation: `${request.method} ${request.template ?? request.path}`,
    request: `${request.path}?${request.query}`,
    pointer: '',
    message: `unexpected status ${response.status}: ${response.text.slice(0, 200)}`,
  };
}

async function checkDaemon(document: OpenApiDocument, tally: Tally): Promise<void> {
  for (const run of DAEMON_RUNS) {
    const { requests, exitCode, output } = await runDaemon(DAEMON_ENTRY, run);
    tally.requests += requests.length;
    tally.violations.push(...requests.flatMap((request) => validateRequest(document, request)));
    if (exitCode === 0 && requests.length > 0) continue;
    const message = `ended with ${exitCode} after ${requests.length} requests:\n${output}`;
    tally.violations.push({ operation: `daemon ${run.command}`, request: run.name, pointer: '', message });
  }
}
