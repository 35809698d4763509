import { float64Column, int32Column, uint8Column, uint16Column } from './column.js';
import { OrderedRows } from './ordered-rows.js';
import { type Id, RowIds } from './row-ids.js';
import type { Micros } from './timestamp.js';
import { EVENT_TYPES } from './vocabulary.js';

export interface EventRow {
  kind: number;
  created: Micros;
  /** Rows of the session and profile tables, -1 for none. */
  session: number;
  profile: number;
  /** How many times the session was updated up to this event. */
  step: number;
}

/** An event that a test wrote itself. */
export interface GivenEvent {
  type: string;
  text: string;
}

/** The events of one Application, visible or not. Texts are built when they are asked for. */
export class EventTable {
  count = 0;
  readonly ids: RowIds;
  readonly kind = uint8Column();
  readonly created = float64Column();
  readonly session = int32Column();
  readonly profile = int32Column();
  readonly step = uint16Column();
  readonly given = new Map<number, GivenEvent>();
  /** Only of events that were not visible from their creation on. */
  readonly visibleAt = new Map<number, Micros>();
  /** Were visible once. */
  readonly removed = new Set<number>();
  /** Taken back before they became visible. */
  readonly dropped = new Set<number>();
  readonly byCreated = new OrderedRows(
    (a, b) => this.created.get(a) - this.created.get(b) || this.ids.sortKey(a) - this.ids.sortKey(b) || a - b,
  );
  readonly byId = new OrderedRows((a, b) => this.ids.sortKey(a) - this.ids.sortKey(b) || a - b);

  constructor(applicationId: number) {
    this.ids = new RowIds(applicationId * 1_000_000_000 + 1);
  }

  append(event: EventRow, id?: Id | null): number {
    const row = this.count;
    this.count += 1;
    if (id !== undefined) this.ids.give(row, id);
    this.kind.set(row, event.kind);
    this.created.set(row, event.created);
    this.session.set(row, event.session);
    this.profile.set(row, event.profile);
    this.step.set(row, event.step);
    return row;
  }

  type(row: number): string {
    return this.given.get(row)?.type ?? EVENT_TYPES[this.kind.get(row)] ?? '';
  }

  /** While no event came out of order, the order by id is the order by creation. */
  get ordersAgree(): boolean {
    return this.byCreated.isAppendOnly && this.byId.isAppendOnly;
  }

  show(row: number): void {
    this.byCreated.insert(row);
    this.byId.insert(row);
  }

  remove(row: number): boolean {
    const wasVisible = this.byCreated.remove(row);
    if (wasVisible) this.byId.remove(row);
    (wasVisible ? this.removed : this.dropped).add(row);
    return wasVisible;
  }
}
