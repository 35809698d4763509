import { sleep } from '../clock.js';
import { UserError } from '../errors.js';
import { type Instant, parseInstant, seconds } from '../instant.js';
import { type JournalPart, knownApiImports, notePart, type PartState } from '../warehouse/import-parts.js';
import type { ImportTask } from './import-task.js';
import type { OpenImport } from './journal.js';
import { Ledger, type LedgerMatch, type PointRow, pointRows } from './ledger-match.js';
import { readParts } from './read-units.js';
import { unlessStopped } from './unless-stopped.js';

/** The clocks of the API and of Postgres may differ by this much: a clock in the wrong time zone is off by hours. */
const CLOCK_SKEW = seconds(86_400);
/** The API gives up an upload after 30 seconds (docs/api-facts.md, Imports); twice that is kept at the least. */
const LONGEST_UPLOAD_MS = 60_000;

/**
 * Milliseconds after which the ledger has what a request brought about, even if its answer was lost: the request may
 * still have been at work, and records may become visible late.
 */
export function visibleAfterMs(requestTimeoutMs: number, lookback: Instant): number {
  return Math.max(2 * requestTimeoutMs, LONGEST_UPLOAD_MS) + Number(lookback / 1000n);
}

const isUnsettled = (part: { state: PartState }) => part.state === 'uncertain' || part.state === 'refused';

export const unsettledParts = (parts: readonly JournalPart[]): JournalPart[] => parts.filter(isUnsettled);

/**
 * Looks up in the ledger what became of the parts nobody knows of, and settles those that are there whole, or not at all.
 * Refused ones are looked up too: whether a refused upload leaves nothing behind is not documented.
 * @returns how many remain unsettled
 */
export async function verifyParts(
  task: ImportTask,
  { lease, parts }: OpenImport,
  signal: AbortSignal,
): Promise<number> {
  const unsettled = unsettledParts(parts);
  if (unsettled.length === 0) return 0;
  const ledger = await unlessStopped(signal, 'before the ledger was read', async () => {
    await waitUntilVisible(task, unsettled, signal);
    return readLedger(task, unsettled, signal);
  });
  const wanted = new Set(unsettled.map((part) => part.part));
  const asked: { part: number; rows: readonly PointRow[] }[] = [];
  const isWanted = ({ part }: { part: number }) => wanted.has(part);
  const { file, kind } = task;
  for await (const { part, units, header } of readParts(file, kind.newAssembler, parts, isWanted))
    asked.push({ part: part.part, rows: pointRows(header, units) });
  const matches = ledger.match(asked.map(({ rows }) => rows));
  let remaining = 0;
  for (const [index, match] of matches.entries()) {
    const isSettled = await settle(task, lease, asked[index]?.part ?? 0, match);
    if (!isSettled) remaining += 1;
  }
  return remaining;
}

/** False when the ledger does not tell: the lines in question become problems. */
async function settle(
  task: ImportTask,
  lease: OpenImport['lease'],
  part: number,
  match: LedgerMatch,
): Promise<boolean> {
  const { found, missing, otherAmount, apiImportId } = match;
  const state = verdictOf(match);
  const fields = { part, found, missing: missing.length, otherAmount: otherAmount.length, settledAs: state };
  task.log.info(fields, 'looked up in the ledger');
  if (state === undefined) {
    explain(task, match);
    return false;
  }
  const answer =
    state === 'accepted' ? `the ledger has all ${found} rows` : 'the ledger has none of its rows';
  const isKnown = state === 'accepted' && apiImportId !== undefined;
  await notePart(task.warehouse, lease, part, { state, answer, ...(isKnown ? { apiImportId } : {}) });
  return true;
}

/** `undefined` when neither "all of it" nor "nothing" is certain. A wrong "nothing" would pay twice. */
function verdictOf({ found, missing, otherAmount }: LedgerMatch): 'accepted' | 'planned' | undefined {
  if (missing.length === 0) return 'accepted';
  return found === 0 && otherAmount.length === 0 ? 'planned' : undefined;
}

function explain({ problems }: ImportTask, { found, missing, otherAmount }: LedgerMatch): void {
  const others = new Set(otherAmount);
  const rest = found > 0 ? 'is not in the ledger; others of its part are' : 'is not in the ledger';
  const rounded =
    'is not in the ledger with this amount; another import has added another amount for the same account';
  for (const line of missing) problems.add(line, '', '', others.has(line) ? rounded : rest);
}

async function waitUntilVisible(
  task: ImportTask,
  parts: readonly JournalPart[],
  signal: AbortSignal,
): Promise<void> {
  const youngestMs = Math.min(...parts.map((part) => part.quietMs ?? 0));
  const waitMs = Math.max(0, task.visibleAfterMs - youngestMs);
  if (waitMs > 0) task.log.info({ waitMs }, 'waiting until the ledger must have what was sent');
  await sleep(waitMs, signal);
}

async function readLedger(
  task: ImportTask,
  parts: readonly JournalPart[],
  signal: AbortSignal,
): Promise<Ledger> {
  const { kind, client, warehouse, deployment } = task;
  if (kind.ledger === undefined) throw new UserError(`There is no ledger to verify ${kind.name} with.`);
  const sent = parts.flatMap((part) => (part.sentAt === undefined ? [] : [parseInstant(part.sentAt) ?? 0n]));
  const first = sent.reduce((least, instant) => (instant < least ? instant : least), sent[0] ?? 0n);
  const identity = { deployment, kind: kind.name, target: kind.target };
  const ledger = new Ledger(await warehouse.transaction((db) => knownApiImports(db, identity)));
  const context = { signal, onFailedAttempt: task.onFailedAttempt };
  for await (const page of client.importedTransactions(kind.ledger, first - CLOCK_SKEW, context))
    for (const transaction of page) ledger.add(transaction);
  return ledger;
}
