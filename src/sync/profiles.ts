import { ApiError, hasStatus } from '../talon-one/api-error.js';
import type { ListPage, ManagementClient } from '../talon-one/management.js';
import { recordSchema } from '../talon-one/schemas.js';
import { databaseTime, type OwedSnapshot, owedProfiles } from '../warehouse/owed.js';
import { type SnapshotBatch, writeNotFound, writeSnapshots } from '../warehouse/snapshot-writer.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { type CycleContext, noteQuarantined } from './cycle-context.js';

export interface ProfileSyncOptions {
  readonly warehouse: Warehouse;
  readonly client: ManagementClient;
  /** IDs per search; the API documents no maximum, so it is halved when the server refuses it. */
  readonly batchSize: number;
}

/** No server is expected to cut a search of so few IDs. */
const PROOF_SIZE = 50;
/** Answers to a search that is too large or that names an unknown ID: a smaller one may pass. */
const REFUSED = [400, 404, 413, 414, 422];

/**
 * Fetches every owed profile, up to 1000 a request, and settles it. What an answer leaves out is asked for again, since
 * a server may use only the first IDs of a long search; only what a search returns nothing of at all is not found.
 */
export class ProfileSync {
  private batchSize: number;

  constructor(private readonly options: ProfileSyncOptions) {
    this.batchSize = options.batchSize;
  }

  /** @returns whether nothing is left; false when `isTimeUp` ended it early */
  async run(context: CycleContext, isTimeUp: () => boolean): Promise<boolean> {
    let afterId = '-9223372036854775808';
    let leftOut: OwedSnapshot[] = [];
    for (;;) {
      context.signal.throwIfAborted();
      if (isTimeUp()) return false;
      const { warehouse } = this.options;
      const owed = await owedProfiles(warehouse, context.lease.applicationId, afterId, this.batchSize);
      afterId = owed.at(-1)?.id ?? afterId;
      if (owed.length > 0) leftOut.push(...(await this.fetch(owed, context)).missing);
      const isEnd = owed.length === 0;
      if (isEnd || leftOut.length >= this.batchSize) {
        await this.fetchAgain(leftOut, context);
        leftOut = [];
      }
      if (isEnd) return true;
    }
  }

  /**
   * Asks again for what was left out. An ID counts as unknown only when a search too short to have been cut returns
   * nothing at all.
   */
  private async fetchAgain(leftOut: readonly OwedSnapshot[], context: CycleContext): Promise<void> {
    let rest = [...leftOut];
    let length = this.batchSize;
    while (rest.length > 0) {
      context.signal.throwIfAborted();
      const { batch, missing, answered } = await this.fetch(rest.slice(0, length), context);
      const isProof = answered === 0 && batch.asked.length <= PROOF_SIZE;
      if (isProof) {
        await writeNotFound(this.options.warehouse, batch, missing);
        context.tally.profileSnapshots += missing.length;
      }
      rest = [...(isProof ? [] : missing), ...rest.slice(batch.asked.length)];
      length = answered === 0 ? PROOF_SIZE : this.batchSize;
    }
  }

  private async fetch(
    asked: readonly OwedSnapshot[],
    context: CycleContext,
  ): Promise<{ batch: SnapshotBatch; missing: OwedSnapshot[]; answered: number }> {
    const askedAt = await databaseTime(this.options.warehouse);
    const batch: SnapshotBatch = { kind: 'profile', lease: context.lease, asked, askedAt, source: 'by-id' };
    const answered = new Set<string>();
    try {
      for await (const page of this.search(asked, context)) {
        const counts = await writeSnapshots(this.options.warehouse, batch, {
          ...page,
          problems: problemsOf(page),
        });
        for (const id of counts.answered) answered.add(id);
        context.tally.profileSnapshots += counts.inserted;
        noteQuarantined(context, counts, page.source);
      }
    } catch (error) {
      if (!(error instanceof ApiError) || !hasStatus(error, ...REFUSED)) throw error;
      return this.fetchSmaller(error, batch, context);
    }
    const missing = asked.filter((one) => !answered.has(one.id));
    return { batch, missing, answered: answered.size };
  }

  private async *search(
    asked: readonly OwedSnapshot[],
    context: CycleContext,
  ): AsyncGenerator<ListPage, void> {
    const ids = asked.map((one) => one.id);
    for (let skip = 0; ; ) {
      const paging = { pageSize: this.options.batchSize, skip };
      const page = await this.options.client.customerSearch(
        context.lease.applicationId,
        ids,
        paging,
        context.requests,
      );
      yield page;
      skip += page.data.length;
      if (page.data.length === 0 || page.hasMore !== true || skip >= ids.length) return;
    }
  }

  /** The server refused the search: try halves, down to the single ID that it does not know. */
  private async fetchSmaller(
    refusal: ApiError,
    batch: SnapshotBatch,
    context: CycleContext,
  ): Promise<{ batch: SnapshotBatch; missing: OwedSnapshot[]; answered: number }> {
    const { asked } = batch;
    if (asked.length > 1) return this.fetchInParts(refusal, batch, context);
    if (refusal.status !== 404) throw refusal;
    await writeNotFound(this.options.warehouse, batch, asked);
    context.tally.profileSnapshots += asked.length;
    return { batch, missing: [], answered: asked.length };
  }

  private async fetchInParts(
    refusal: ApiError,
    batch: SnapshotBatch,
    context: CycleContext,
  ): Promise<{ batch: SnapshotBatch; missing: OwedSnapshot[]; answered: number }> {
    const middle = Math.ceil(batch.asked.length / 2);
    const missing: OwedSnapshot[] = [];
    let answered = 0;
    // Only a limit on the size stays true for what follows; an unknown ID concerns this search alone.
    if (refusal.status !== 404) this.batchSize = Math.max(1, Math.min(this.batchSize, middle));
    for (let rest = batch.asked; rest.length > 0; ) {
      const part = rest.slice(0, Math.min(middle, this.batchSize));
      rest = rest.slice(part.length);
      const result = await this.fetch(part, context);
      missing.push(...result.missing);
      answered += result.answered;
    }
    return { batch, missing, answered };
  }
}

function problemsOf(page: ListPage): Map<number, string> {
  const problems = new Map<number, string>();
  for (const [index, record] of page.data.entries()) {
    if (!recordSchema.safeParse(record).success) problems.set(index, 'id: must be a whole number');
  }
  return problems;
}
