import { readEnvironment, servedPort } from '../config.js';

// HEALTHCHECK of the container image: exit code 0 while /livez answers, or when no server is wanted.

const TIMEOUT_MS = 4_000;

async function isAlive(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/livez`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return response.ok;
  } catch {
    return false;
  }
}

const port = servedPort(readEnvironment());
process.exitCode = port === undefined || (await isAlive(port)) ? 0 : 1;
