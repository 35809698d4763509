import { createHash } from 'node:crypto';
import { UserError } from '../errors.js';
import { type Instant, parseInstant, SECOND } from '../instant.js';
import { cellsOf } from './csv-scanner.js';
import { OVERLAP } from './windows.js';

/** Longer keys are kept as their digest. */
const LONGEST_KEY = 40;
/** Rows without a readable time are remembered too, up to about 20 MB of them. */
const MOST_TIMELESS = 100_000;

export interface RowIdentity {
  /** Columns that tell one row from another; empty: the whole row. */
  readonly key: readonly string[];
  /** Column that the windows go by. */
  readonly time: string;
}

/**
 * Drops the rows of a window that the window before has brought already. Only rows near the border between the two are
 * remembered, with their number: an export without a key of its own (effects) may have a row twice in earnest.
 */
export class BorderRows {
  private readonly seen: Map<string, number>;
  private readonly kept = new Map<string, number>();
  private readonly keyColumns: readonly number[];
  private readonly timeColumn: number;
  private timeless = 0;

  /**
   * @param border end of this window; rows from shortly before it may come again
   * @throws UserError when the header lacks the columns
   */
  constructor(
    header: readonly string[],
    identity: RowIdentity,
    previous: BorderRows | undefined,
    private readonly border: Instant | undefined,
  ) {
    const names = header.map((name) => name.toLowerCase());
    this.keyColumns = identity.key.map((name) => names.indexOf(name));
    this.timeColumn = names.indexOf(identity.time);
    if (this.timeColumn < 0 || this.keyColumns.some((column) => column < 0))
      throw new UserError(
        `The server takes too long for the whole range, and its parts cannot be joined without the columns ${[...identity.key, identity.time].join(' and ')}: ask for shorter ranges.`,
      );
    this.seen = new Map(previous?.kept);
  }

  /**
   * Whether the row is new.
   * @throws UserError when so many rows have no readable time that remembering them would take all memory
   */
  isNew(record: Buffer): boolean {
    const cells = cellsOf(record);
    const key = this.keyOf(record, cells);
    if (this.mayComeAgain(cells)) this.kept.set(key, (this.kept.get(key) ?? 0) + 1);
    const times = this.seen.get(key) ?? 0;
    if (times > 0) this.seen.set(key, times - 1);
    return times === 0;
  }

  private mayComeAgain(cells: readonly string[]): boolean {
    if (this.border === undefined) return false;
    const text = cells[this.timeColumn] ?? '';
    const time = timeOf(text);
    // A second more: times in a CSV may be rounded.
    if (time !== undefined) return time >= this.border - OVERLAP - SECOND;
    this.timeless += 1;
    if (this.timeless > MOST_TIMELESS)
      throw new UserError(
        `The server takes too long for the whole range, and its parts cannot be joined by times such as "${text.slice(0, 40)}": ask for shorter ranges.`,
      );
    return true;
  }

  private keyOf(record: Buffer, cells: readonly string[]): string {
    const text =
      this.keyColumns.length > 0
        ? this.keyColumns.map((column) => cells[column] ?? '').join('\0')
        : record.toString('latin1').trimEnd();
    return text.length <= LONGEST_KEY
      ? text
      : createHash('sha256').update(text, 'latin1').digest('base64url');
  }
}

/** Both documented forms: RFC 3339, and `2021-09-10 09:21:06` (UTC). */
function timeOf(text: string): Instant | undefined {
  return parseInstant(text.trim().replace(' ', 'T'));
}
