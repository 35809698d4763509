import { UserError } from '../errors.js';
import type { PlannedPart } from '../warehouse/import-journal.js';
import { contentHash, PartCutter, type PartLimits } from './parts.js';
import { Problems } from './problems.js';
import { newReading, type Reading, readRows, type SourceFile } from './source-file.js';
import type { Assembler, Unit } from './unit.js';

/** Makes the assembler for one reading of the file; it tells `problems` what is wrong. */
export type NewAssembler = (problems: Problems) => Assembler;

/** What the first reading has found. */
export interface Inspection {
  /** SHA-256, hexadecimal. */
  readonly fileHash: string;
  readonly units: number;
  /** Empty when there are problems. */
  readonly parts: readonly PlannedPart[];
}

/** First reading: checks the whole file and plans its parts. What is wrong is with `problems` afterwards. */
export async function inspectFile(
  file: SourceFile,
  newAssembler: NewAssembler,
  limits: PartLimits,
  problems: Problems,
  onBytes: (bytes: number) => void,
): Promise<Inspection> {
  const reading = newReading(onBytes);
  const assembler = newAssembler(problems);
  let cutter: PartCutter | undefined;
  let units = 0;
  for await (const batch of readUnits(file, reading, assembler, problems)) {
    units += batch.length;
    // The header is known from the first unit on.
    cutter ??= new PartCutter(limits, assembler.header);
    if (problems.count === 0) for (const unit of batch) cutter.add(unit);
  }
  if (units === 0 && problems.count === 0) problems.add(0, '', '', 'there is nothing to import in it');
  const cut = problems.count === 0 ? (cutter?.finish() ?? []) : [];
  const [, second] = cut;
  if (limits.isWhole && second)
    problems.add(
      second.firstLine,
      '',
      '',
      `the list has to go in one upload of at most ${limits.bytes} bytes`,
    );
  const parts = problems.count === 0 ? cut : [];
  return { fileHash: reading.hash.digest('hex'), units, parts };
}

/**
 * Second reading: yields those of the planned parts that `isWanted` chooses, with their units.
 * @throws UserError when the file is no longer what it was at the first reading
 */
export async function* readParts(
  file: SourceFile,
  newAssembler: NewAssembler,
  parts: readonly PlannedPart[],
  isWanted: (part: PlannedPart) => boolean,
): AsyncGenerator<{ part: PlannedPart; units: readonly Unit[]; header: string }> {
  const problems = new Problems();
  const assembler = newAssembler(problems);
  let index = 0;
  let count = 0;
  let units: Unit[] = [];
  for await (const batch of readUnits(file, newReading(), assembler, problems)) {
    for (const unit of batch) {
      const part = parts[index];
      if (!part) throw changed(file);
      const wanted = isWanted(part);
      if (wanted) units.push(unit);
      count += 1;
      if (count < part.units) continue;
      const { header } = assembler;
      if (wanted && contentHash(header, units) !== part.contentHash) throw changed(file);
      if (wanted) yield { part, units, header };
      index += 1;
      count = 0;
      units = [];
    }
  }
  if (index < parts.length) throw changed(file);
}

function changed(file: SourceFile): UserError {
  return new UserError(`${file.name} has changed while it was imported: nothing more of it was sent.`);
}

async function* readUnits(
  file: SourceFile,
  reading: Reading,
  assembler: Assembler,
  problems: Problems,
): AsyncGenerator<readonly Unit[]> {
  let hasHeader = file.format === 'ndjson';
  let isReadable = true;
  for await (const rows of readRows(file, reading, problems)) {
    const units: Unit[] = [];
    for (const row of rows) {
      if (!hasHeader) {
        hasHeader = true;
        isReadable = assembler.begin(row);
      } else if (isReadable) {
        const unit = assembler.take(row);
        if (unit) units.push(unit);
      }
    }
    if (!isReadable) return;
    if (units.length > 0) yield units;
  }
  const last = assembler.end();
  if (last) yield [last];
}
