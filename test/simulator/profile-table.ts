import { float64Column, int32Column } from './column.js';
import { hash32 } from './dice.js';
import { type Id, RowIds } from './row-ids.js';
import type { Micros } from './timestamp.js';

const FIRST_LIVE_ID = 10_001;
const FIRST_SANDBOX_ID = 700_000_001;

/** The profiles of one environment. The columns are the view of them that the visible events give. */
export class ProfileTable {
  count = 0;
  readonly ids: RowIds;
  readonly created = float64Column();
  readonly lastActivity = float64Column();
  readonly closedSessions = int32Column();
  readonly salesCents = float64Column();
  readonly events = int32Column();
  /** Id of the newest event, 0 before the first. */
  readonly lastEventId = float64Column();
  readonly removed = new Set<number>();
  readonly payloads = new Map<number, string>();
  /** Integration IDs that a test chose. */
  private readonly names = new Map<number, string>();
  private readonly rowOfName = new Map<string, number>();

  constructor(readonly sandbox: boolean) {
    this.ids = new RowIds(sandbox ? FIRST_SANDBOX_ID : FIRST_LIVE_ID);
  }

  append(created: Micros, id?: Id): number {
    const row = this.count;
    this.count += 1;
    if (id !== undefined) this.ids.give(row, id);
    this.created.set(row, created);
    return row;
  }

  /** A profile that only an event of a test knows springs into being, as it would after a session update. */
  rowFor(id: Id, created: Micros): number {
    const row = this.ids.rowOf(id, this.count);
    return row >= 0 ? row : this.append(created, id);
  }

  /** `-1` when there is none. */
  rowOfIntegrationId(name: string): number {
    const given = this.rowOfName.get(name);
    if (given !== undefined) return given;
    const row = Number(/^(?:cust-|user\+|Kunde )(\d+)/.exec(name)?.[1] ?? -1);
    return row >= 0 && row < this.count && this.integrationId(row) === name ? row : -1;
  }

  /** An unknown one springs into being. */
  rowForIntegrationId(name: string, created: Micros): number {
    const known = this.rowOfIntegrationId(name);
    if (known >= 0) return known;
    const row = this.append(created);
    this.names.set(row, name);
    this.rowOfName.set(name, row);
    return row;
  }

  /** `-1` when no visible event has named it yet, or it was removed. */
  visibleRowOf(id: Id): number {
    const row = this.ids.rowOf(id, this.count);
    return row >= 0 && this.isVisible(row) ? row : -1;
  }

  isVisible(row: number): boolean {
    if (this.removed.has(row)) return false;
    return this.events.get(row) > 0 || this.payloads.has(row);
  }

  noteEvent(row: number, created: Micros, eventId: number): void {
    this.events.add(row, 1);
    if (created < this.lastActivity.get(row)) return;
    this.lastActivity.set(row, created);
    this.lastEventId.set(row, eventId);
  }

  /** Some contain what has to be percent-encoded in a query. */
  integrationId(row: number): string {
    const given = this.names.get(row);
    if (given !== undefined) return given;
    const h = hash32(row, 41, this.sandbox ? 1 : 0);
    if (h % 40 === 0) return `user+${row}@example.com`;
    if (h % 40 === 1) return `Kunde ${row}/ä&%`;
    return `cust-${row}-${h % 9973}`;
  }
}
