import { cartTotalCents } from './cart.js';
import { float64Column, int32Column, uint8Column, uint16Column } from './column.js';
import { hash32 } from './dice.js';
import { OrderedRows } from './ordered-rows.js';
import { type Id, RowIds } from './row-ids.js';
import type { Micros } from './timestamp.js';
import { KIND, STATE } from './vocabulary.js';

/** The sessions of one Application. `view` columns follow the visible events, `planned` ones all that were made. */
export class SessionTable {
  count = 0;
  readonly ids: RowIds;
  readonly created = float64Column();
  /** Row of the profile, -1 for an anonymous session. */
  readonly profile = int32Column();
  readonly plannedState = uint8Column();
  readonly plannedStep = uint16Column();
  readonly viewState = uint8Column();
  /** The step of the newest visible event: it decides what is in the cart. */
  readonly viewStep = uint16Column();
  readonly lastActivity = float64Column();
  readonly lastEventId = float64Column();
  readonly updates = int32Column();
  readonly closedAt = float64Column();
  readonly cancelledAt = float64Column();
  /** What the profile's totalSales counts for this session. */
  readonly soldCents = float64Column();
  readonly removed = new Set<number>();
  readonly payloads = new Map<number, string>();
  /** Visible sessions by creation. */
  readonly byCreated = new OrderedRows((a, b) => this.created.get(a) - this.created.get(b) || a - b);

  constructor(
    readonly applicationId: number,
    private readonly seed: number,
  ) {
    this.ids = new RowIds(applicationId * 100_000_000 + 1);
  }

  append(created: Micros, profile: number, id?: Id): number {
    const row = this.count;
    this.count += 1;
    if (id !== undefined) this.ids.give(row, id);
    this.created.set(row, created);
    this.profile.set(row, profile);
    return row;
  }

  visibleRowOf(id: Id): number {
    const row = this.ids.rowOf(id, this.count);
    return row >= 0 && this.isVisible(row) ? row : -1;
  }

  isVisible(row: number): boolean {
    return (this.updates.get(row) > 0 || this.payloads.has(row)) && !this.removed.has(row);
  }

  /** The number its cart and codes are derived from. */
  cart(row: number): number {
    return hash32(this.seed, this.applicationId, row);
  }

  integrationId(row: number): string {
    return `ses-${this.applicationId}-${row}-${this.cart(row) % 9973}`;
  }

  coupon(row: number): string {
    return `COUP-${this.cart(row) % 100_000}`;
  }

  /** A test gave it a payload before any event named it: it can be listed from now on. */
  setPayload(row: number, text: string): void {
    const wasVisible = this.isVisible(row);
    this.payloads.set(row, text);
    if (!wasVisible && !this.removed.has(row)) this.byCreated.insert(row);
  }

  remove(row: number): void {
    if (this.isVisible(row)) this.byCreated.remove(row);
    this.removed.add(row);
  }

  /** Returns how the event changed what its profile has closed and spent. */
  noteEvent(row: number, kind: number, step: number, created: Micros, eventId: number): SalesChange {
    if (this.updates.get(row) === 0 && this.isNewlyListed(row)) this.byCreated.insert(row);
    this.updates.add(row, 1);
    // A late event is counted, but an older state must not win over a newer one.
    if (created < this.lastActivity.get(row)) return NO_CHANGE;
    this.lastActivity.set(row, created);
    this.lastEventId.set(row, eventId);
    this.viewStep.set(row, step);
    const state = stateAfter(kind, this.viewState.get(row));
    this.viewState.set(row, state);
    if (kind === KIND.sessionClosed) this.closedAt.set(row, created);
    if (kind === KIND.sessionCancelled || kind === KIND.sessionRevoked) this.cancelledAt.set(row, created);
    return this.settleSales(row, state, step);
  }

  private isNewlyListed(row: number): boolean {
    return !this.payloads.has(row) && !this.removed.has(row);
  }

  private settleSales(row: number, state: number, step: number): SalesChange {
    const before = this.soldCents.get(row);
    const after = soldAfter(state, cartTotalCents(this.cart(row), step));
    this.soldCents.set(row, after);
    return { closed: Math.sign(after) - Math.sign(before), cents: after - before };
  }
}

export interface SalesChange {
  closed: number;
  cents: number;
}

const NO_CHANGE: SalesChange = { closed: 0, cents: 0 };

/** Cancelled and reopened sessions do not count, returned items neither. */
function soldAfter(state: number, totalCents: number): number {
  if (state === STATE.closed) return totalCents;
  return state === STATE.partiallyReturned ? Math.ceil(totalCents / 2) : 0;
}

const STATE_AFTER: Partial<Record<number, number>> = {
  [KIND.sessionClosed]: STATE.closed,
  [KIND.sessionCancelled]: STATE.cancelled,
  [KIND.sessionRevoked]: STATE.cancelled,
  [KIND.sessionPartiallyReturned]: STATE.partiallyReturned,
  [KIND.sessionReopened]: STATE.open,
};

export function stateAfter(kind: number, before: number): number {
  return STATE_AFTER[kind] ?? before;
}
