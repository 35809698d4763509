import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { CONTROL_HEADER } from './control.js';

// How long a million events take to start with, and how fast they are served to a client that only counts bytes. The
// simulator runs in a process of its own, as it does under a benchmark of the daemon.

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const PAGES = 300;
const KEY = 'bench';

const startedAt = performance.now();
const child = spawn(
  process.execPath,
  [
    fileURLToPath(new URL('main.js', import.meta.url)),
    ...['--port', '0', '--api-key', KEY, '--events', String(EVENTS), '--events-per-second', '0'],
    ...['--requests-per-second', '0'],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
const [greeting] = (await once(child.stdout, 'data')) as [Buffer];
const startSeconds = (performance.now() - startedAt) / 1000;
const url = /TALON_ONE_BASE_URL=(\S+)/.exec(greeting.toString())?.[1] ?? '';
const agent = new Agent({ keepAlive: true });

await readPages(50);
const before = await serverCpuMs();
const readFrom = performance.now();
const bytes = await readPages(PAGES);
const readMs = performance.now() - readFrom;
const cpuMs = (await serverCpuMs()) - before;
const rows = PAGES * 1000;
console.log(`start of ${EVENTS} events: ${startSeconds.toFixed(1)} s`);
console.log(
  `pages of 1000: ${((rows / readMs) * 1000).toFixed(0)} events/s, ${(cpuMs / PAGES).toFixed(1)} ms of CPU a page`,
);
console.log(`size of an event: ${(bytes / rows).toFixed(0)} bytes`);
agent.destroy();
child.kill('SIGTERM');
await once(child, 'exit');

async function readPages(count: number): Promise<number> {
  let sum = 0;
  for (let page = 0; page < count; page += 1) {
    const skip = (page * 1000) % Math.max(1000, EVENTS - 1000);
    sum += (await read(`/v1/applications/1/events/no_total?sort=created&pageSize=1000&skip=${skip}`)).length;
  }
  return sum;
}

async function serverCpuMs(): Promise<number> {
  const summary = JSON.parse((await read('/_simulator/summary')).toString()) as { cpuMs: number };
  return summary.cpuMs;
}

function read(path: string): Promise<Buffer> {
  const headers = { Authorization: `ManagementKey-v1 ${KEY}`, [CONTROL_HEADER]: '1' };
  return new Promise((resolve, reject) => {
    const request = get(url + path, { agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks)));
    });
    request.on('error', reject);
  });
}
