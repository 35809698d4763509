import { channel } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import pg from 'pg';

// Loaded into the daemon's process before the daemon (node --import): notes when pages of events are written and what the
// process uses, without a line in the daemon itself. The figures go to the file that PROBE_FILE names, at the end.

/** Moments are milliseconds since 1970, durations milliseconds, CPU is in seconds. */
export interface ProbeReport {
  /** The first request for events was sent. */
  readonly firstRequestAt: number;
  /** The first page of events was committed. */
  readonly firstWriteAt: number;
  /** The last page of events was committed. */
  readonly lastWriteAt: number;
  readonly pages: number;
  /** Sum over all pages: from the beginning of the transaction in writeEventPage to the answer to its commit. */
  readonly writingMs: number;
  /** CPU of the process between the two moments. */
  readonly eventsCpu: number;
  readonly peakRssBytes: number;
  /** SIGTERM was sent, in the middle of the page that PROBE_STOP_IN_PAGE names; 0: it was not. */
  readonly stoppedAt: number;
}

const report = { firstRequestAt: 0, firstWriteAt: 0, lastWriteAt: 0, pages: 0, writingMs: 0, stoppedAt: 0 };
const stopInPage = Number(process.env.PROBE_STOP_IN_PAGE ?? 0);
let cpuAtStart = process.cpuUsage();
let cpuAtEnd = cpuAtStart;

const now = () => performance.timeOrigin + performance.now();

channel('http.client.request.start').subscribe((message) => {
  const { path } = (message as { request: { path: string } }).request;
  if (report.firstRequestAt !== 0 || !path.includes('/events')) return;
  report.firstRequestAt = now();
  cpuAtStart = process.cpuUsage();
});

interface Transaction {
  readonly beganAt: number;
  writesEvents: boolean;
}

const transactions = new WeakMap<object, Transaction>();

function noteQuery(client: object, text: string, answer: unknown): void {
  if (text.startsWith('begin')) transactions.set(client, { beganAt: now(), writesEvents: false });
  const transaction = transactions.get(client);
  if (!transaction) return;
  if (text.includes('insert into talon_one_event ')) {
    transaction.writesEvents = true;
    if (report.pages + 1 === stopInPage) {
      report.stoppedAt = now();
      process.kill(process.pid, 'SIGTERM');
    }
  }
  if (text !== 'commit' || !transaction.writesEvents || !(answer instanceof Promise)) return;
  void answer.then(() => {
    report.lastWriteAt = now();
    report.firstWriteAt ||= report.lastWriteAt;
    report.pages += 1;
    report.writingMs += report.lastWriteAt - transaction.beganAt;
    cpuAtEnd = process.cpuUsage();
  });
}

type Query = (this: object, ...args: unknown[]) => unknown;
const prototype = pg.Client.prototype as unknown as { query: Query };
const { query } = prototype;
prototype.query = function (...args) {
  const answer = query.apply(this, args);
  if (typeof args[0] === 'string') noteQuery(this, args[0], answer);
  return answer;
};

process.on('exit', () => {
  const { PROBE_FILE } = process.env;
  if (PROBE_FILE === undefined) return;
  const micros = cpuAtEnd.user + cpuAtEnd.system - cpuAtStart.user - cpuAtStart.system;
  const whole: ProbeReport = {
    ...report,
    eventsCpu: micros / 1_000_000,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
  writeFileSync(PROBE_FILE, JSON.stringify(whole));
});
