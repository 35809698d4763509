import { float64Column, int32Column } from './column.js';
import type { Micros } from './timestamp.js';

/**
 * Coupons or referrals of one Application. Only when a code was made and for which campaign is stored; what else there
 * is to it follows from the seed and the row, so that a million codes cost bytes. What a test or an import says of a
 * code wins.
 */
export class CodeTable<Code extends { id: number }> {
  count = 0;
  private readonly created = float64Column();
  private readonly campaign = int32Column();
  private readonly given = new Map<number, Partial<Code>>();

  constructor(
    readonly firstId: number,
    private readonly derive: (row: number, id: number, created: Micros, campaignId: number) => Code,
  ) {}

  /** Returns the id. */
  append(created: Micros, campaignId: number, given?: Partial<Code>): number {
    const row = this.count;
    this.count += 1;
    this.created.set(row, created);
    this.campaign.set(row, campaignId);
    if (given !== undefined && Object.keys(given).length > 0) this.given.set(row, given);
    return this.firstId + row;
  }

  get(row: number): Code {
    const code = this.derive(row, this.firstId + row, this.created.get(row), this.campaign.get(row));
    return { ...code, ...this.given.get(row) };
  }

  change(id: number, changes: Partial<Code>): void {
    const row = id - this.firstId;
    if (!Number.isInteger(row) || row < 0 || row >= this.count)
      throw new RangeError(`There is no code ${id}`);
    this.given.set(row, { ...this.given.get(row), ...changes });
  }

  /** Those there are now: ones that are made while somebody reads them are left out. */
  *all(): Generator<Code> {
    const { count } = this;
    for (let row = 0; row < count; row += 1) yield this.get(row);
  }
}
