import { readCommandLine } from './command-line.js';
import type { SimulatorOptions } from './options.js';
import { startSimulator } from './simulator.js';
import type { Simulator } from './simulator-handle.js';

const commandLine = readCommandLine(process.argv.slice(2));
if (commandLine.kind === 'exit') process.exitCode = commandLine.code;
else await run(commandLine.options);

async function run(options: SimulatorOptions): Promise<void> {
  let simulator: Simulator;
  try {
    simulator = await startSimulator(options);
  } catch (error) {
    console.error(`The simulator could not start: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
    return;
  }
  console.log(greeting(simulator));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop(simulator));
}

async function stop(simulator: Simulator): Promise<void> {
  try {
    await simulator.stop();
  } catch (error) {
    console.error(String(error));
    process.exitCode = 1;
  }
}

function greeting(simulator: Simulator): string {
  const ids = simulator.applicationIds;
  const events = ids.reduce((sum, id) => sum + simulator.issuedCount(id), 0);
  const { requestsPerSecond, rateLimitScope } = simulator.switches();
  const limit =
    requestsPerSecond === 0
      ? 'no rate limit'
      : `${requestsPerSecond} requests a second per ${rateLimitScope}`;
  return `The simulator behaves like Talon.One's Management API at ${simulator.url}, with ${events} invented events in ${ids.length} Application(s) and ${limit}. Point the daemon at it with
  TALON_ONE_BASE_URL=${simulator.url}
  TALON_ONE_API_KEY=${simulator.apiKey}
(the key of the Integration API is ${simulator.integrationApiKey})
and ask it what it has issued with: curl -H 'X-Simulator-Control: 1' ${simulator.url}/_simulator/summary`;
}
