export type Id = number | bigint | string;

/**
 * Which row has which id. Rows made by the simulator have `base + row`, which needs no memory; a test may give a
 * row any id, also one beyond 2^53 or none at all. Ids are decimal text outside, to stay exact.
 */
export class RowIds {
  private readonly given = new Map<number, string | null>();
  private readonly rowOfGiven = new Map<string, number>();

  constructor(readonly base: number) {}

  give(row: number, id: Id | null): void {
    const text = id === null ? null : String(id);
    this.given.set(row, text);
    if (text !== null) this.rowOfGiven.set(text, row);
  }

  /** `-1` when no row has it. A given id hides a generated one: the newest row with it is found. */
  rowOf(id: Id, count: number): number {
    const text = String(id);
    const given = this.rowOfGiven.get(text);
    if (given !== undefined) return given;
    const row = Number(text) - this.base;
    const isGenerated = Number.isInteger(row) && row >= 0 && row < count && !this.given.has(row);
    return isGenerated ? row : -1;
  }

  /** Null for a record without an id. */
  idOf(row: number): string | null {
    if (this.given.size === 0) return String(this.base + row);
    const given = this.given.get(row);
    return given === undefined ? String(this.base + row) : given;
  }

  /** For sorting only: ids beyond 2^53 are near enough, records without one come first. */
  sortKey(row: number): number {
    return this.given.size === 0 ? this.base + row : Number(this.idOf(row) ?? 0);
  }
}
