import { sleep } from '../clock.js';
import { UserError } from '../errors.js';
import { formatInstant, parseInstant, seconds } from '../instant.js';
import { type JournalPart, knownApiImports, notePart, type PartState } from '../warehouse/import-parts.js';
import type { ImportTask } from './import-task.js';
import type { OpenImport } from './journal.js';
import { Ledger, type LedgerMatch, type PointRow, pointRows } from './ledger-match.js';
import { readParts } from './read-units.js';

/** The clocks of the API and of Postgres may differ by this much. */
const CLOCK_SKEW_SECONDS = 300;

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
  await waitUntilOver(task, unsettled, signal);
  const ledger = await readLedger(task, unsettled, signal);
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

/** False when the ledger has some rows of the part and not the others: their lines become problems. */
async function settle(
  task: ImportTask,
  lease: OpenImport['lease'],
  part: number,
  { found, missing, apiImportId }: LedgerMatch,
): Promise<boolean> {
  const state = missing.length === 0 ? 'accepted' : found === 0 ? 'planned' : undefined;
  task.log.info({ part, found, missing: missing.length, settledAs: state }, 'looked up in the ledger');
  if (state === undefined) {
    for (const line of missing)
      task.problems.add(line, '', '', 'is not in the ledger; others of its part are');
    return false;
  }
  const answer =
    state === 'accepted' ? `the ledger has all ${found} rows` : 'the ledger has none of its rows';
  const isKnown = state === 'accepted' && apiImportId !== undefined;
  await notePart(task.warehouse, lease, part, { state, answer, ...(isKnown ? { apiImportId } : {}) });
  return true;
}

// A request whose answer was lost may still be at work: what is not in the ledger yet would seem never to have been sent.
// The API gives up an upload after 30 seconds (section 9.1), which is also our usual timeout.
async function waitUntilOver(
  task: ImportTask,
  parts: readonly JournalPart[],
  signal: AbortSignal,
): Promise<void> {
  const youngestMs = Math.min(...parts.map((part) => part.sentMsAgo ?? 0));
  const waitMs = Math.max(0, 2 * task.requestTimeoutMs - youngestMs);
  if (waitMs > 0) task.log.info({ waitMs }, 'waiting until a request that was cut off must be over');
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
  const startDate = formatInstant(first - seconds(CLOCK_SKEW_SECONDS));
  const identity = { deployment, kind: kind.name, target: kind.target };
  const ledger = new Ledger(await warehouse.transaction((db) => knownApiImports(db, identity)));
  const context = { signal, onFailedAttempt: task.onFailedAttempt };
  for await (const page of client.importedTransactions(kind.ledger, startDate, context))
    for (const transaction of page) ledger.add(transaction);
  return ledger;
}
