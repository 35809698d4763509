import { csvImports } from '../../src/import/csv-imports.js';
import { CsvUnits } from '../../src/import/csv-units.js';
import type { ColumnChoice } from '../../src/import/header.js';
import type { PartLimits } from '../../src/import/parts.js';
import { Problems } from '../../src/import/problems.js';
import { ProfileCsvUnits, ProfileJsonUnits } from '../../src/import/profile-units.js';
import { type Inspection, inspectFile, type NewAssembler, readParts } from '../../src/import/read-units.js';
import { SessionJsonUnits } from '../../src/import/session-json-units.js';
import { SessionCsvUnits } from '../../src/import/session-units.js';
import { openSourceFile } from '../../src/import/source-file.js';
import type { Unit } from '../../src/import/unit.js';
import { importFile } from './import-file.js';

// Both readings of a file, without API and journal.

/** Attributes of the account that the tests use. */
const PROFILE_TYPES = new Map([
  ['Name', 'string'],
  ['Age', 'number'],
  ['Vip', 'boolean'],
  ['Since', 'time'],
  ['Tags', '(list string)'],
  ['Scores', '(list number)'],
  ['FirstOrder', 'time'],
  ['Email', 'string'],
  ['Newsletter', 'boolean'],
]);
const SESSION_TYPES = {
  session: new Map([['channel', 'string']]),
  item: new Map([
    ['colour', 'string'],
    ['size', 'number'],
  ]),
};

export interface ReadOptions {
  readonly map?: Readonly<Record<string, string>>;
  readonly ignore?: readonly string[];
  readonly limits?: PartLimits;
  readonly delimiter?: string;
}

export interface ReadResult {
  readonly problems: Problems;
  readonly inspection: Inspection;
  /** Of the second reading; empty when there are problems. */
  readonly units: readonly Unit[];
  readonly parts: readonly (readonly Unit[])[];
  readonly header: string;
}

/** Reads `content` as the import `name` would; `.ndjson` in the name makes it NDJSON. */
export async function readAs(
  name: string,
  content: string | Buffer,
  { map = {}, ignore = [], limits = { units: 1000, bytes: 1e6 }, delimiter = ',' }: ReadOptions = {},
): Promise<ReadResult> {
  const [kind = '', extension = 'csv'] = name.split('.');
  const file = openSourceFile(importFile(`${kind}.${extension}`, content), undefined, delimiter);
  const choice = { map: new Map(Object.entries(map)), ignore: new Set(ignore) };
  const newAssembler = assemblerOf(kind, extension === 'ndjson', choice);
  const problems = new Problems();
  const inspection = await inspectFile(file, newAssembler, limits, problems, () => {});
  const parts: (readonly Unit[])[] = [];
  let header = '';
  if (problems.count === 0) {
    for await (const part of readParts(file, newAssembler, inspection.parts, () => true)) {
      parts.push(part.units);
      header = part.header;
    }
  }
  return { problems, inspection, units: parts.flat(), parts, header };
}

/** What is wrong with the file, as it would be told. */
export async function problemsOf(
  name: string,
  content: string | Buffer,
  options: ReadOptions = {},
): Promise<string[]> {
  return (await readAs(name, content, options)).problems.lines();
}

export function assemblerOf(kind: string, isJson: boolean, choice: ColumnChoice): NewAssembler {
  if (kind === 'profiles')
    return (problems) =>
      isJson
        ? new ProfileJsonUnits(PROFILE_TYPES, problems)
        : new ProfileCsvUnits(PROFILE_TYPES, choice, problems);
  if (kind === 'sessions')
    return (problems) =>
      isJson
        ? new SessionJsonUnits(SESSION_TYPES, problems)
        : new SessionCsvUnits(SESSION_TYPES, choice, problems);
  const what = csvImports.find((candidate) => candidate.name === kind);
  if (!what) throw new TypeError(`no import ${kind}`);
  return (problems) => new CsvUnits(what, choice, problems);
}
