import {
  type AttributeTypes,
  attributeProblems,
  attributeText,
  unknownAttribute,
} from './attribute-values.js';
import { type ColumnChoice, hasAllCells, readHeader } from './header.js';
import { readObject } from './json-line.js';
import type { Problems } from './problems.js';
import { SeenIds } from './seen-ids.js';
import type { Assembler, SourceRow, Unit } from './unit.js';

const ID = 'integrationId';
const PREFIX = 'attributes.';
const MAX_ID_LENGTH = 1000;

interface AttributeColumn {
  readonly index: number;
  /** As in the file, for messages. */
  readonly column: string;
  readonly name: string;
  readonly type: string;
}

/** What both formats have in common: the ID, and the attributes by their types. */
abstract class ProfileUnits implements Assembler {
  readonly header = '';
  private readonly seen = new SeenIds();

  constructor(
    protected readonly types: AttributeTypes,
    protected readonly problems: Problems,
  ) {}

  abstract begin(header: SourceRow): boolean;
  abstract take(row: SourceRow): Unit | undefined;

  end(): undefined {
    return undefined;
  }

  protected checkId(line: number, id: string): void {
    if (id === '') this.problems.add(line, ID, '', 'must not be empty');
    else if (id.length > MAX_ID_LENGTH)
      this.problems.add(line, ID, id, `must have at most ${MAX_ID_LENGTH} characters`);
    else if (!this.seen.add(id)) this.problems.add(line, ID, id, 'is there twice');
  }

  protected checkAttributes(line: number, attributes: Readonly<Record<string, unknown>>): void {
    for (const { name, reason } of attributeProblems(attributes, this.types))
      this.problems.add(line, `${PREFIX}${name}`, JSON.stringify(attributes[name]), reason);
  }
}

/** Profiles in a CSV file: `integrationId` and a column for each attribute. An empty cell leaves the attribute alone. */
export class ProfileCsvUnits extends ProfileUnits {
  private idIndex = -1;
  private width = 0;
  private columns: readonly AttributeColumn[] = [];

  constructor(
    types: AttributeTypes,
    private readonly choice: ColumnChoice,
    problems: Problems,
  ) {
    super(types, problems);
  }

  begin(header: SourceRow): boolean {
    const names = readHeader(header, this.choice, this.problems);
    if (names.length === 0) return false;
    this.width = names.length;
    this.idIndex = names.findIndex((name) => name?.toLowerCase() === ID.toLowerCase());
    if (this.idIndex < 0)
      this.problems.add(
        header.firstLine,
        ID,
        '',
        'this column is missing: name one with --map COLUMN=integrationId',
      );
    const mapped = new Set(this.choice.map.values());
    this.columns = names.flatMap((name, index) => {
      if (name === undefined || name === '' || index === this.idIndex) return [];
      return this.attributeColumn(header.firstLine, name, index, mapped.has(name));
    });
    return true;
  }

  take(row: SourceRow): Unit | undefined {
    if (!hasAllCells(row, this.width, this.problems)) return undefined;
    const id = (row.cells[this.idIndex] ?? '').trim();
    if (this.idIndex >= 0) this.checkId(row.firstLine, id);
    const members = this.columns.flatMap(({ index, name, type }) => {
      const cell = (row.cells[index] ?? '').trim();
      return cell === '' ? [] : [`${JSON.stringify(name)}:${attributeText(type, cell)}`];
    });
    const attributes = `{${members.join(',')}}`;
    this.checkAttributes(row.firstLine, JSON.parse(attributes) as Record<string, unknown>);
    const text = `{"${ID}":${JSON.stringify(id)},"attributes":${attributes}}`;
    return { firstLine: row.firstLine, lastLine: row.lastLine, id, text };
  }

  private attributeColumn(line: number, column: string, index: number, isMapped: boolean): AttributeColumn[] {
    const name = column.startsWith(PREFIX) ? column.slice(PREFIX.length) : column;
    const type = this.types.get(name);
    if (name === column && !isMapped)
      this.problems.add(
        line,
        column,
        '',
        `is no column of a profile: call it ${PREFIX}NAME, --map it, or --ignore it`,
      );
    else if (type === undefined) this.problems.add(line, column, '', unknownAttribute(name));
    return type === undefined ? [] : [{ index, column, name, type }];
  }
}

/** Profiles as lines of JSON in the form of the API: `{"integrationId": "…", "attributes": {…}}`. They are sent as they are. */
export class ProfileJsonUnits extends ProfileUnits {
  begin(): boolean {
    return true;
  }

  take(row: SourceRow): Unit | undefined {
    const line = row.firstLine;
    const profile = readObject(row, this.problems);
    if (!profile) return undefined;
    const { integrationId, attributes = {}, ...rest } = profile.value;
    for (const name of Object.keys(rest))
      this.problems.add(line, name, '', 'is no member of a profile: there are integrationId and attributes');
    if (typeof integrationId !== 'string') this.problems.add(line, ID, '', 'must be a text');
    else this.checkId(line, integrationId);
    if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
      this.problems.add(line, 'attributes', '', 'must be an object');
    else this.checkAttributes(line, attributes as Record<string, unknown>);
    return { firstLine: line, lastLine: line, id: String(integrationId), text: profile.text };
  }
}
