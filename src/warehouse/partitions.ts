import { monotonicMs } from '../clock.js';
import { formatInstant, type Instant } from '../instant.js';
import { isConnectionFailure, isTimeout } from './sqlstate.js';
import type { Warehouse } from './warehouse.js';

// Attaching a partition waits for queries that read the default partition; new queries queue up behind that wait.
const LOCK_TIMEOUT_MS = 2_000;
// Months outside go to the default partition: a record with an absurd date must not litter the schema with tables.
const FIRST_MONTH = '2010-01';
const LAST_MONTH = '2100-12';
const RETRY_MS = 60_000;

/**
 * Makes the monthly partitions before events need them, and remembers which are there. A partition that cannot be made
 * now (a long query holds the table, rights are missing) does not stop the sync: the rows go to the default partition
 * and move when it can be made.
 */
export class Partitions {
  private readonly made = new Set<string>();
  private readonly retryAt = new Map<string, number>();
  private hasLookedBack = false;

  constructor(
    private readonly warehouse: Warehouse,
    private readonly onFailure: (error: unknown, month: string) => void,
  ) {}

  /**
   * Sees to the months of these moments, to the month after the newest, and to those that could not be made before: by
   * this process, or by one that left rows in the default partition.
   */
  async ensure(moments: readonly Instant[]): Promise<void> {
    const months = new Set([...moments.map(monthOf), ...this.retryAt.keys()]);
    if (!this.hasLookedBack) for (const month of await this.monthsLeftOver()) months.add(month);
    const newest = [...months].sort().at(-1);
    if (newest !== undefined) months.add(monthAfter(newest));
    for (const month of months) {
      const isWanted = month >= FIRST_MONTH && month <= LAST_MONTH && !this.made.has(month);
      const isDue = isWanted && monotonicMs() >= (this.retryAt.get(month) ?? 0);
      // While one waits for a long query in vain, the others would too.
      if (isDue && (await this.make(month)) === 'busy') return;
    }
  }

  private async monthsLeftOver(): Promise<string[]> {
    const { rows } = await this.warehouse.transaction((client) =>
      client.query<{ month: string }>(
        `select distinct to_char(created at time zone 'UTC', 'YYYY-MM') as month from talon_one_event_default
         where created >= $1::timestamptz and created < $2::timestamptz`,
        [`${FIRST_MONTH}-01T00:00:00Z`, `${LAST_MONTH}-01T00:00:00Z`],
      ),
    );
    this.hasLookedBack = true;
    return rows.map((row) => row.month);
  }

  private async make(month: string): Promise<'made' | 'failed' | 'busy'> {
    try {
      await this.warehouse.transaction(
        (client) => client.query('select talon_one_create_partitions($1)', [`${month}-01`]),
        { lockMs: LOCK_TIMEOUT_MS },
      );
      this.made.add(month);
      this.retryAt.delete(month);
      return 'made';
    } catch (error) {
      if (isConnectionFailure(error)) throw error;
      this.retryAt.set(month, monotonicMs() + RETRY_MS);
      this.onFailure(error, month);
      return isTimeout(error) ? 'busy' : 'failed';
    }
  }
}

function monthOf(moment: Instant): string {
  return formatInstant(moment).slice(0, 7);
}

function monthAfter(month: string): string {
  const [year = 0, number = 0] = month.split('-').map(Number);
  const next = number === 12 ? [year + 1, 1] : [year, number + 1];
  return `${String(next[0]).padStart(4, '0')}-${String(next[1]).padStart(2, '0')}`;
}
