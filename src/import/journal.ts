import { sleep } from '../clock.js';
import { UserError } from '../errors.js';
import {
  type EarlierImport,
  findSentBefore,
  findUnfinished,
  findUnsettled,
  type ImportIdentity,
  type ImportLease,
  insertImport,
  lockTarget,
  type PlannedPart,
  releaseImport,
  renewImport,
  supersedeEarlier,
  takeImport,
  type UnsettledImport,
} from '../warehouse/import-journal.js';
import { type JournalPart, readParts, settleAbandoned, takeOverAccepted } from '../warehouse/import-parts.js';
import type { Client } from '../warehouse/pool.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { Effect } from './csv-imports.js';
import { unlessStopped } from './unless-stopped.js';

/** Renewals per lease time: one may fail without the lease being lost. */
const RENEWALS = 3;

export interface OpenImport {
  readonly lease: ImportLease;
  readonly parts: readonly JournalPart[];
  /** It was begun by an earlier run. */
  readonly isResumed: boolean;
  /** Parts that another import has had accepted, and that are therefore not sent. */
  readonly skipped: number;
}

export interface OpenOptions {
  readonly effect: Effect;
  /** A ledger tells what has arrived. */
  readonly hasLedger: boolean;
  /** Send rows that were sent before. */
  readonly again: boolean;
  /** Only an import that was begun before will do. */
  readonly onlyResume: boolean;
  readonly owner: string;
  readonly leaseMs: number;
  /** Told when another process has to be waited for. */
  readonly onWait: (waitMs: number) => void;
}

/**
 * Goes on with an unfinished import of the same file, or begins one.
 * @throws UserError when rows that add to what is there were sent before, or another process is at work
 */
export async function openImport(
  warehouse: Warehouse,
  identity: ImportIdentity,
  parts: readonly PlannedPart[],
  options: OpenOptions,
  signal: AbortSignal,
): Promise<OpenImport> {
  for (let attempt = 1; ; attempt += 1) {
    const opened = await tryToOpen(warehouse, identity, parts, options);
    if (!('busyMs' in opened)) return opened;
    if (attempt > 1)
      throw new UserError('Another process is at work on this import: wait for it, or stop it first.');
    // A process that was killed leaves its lease behind; one that lives renews it meanwhile.
    options.onWait(opened.busyMs);
    const waitMs = opened.busyMs + 1;
    await unlessStopped(signal, 'while another process was waited for', () => sleep(waitMs, signal));
  }
}

async function tryToOpen(
  warehouse: Warehouse,
  identity: ImportIdentity,
  parts: readonly PlannedPart[],
  options: OpenOptions,
): Promise<OpenImport | { busyMs: number }> {
  const { effect, again, onlyResume, owner, leaseMs } = options;
  return warehouse.transaction(async (client) => {
    await lockTarget(client, identity);
    // A list that was imported since must not be taken back by the rest of an older one.
    const onlyNewest = effect === 'same' || effect === 'replaces';
    const unfinished = await findUnfinished(client, identity, parts, onlyNewest);
    if (effect === 'adds') await refuseTwice(client, identity, parts, unfinished, options);
    if (unfinished === undefined && onlyResume)
      throw new UserError('There is no unfinished import of this file into this target: nothing to settle.');
    const importId = unfinished ?? (await insertImport(client, identity, parts));
    // One that adds stays open until it is settled, whatever came after it.
    if (effect !== 'adds') await supersedeEarlier(client, identity, importId);
    const lease = await takeImport(client, importId, owner, leaseMs);
    if ('busyMs' in lease) return lease;
    // Sending the same again does no harm unless it adds.
    await settleAbandoned(client, lease, effect === 'adds' ? 'uncertain' : 'planned');
    const isSkipping = effect === 'once' && !again && !onlyResume;
    const skipped = isSkipping ? await takeOverAccepted(client, identity, importId) : 0;
    const journal = await readParts(client, importId);
    return { lease, parts: journal, isResumed: unfinished !== undefined, skipped };
  });
}

/**
 * Rows that add must not be sent a second time: not those that an earlier import has sent, and none at all while some may
 * have been added by another file. That one may hold the same rows in other parts.
 */
async function refuseTwice(
  client: Client,
  identity: ImportIdentity,
  parts: readonly PlannedPart[],
  unfinished: string | undefined,
  { again, onlyResume, hasLedger }: OpenOptions,
): Promise<void> {
  if (unfinished === undefined && (onlyResume || !again)) {
    const earlier = await findSentBefore(client, identity, parts);
    if (earlier && !(onlyResume && earlier.finished)) throw sentBefore(earlier);
  }
  // To settle an import is always allowed: two that are open would keep each other from it.
  if (again || (onlyResume && unfinished !== undefined)) return;
  const unsettled = await findUnsettled(client, identity, unfinished);
  if (unsettled) throw notSettled(unsettled, hasLedger);
}

function notSettled(unsettled: UnsettledImport, hasLedger: boolean): UserError {
  const { importId, fileName, startedAt, unsettledParts } = unsettled;
  const parts = unsettledParts === 1 ? '1 part' : `${unsettledParts} parts`;
  const how = hasLedger
    ? 'with --verify, or with --settle once you know it'
    : 'with --settle once you know it';
  return new UserError(
    `Nobody knows yet what became of ${parts} of import ${importId} of ${fileName}, begun ${startedAt}: rows of this file that are also in that one might count twice. If it is still running, wait for it. Otherwise give its own command, with its own file, ${how}. Only if the two have no row in common, give --again.`,
  );
}

function sentBefore(earlier: EarlierImport): UserError {
  const { importId, fileName, startedAt, finished } = earlier;
  const what = finished
    ? `These rows were imported already: import ${importId} of ${fileName}, begun ${startedAt}.`
    : `Import ${importId} of ${fileName}, begun ${startedAt}, is not finished and has sent some of these rows. ${wayToFinish(earlier)}`;
  return new UserError(`${what} Sent again they would count twice. If that is meant, give --again.`);
}

function wayToFinish({ isSameFile, partUnits }: EarlierImport): string {
  return isSameFile
    ? `It was cut or mapped otherwise: finish it with the same options as then (--part-rows, --map, --ignore; its longest part has ${partUnits} rows).`
    : 'Finish it with its own file, or put only the rows that are not in it into a new file.';
}

/**
 * Runs `work` while the lease is renewed, then gives it back. The signal that `work` is given aborts when another process
 * has taken the import over.
 */
export async function whileOpen<T>(
  warehouse: Warehouse,
  lease: ImportLease,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  const done = new AbortController();
  const renewing = renew(warehouse, lease, done.signal, (error) => lost.abort(error));
  try {
    return await work(lost.signal);
  } catch (error) {
    throw lost.signal.aborted ? lost.signal.reason : error;
  } finally {
    done.abort();
    await renewing;
    // If Postgres is away, the lease runs out by itself; what the work has said must not be lost over it.
    await warehouse.transaction((client) => releaseImport(client, lease)).catch(() => {});
  }
}

async function renew(
  warehouse: Warehouse,
  lease: ImportLease,
  done: AbortSignal,
  onLost: (error: UserError) => void,
): Promise<void> {
  while (!done.aborted) {
    try {
      await sleep(lease.leaseMs / RENEWALS, done);
      await warehouse.transaction((client) => renewImport(client, lease));
    } catch (error) {
      if (error instanceof UserError) return onLost(error);
      // Stopped, or Postgres is away: the next renewal comes soon, and every note of a part checks anyway.
    }
  }
}
