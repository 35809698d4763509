import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { UserError } from '../errors.js';
import { type JournalPart, notePart } from '../warehouse/import-parts.js';
import type { ImportTask } from './import-task.js';
import type { OpenImport } from './journal.js';
import type { Outcome } from './outcome.js';
import { readParts } from './read-units.js';

export interface SendResult {
  readonly accepted: number;
  readonly refused: number;
}

/**
 * Second reading: sends every part that is not accepted yet. Before each, the journal says so; after each, what became of
 * it.
 * @param stop no new part is begun once it aborts; the one under way is finished
 * @param lost the import was taken over: the request under way is given up
 * @throws UserError that says where things stand when not all could be sent
 */
export async function sendParts(
  task: ImportTask,
  fileHash: string,
  { lease, parts }: OpenImport,
  stop: AbortSignal,
  lost: AbortSignal,
): Promise<SendResult> {
  setMaxListeners(0, lost);
  const journal = new Map(parts.map((part) => [part.part, part]));
  const isWanted = ({ part }: { part: number }) => journal.get(part)?.state !== 'accepted';
  const result = { accepted: parts.filter((part) => part.state === 'accepted').length, refused: 0 };
  let units = parts.reduce((sum, part) => sum + (part.state === 'accepted' ? part.units : 0), 0);
  task.progress.sent(units);
  for await (const { part, units: content, header } of readParts(
    task.file,
    task.kind.newAssembler,
    parts,
    isWanted,
  )) {
    if (stop.aborted) throw stopped(result.accepted, parts.length);
    const keys = keysOf(fileHash, lease.importId, journal.get(part.part));
    await notePart(task.warehouse, lease, part.part, { state: 'sent' });
    const context = { signal: lost, onFailedAttempt: task.onFailedAttempt };
    const { client, problems, kind } = task;
    const fileName = task.file.name;
    const outcome = await kind.deliver({
      part,
      units: content,
      header,
      fileName,
      keys,
      client,
      context,
      problems,
    });
    logAnswer(task, lease.importId, part.part, outcome);
    await notePart(task.warehouse, lease, part.part, outcome);
    checkOutcome(task, part, outcome);
    if (outcome.state === 'accepted') result.accepted += 1;
    else result.refused += 1;
    units += part.units;
    task.progress.sent(units);
  }
  return result;
}

// Before it is noted: if Postgres is away then, the log still has the ID by which the API knows what it took.
function logAnswer({ log, kind }: ImportTask, importId: string, part: number, outcome: Outcome): void {
  const apiImportId = outcome.state === 'accepted' ? outcome.apiImportId : undefined;
  log.info({ kind: kind.name, importId, part, state: outcome.state, apiImportId }, 'part answered');
}

/**
 * Keys that repeat the answers of earlier sendings, and one more if they were refusals (docs/api-facts.md, Imports:
 * kept 24 hours).
 */
function keysOf(fileHash: string, importId: string, part: JournalPart | undefined): [string, ...string[]] {
  const keyAfter = (refusals: number) =>
    createHash('sha256').update([fileHash, importId, part?.part, refusals].join('/')).digest('hex');
  const later = Array.from({ length: part?.refusals ?? 0 }, (_, index) => keyAfter(index + 1));
  return [keyAfter(0), ...later];
}

function checkOutcome(task: ImportTask, part: { part: number; units: number }, outcome: Outcome): void {
  const { kind } = task;
  if (outcome.state === 'accepted') {
    const { apiAmount } = outcome;
    if (apiAmount === undefined || apiAmount === part.units) return;
    task.log.warn(
      { part: part.part, rows: part.units, taken: apiAmount },
      'the API counts other rows than were sent',
    );
    return;
  }
  if (outcome.state === 'refused' && kind.goesOn) return;
  const where = `Part ${part.part}`;
  if (outcome.state === 'planned')
    throw new UserError(
      `${where} was not imported: ${outcome.answer}. Mend that; the same command goes on there.`,
    );
  if (kind.effect === 'adds') throw new UserError(`${where}: ${outcome.answer}. ${adviceFor(kind.ledger)}`);
  const end = outcome.state === 'refused' ? 'was refused' : 'was sent, and no answer came';
  throw new UserError(
    `${where} ${end}: ${outcome.answer}. Run the same command again: sending it twice does no harm.`,
  );
}

/** What to do with a part that adds, and of which nobody knows whether it was added. */
export function adviceFor(ledger: string | undefined): string {
  const settle =
    'once you know what became of it (Campaign Manager shows imports), --settle accepted or --settle not-sent';
  return ledger === undefined
    ? `It is not sent again before you say so: ${settle}.`
    : `It may have been added, so it is not sent again: run the same command with --verify to look it up in the ledger (or, ${settle}).`;
}

function stopped(accepted: number, parts: number): UserError {
  return new UserError(
    `Stopped: ${accepted} of ${parts} parts are imported. The same command goes on there.`,
  );
}
