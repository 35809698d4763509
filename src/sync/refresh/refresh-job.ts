import type { Config } from '../../config.js';
import { type Instant, parseInstant } from '../../instant.js';
import { type Observer, silentObserver } from '../../observer.js';
import type { ManagementClient } from '../../talon-one/management.js';
import { readReaches } from '../../warehouse/cursor.js';
import { advanceJob } from '../../warehouse/job.js';
import { databaseTime } from '../../warehouse/owed.js';
import { idRange, nextToRefresh } from '../../warehouse/refresh-reads.js';
import { writeRefreshed } from '../../warehouse/refresh-writer.js';
import type { Warehouse } from '../../warehouse/warehouse.js';
import { applicationJobs, makeApplicationJobs } from '../application-jobs.js';
import { type CycleContext, createCycleContext, noteQuarantined } from '../cycle-context.js';
import type { JobContext, JobKind, JobResult } from '../job.js';
import { Answers } from './answers.js';
import { type ReadAgain, type ReadAgainOptions, readProfilesAgain, readSessionsAgain } from './read-again.js';
import { beginRound, type Round, roundOf, roundState, untilDueMs } from './round.js';

// Changes that make no event: profiles and open sessions are read again, all of them once in a period.
//
// 1. While the Application is behind, nothing: the requests are wanted elsewhere.
// 2. Take the next chunk below the last one, ask for it with what the budget spares, and store what changed in one
//    transaction with how far the walk has come.
// 3. Go on when the walk is due to (round.ts).

export interface RefreshOptions {
  readonly config: Config;
  readonly warehouse: Warehouse;
  /** With a budget below the sync's own. */
  readonly sparing: ManagementClient;
  /** In which everything is read again once. */
  readonly period: Instant;
  /** Told of the snapshots that are stored. */
  readonly observer?: Observer;
}

/** While an Application is behind, or nothing is known of it. */
const LOOK_AGAIN_MS = 300_000;
/** Another period in the configuration shows by then. */
const LONGEST_WAIT_MS = 3_600_000;
/** Of a walk that has fallen behind in one run: others want their turn. */
const MOST_CHUNKS = 20;

/** `refresh-profiles` and `refresh-sessions` make a job for each Application, which walks through its records. */
export function refreshJobs(options: RefreshOptions): JobKind[] {
  return [
    refreshJob('refresh-profiles', readProfilesAgain, options),
    refreshJob('refresh-sessions', readSessionsAgain, options),
  ];
}

function refreshJob(
  name: string,
  readerOf: (options: ReadAgainOptions) => ReadAgain,
  options: RefreshOptions,
): JobKind {
  const { config, warehouse, sparing: client } = options;
  const { pageSize } = config.talonOne;
  const { sessionSource } = config.sync;
  // What the server takes, and how its sessions lie, is learned by each for itself.
  const readers = new Map<string, ReadAgain>();
  const reader = (id: string) => {
    const known = readers.get(id) ?? readerOf({ warehouse, client, pageSize, sessionSource });
    readers.set(id, known);
    return known;
  };
  const run = (context: JobContext) =>
    context.subject === ''
      ? makeApplicationJobs(name, warehouse, context.lease)
      : refresh(reader(context.subject), options, context);
  return { name, jobs: applicationJobs(name, config), inOnce: 'if-due', isAlone: true, run };
}

interface Figures {
  /** Records that were read again. */
  refreshed: number;
  changed: number;
  gone: number;
}

async function refresh(reader: ReadAgain, options: RefreshOptions, context: JobContext): Promise<JobResult> {
  const { warehouse, period } = options;
  const [cursor] = await readReaches(warehouse, [context.subject]);
  // Its status as the last cycle left it: between two runs of `once` it may be a day behind, and is not while it runs.
  if (cursor?.status !== 'up-to-date')
    return { next: { inMs: LOOK_AGAIN_MS }, figures: { waitingFor: 'the events' } };
  const figures: Figures = { refreshed: 0, changed: 0, gone: 0 };
  let round = roundOf(context.state);
  for (let chunks = 0; chunks < MOST_CHUNKS; chunks += 1) {
    const askedAt = await databaseTime(warehouse);
    const now = parseInstant(askedAt) ?? 0n;
    const waitMs = round === undefined ? 0 : untilDueMs(round, period, now);
    if (waitMs > 0) return { next: { inMs: Math.min(waitMs, LONGEST_WAIT_MS) }, figures: { ...figures } };
    if (round?.below === undefined) {
      const range = await idRange(warehouse, reader.kind, context.subject);
      if (range === undefined) return { next: { inMs: LOOK_AGAIN_MS }, figures: { ...figures } };
      round = beginRound(now, range);
    }
    round = await refreshChunk(reader, round, options, context, figures);
  }
  return { next: { inMs: 0 }, isBehind: true, figures: { ...figures } };
}

/** Reads the next chunk again, and stores what changed together with the round that is returned. */
async function refreshChunk(
  { kind, limit, scan, read }: ReadAgain,
  round: Round,
  { warehouse, observer = silentObserver }: RefreshOptions,
  context: JobContext,
  figures: Figures,
): Promise<Round> {
  const { subject: applicationId, lease, tally, log } = context;
  const below = String(round.below);
  const chunk = await nextToRefresh(warehouse, { kind, applicationId, below, limit, scan });
  // After the newest snapshots were looked at: what is stored meanwhile is seen by `writeRefreshed`.
  const askedAt = await databaseTime(warehouse);
  const answers = new Answers(chunk.wanted);
  if (chunk.wanted.length > 0) await read(chunk.wanted, readingContext(context, answers));
  const next = { ...round, below: chunk.below === undefined ? undefined : BigInt(chunk.below) };
  const fence = (client: Parameters<typeof advanceJob>[0]) => advanceJob(client, lease, roundState(next));
  const batch = { kind, applicationId, askedAt, fence, ...answers.collected };
  const { lanes, changed, gone, quarantined } = await writeRefreshed(warehouse, batch);
  noteQuarantined({ tally, log }, { inserted: changed, quarantined }, batch.source);
  for (const lane of lanes) observer.snapshotsStored(applicationId, lane, 1);
  figures.refreshed += chunk.wanted.length;
  figures.changed += changed;
  figures.gone += gone;
  return next;
}

/** What the steps of a cycle want. Its lease is that of the job: nothing is written under it but by `writeRefreshed`. */
function readingContext({ lease, subject, signal, log, requests }: JobContext, store: Answers): CycleContext {
  const context = createCycleContext({ ...lease, applicationId: subject }, signal, log);
  return { ...context, requests, store };
}
