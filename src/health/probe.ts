import { readEnvironment, servedAddress } from '../config.js';

// HEALTHCHECK of the container image: exit code 0 while /livez answers, or when no server is wanted.

const TIMEOUT_MS = 4_000;

async function isAlive(address: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}/livez`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.ok;
  } catch {
    return false;
  }
}

const address = servedAddress(readEnvironment());
process.exitCode = address === undefined || (await isAlive(address)) ? 0 : 1;
