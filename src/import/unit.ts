/** What is sent as one: a row of an upload, a profile, or a session. */
export interface Unit {
  /** Where it stands in the file; the first line is 1. */
  readonly firstLine: number;
  readonly lastLine: number;
  /** Integration ID of the profile or session; empty for rows of an upload. */
  readonly id: string;
  /** What is sent: a CSV line without its end, or JSON. */
  readonly text: string;
  /** Units with the same text here are sent one after the other. */
  readonly order?: string;
}

/** A row of a CSV file, or a line of an NDJSON file as its only cell. */
export interface SourceRow {
  readonly firstLine: number;
  readonly lastLine: number;
  readonly cells: readonly string[];
}

/** Makes units of rows and tells what is wrong with them. One reading of a file needs one of its own. */
export interface Assembler {
  /** Line before the units of each upload, once the file's header is known; empty where there is none. */
  readonly header: string;
  /**
   * The header of a CSV file. False when its columns cannot be told apart; when something else is wrong with it, the rows
   * are checked all the same.
   */
  begin(header: SourceRow): boolean;
  /** The unit that is complete with this row, which may be an earlier one; `undefined` when none is, or it is unusable. */
  take(row: SourceRow): Unit | undefined;
  /** The last unit, if it was still open. */
  end(): Unit | undefined;
}
