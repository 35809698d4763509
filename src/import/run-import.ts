import { UserError } from '../errors.js';
import type { ImportIdentity } from '../warehouse/import-journal.js';
import { type JournalPart, notePart, readParts } from '../warehouse/import-parts.js';
import type { ImportTask } from './import-task.js';
import { type OpenImport, openImport, whileOpen } from './journal.js';
import { type Inspection, inspectFile } from './read-units.js';
import { adviceFor, sendParts } from './send-parts.js';
import { unsettledParts, verifyParts } from './verify.js';

// One import, from the file to the last answer:
//   1. the whole file is read and checked, and cut into parts; nothing is sent while anything is wrong with it
//   2. the journal finds an unfinished import of the same parts, or begins one
//   3. parts of which nobody knows what became of them are settled first, or stop the import
//   4. the file is read a second time, and every part that is not accepted is sent
// Memory: one part at a time, whatever the length of the file.

export interface ImportOptions {
  /** Send rows that were sent before. */
  readonly again: boolean;
  /** Look up what became of unsettled parts, send nothing. */
  readonly verify: boolean;
  /** What the user knows of unsettled parts; nothing is sent. */
  readonly settle: 'accepted' | 'not-sent' | undefined;
}

interface Counts {
  /** Parts that are imported. */
  readonly accepted: number;
  /** Parts that the API has refused just now. */
  readonly refused: number;
}

export interface ImportResult extends Counts {
  readonly importId: string;
  readonly units: number;
  readonly parts: number;
  /** Parts among the accepted ones that an earlier import has sent. */
  readonly skipped: number;
}

/**
 * Checks the file.
 * @throws UserError when something is wrong with it; what, is with `task.problems`
 */
export async function checkFile(
  task: Pick<ImportTask, 'file' | 'kind' | 'problems' | 'progress'>,
  signal: AbortSignal,
): Promise<Inspection> {
  const { file, kind, problems, progress } = task;
  const onBytes = (bytes: number) => {
    if (signal.aborted) throw new UserError(`Stopped while ${file.name} was checked. Nothing was sent.`);
    progress.checked(bytes);
  };
  const inspection = await inspectFile(file, kind.newAssembler, kind.limits, problems, onBytes);
  if (problems.count === 0) return inspection;
  const places = problems.count === 1 ? '1 problem' : `${problems.count} problems`;
  throw new UserError(`${file.name} has ${places}. Nothing was sent.`);
}

/**
 * Imports the file as `checkFile` has found it, or settles what an earlier run has left open.
 * @throws UserError when not everything is imported, and what to do then
 */
export async function runImport(
  task: ImportTask,
  inspection: Inspection,
  options: ImportOptions,
  signal: AbortSignal,
): Promise<ImportResult> {
  const open = await openImport(
    task.warehouse,
    identityOf(task, inspection),
    inspection.parts,
    {
      effect: task.kind.effect,
      hasLedger: task.kind.ledger !== undefined,
      again: options.again,
      onlyResume: options.verify || options.settle !== undefined,
      owner: task.owner,
      leaseMs: task.leaseMs,
      onWait: (waitMs) => task.log.info({ waitMs }, 'waiting for the lease of another process to run out'),
    },
    signal,
  );
  const { importId } = open.lease;
  task.log.info({ importId, parts: open.parts.length, resumed: open.isResumed }, 'import opened');
  const result = await whileOpen(task.warehouse, open.lease, async (lost) => {
    if (options.verify) return verify(task, open, signal);
    if (options.settle !== undefined) return settleBy(task, open, options.settle);
    refuseUnsettled(task, open.parts);
    task.progress.found(inspection.units);
    return sendParts(task, inspection.fileHash, open, signal, lost);
  });
  return { importId, units: inspection.units, parts: open.parts.length, skipped: open.skipped, ...result };
}

function identityOf(task: ImportTask, { fileHash, units }: Inspection): ImportIdentity {
  const { kind, file, deployment } = task;
  const { name: fileName, bytes: fileBytes } = file;
  return { deployment, kind: kind.name, target: kind.target, fileName, fileHash, fileBytes, units };
}

/** Rows that add must not be sent again while nobody knows whether they were added. */
function refuseUnsettled(task: ImportTask, parts: readonly JournalPart[]): void {
  const unsettled = unsettledParts(parts);
  if (task.kind.effect !== 'adds' || unsettled.length === 0) return;
  const list = unsettled.map(
    ({ part, state, firstLine, lastLine, answer }) =>
      `part ${part} (lines ${firstLine} to ${lastLine}) is ${state}: ${answer ?? 'no answer'}`,
  );
  throw new UserError(`${list.join('\n')}\n${adviceFor(task.kind.ledger)}`);
}

async function verify(task: ImportTask, open: OpenImport, signal: AbortSignal): Promise<Counts> {
  const remaining = await verifyParts(task, open, signal);
  if (remaining === 0) return countParts(task, open);
  const which = remaining === 1 ? '1 part' : `${remaining} parts`;
  throw new UserError(
    `The ledger does not tell what became of ${which}: it has some of their rows only, or other amounts for the same accounts, as if they had been rounded. That is left open. Verify again later; if it stays so, look at the lines above in Campaign Manager (--report FILE lists them all), import what is missing as a file of its own, then --settle accepted. --settle not-sent only if nothing at all has arrived.`,
  );
}

async function settleBy(
  task: ImportTask,
  open: OpenImport,
  verdict: 'accepted' | 'not-sent',
): Promise<Counts> {
  const state = verdict === 'accepted' ? 'accepted' : 'planned';
  for (const { part } of unsettledParts(open.parts))
    await notePart(task.warehouse, open.lease, part, { state, answer: `settled by hand as ${verdict}` });
  return countParts(task, open);
}

async function countParts(task: ImportTask, { lease }: OpenImport): Promise<Counts> {
  const parts = await task.warehouse.transaction((client) => readParts(client, lease.importId));
  return { accepted: parts.filter(({ state }) => state === 'accepted').length, refused: 0 };
}
