import { elementsOf } from '../../json/elements.js';
import type { OwedSnapshot } from '../../warehouse/owed.js';
import type { RecordPage } from '../../warehouse/record-page.js';
import type { KnownSnapshot } from '../../warehouse/refresh-reads.js';
import type { RefreshAnswer, RefreshBatch } from '../../warehouse/refresh-writer.js';
import { idOf, type SnapshotBatch, type SnapshotCounts } from '../../warehouse/snapshot-writer.js';
import type { SnapshotStore } from '../snapshot-store.js';

/**
 * Collects what is answered about one chunk of records, so that everything is stored at once with the progress of the
 * job. Bounded by the chunk: other records of a page are passed over.
 */
export class Answers implements SnapshotStore {
  private readonly known: ReadonlyMap<string, KnownSnapshot>;
  private readonly byId = new Map<string, RefreshAnswer>();
  /** Reasons by text: what is asked for again may come again. */
  private readonly unusable = new Map<string, string>();
  private mayChange = false;
  private source = '';

  constructor(known: readonly KnownSnapshot[]) {
    this.known = new Map(known.map((one) => [one.id, one]));
  }

  /** What `writeRefreshed` is to store. */
  get collected(): Pick<RefreshBatch, 'answers' | 'unusable' | 'source' | 'mayChange'> {
    const { source, mayChange } = this;
    const unusable = Array.from(this.unusable, ([raw, reason]) => ({ raw, reason }));
    return { answers: [...this.byId.values()], unusable, source, mayChange };
  }

  async answered({ asked, source }: SnapshotBatch, page: RecordPage): Promise<SnapshotCounts> {
    const answered = new Set<string>();
    for (const [index, raw] of elementsOf(page.text, 'data').entries()) {
      const reason = page.problems.get(index);
      const id = idOf(raw);
      // IDs beyond 2^53 can be the same number: Postgres compares them exactly.
      const about = asked.filter((one) => Number(one.id) === id);
      if (reason === undefined) for (const one of about) this.put(one, raw, source);
      else if (asked.length > 0) this.unusable.set(raw, reason);
      // The answer to a question about one record concerns it, even if it does not say so.
      const isAboutOne = reason !== undefined && source === 'by-id' && asked.length === 1;
      for (const one of isAboutOne ? asked : about) answered.add(one.id);
    }
    this.mayChange ||= page.mayChange;
    this.source = page.source;
    return { inserted: 0, quarantined: 0, answered };
  }

  async notFound({ source }: SnapshotBatch, missing: readonly OwedSnapshot[]): Promise<void> {
    for (const one of missing) this.put(one, undefined, source);
  }

  async refused(
    _batch: SnapshotBatch,
    refused: readonly OwedSnapshot[],
    refusal: { readonly reason: string; readonly source: string },
  ): Promise<void> {
    for (const { id } of refused) this.unusable.set(`{"id":${id}}`, refusal.reason);
    this.source = refusal.source;
  }

  private put({ id }: OwedSnapshot, raw: string | undefined, source: RefreshAnswer['source']): void {
    const known = this.known.get(id);
    if (known) this.byId.set(id, { ...known, raw, source });
  }
}
