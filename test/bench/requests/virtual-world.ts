import { RowIds } from '../../simulator/row-ids.js';
import { SwitchBoard } from '../../simulator/switches.js';
import { MILLISECOND, type Micros } from '../../simulator/timestamp.js';
import { World } from '../../simulator/world.js';
import type { VirtualTime } from './virtual-time.js';

/** When the simulated time begins. */
export const BEGIN: Micros = Date.UTC(2026, 5, 1) * MILLISECOND;

/** The simulator's records on the virtual clock. */
export class VirtualWorld extends World {
  constructor(private readonly time: VirtualTime) {
    super(new SwitchBoard(), { seed: 1, missingIds: 'absent', digits: 'six' }, { events: 0 }, []);
  }

  override now(): Micros {
    // The base class asks while it is being made.
    return BEGIN + Math.round((this.time?.now() ?? 0) * MILLISECOND);
  }
}

const STRIDE = 3;

/**
 * Ascending IDs with holes, from a sequence that other Applications of the account use too: one of three is ours. A
 * planner that took the distance of two IDs for a number of sessions would be three times too high.
 */
export class SparseIds extends RowIds {
  override rowOf(id: number | bigint | string, count: number): number {
    const row = Math.floor((Number(id) - this.base) / STRIDE);
    return row >= 0 && row < count && this.idOf(row) === String(id) ? row : -1;
  }

  override idOf(row: number): string {
    return String(this.sortKey(row));
  }

  override sortKey(row: number): number {
    return this.base + row * STRIDE + ((Math.imul(row, 2_654_435_761) >>> 0) % STRIDE);
  }
}
