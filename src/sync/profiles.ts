import { ApiError, hasStatus, isTooMuch } from '../talon-one/api-error.js';
import type { ListPage, ManagementClient } from '../talon-one/management.js';
import { PageSize } from '../talon-one/page-size.js';
import { recordSchema } from '../talon-one/schemas.js';
import { databaseTime, type OwedSnapshot, owedProfiles } from '../warehouse/owed.js';
import type { SnapshotBatch } from '../warehouse/snapshot-writer.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import { type CycleContext, noteQuarantined, noteSnapshots } from './cycle-context.js';
import type { Leftover } from './leftover.js';
import { owedStore, type SnapshotStore } from './snapshot-store.js';

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
/** So many refused IDs, and not one answer: it is not about the IDs. */
const MOST_REFUSED = 10;

interface Refusal {
  readonly batch: SnapshotBatch;
  readonly error: ApiError;
}

/** What one run has met so far. */
interface Run {
  readonly context: CycleContext;
  /** Profiles that searches returned. */
  answered: number;
  /** Single IDs that the API would not answer for. */
  readonly refusals: Refusal[];
}

interface Fetched {
  readonly batch: SnapshotBatch;
  /** What was asked for and neither returned nor refused. */
  readonly missing: OwedSnapshot[];
  readonly answered: number;
}

/**
 * Fetches every owed profile, up to 1000 a request, and settles it. What an answer leaves out is asked for again, since
 * a server may use only the first IDs of a long search; only what a search returns nothing of at all is not found.
 */
export class ProfileSync {
  /** The most IDs that the server has not refused. */
  private accepted: number;
  /** As many as it answers for in time. */
  private readonly delivered: PageSize;

  constructor(private readonly options: ProfileSyncOptions) {
    this.accepted = options.batchSize;
    const endpoint = 'POST /v1/applications/{applicationId}/customer_search';
    this.delivered = new PageSize(options.batchSize, endpoint);
  }

  private get batchSize(): number {
    return Math.min(this.accepted, this.delivered.now);
  }

  async run(context: CycleContext, isTimeUp: () => boolean): Promise<Leftover> {
    const run: Run = { context, answered: 0, refusals: [] };
    const leftover = await this.fetchAll(run, isTimeUp);
    await this.putRefusedAside(run);
    return leftover;
  }

  /** Fetches these profiles, whether they are owed or not, and hands the answers to the store of the context. */
  async fetchThese(asked: readonly OwedSnapshot[], context: CycleContext): Promise<void> {
    const run: Run = { context, answered: 0, refusals: [] };
    const leftOut: OwedSnapshot[] = [];
    for (let rest = asked; rest.length > 0; ) {
      const part = rest.slice(0, this.batchSize);
      rest = rest.slice(part.length);
      leftOut.push(...(await this.fetch(part, run)).missing);
    }
    await this.fetchAgain(leftOut, run);
    await this.putRefusedAside(run);
  }

  private storeOf({ store }: CycleContext): SnapshotStore {
    return store ?? owedStore(this.options.warehouse);
  }

  private async fetchAll(run: Run, isTimeUp: () => boolean): Promise<Leftover> {
    const { warehouse } = this.options;
    const { applicationId } = run.context.lease;
    let afterId = '-9223372036854775808';
    let leftOut: OwedSnapshot[] = [];
    for (;;) {
      run.context.signal.throwIfAborted();
      if (isTimeUp()) return 'time-up';
      const owed = await owedProfiles(warehouse, applicationId, afterId, this.batchSize);
      afterId = owed.at(-1)?.id ?? afterId;
      if (owed.length > 0) leftOut.push(...(await this.fetch(owed, run)).missing);
      if (owed.length === 0 || leftOut.length >= this.batchSize) {
        await this.fetchAgain(leftOut, run);
        leftOut = [];
      }
      if (owed.length === 0) return 'nothing';
    }
  }

  /**
   * Asks again for what was left out. An ID counts as unknown only when a search too short to have been cut returns
   * nothing at all.
   */
  private async fetchAgain(leftOut: readonly OwedSnapshot[], run: Run): Promise<void> {
    let rest = [...leftOut];
    let length = this.batchSize;
    while (rest.length > 0) {
      run.context.signal.throwIfAborted();
      const { batch, missing, answered } = await this.fetch(rest.slice(0, length), run);
      const isProof = answered === 0 && batch.asked.length <= PROOF_SIZE;
      if (isProof) {
        await this.storeOf(run.context).notFound(batch, missing);
        noteSnapshots(run.context, 'profile', missing.length);
      }
      rest = [...(isProof ? [] : missing), ...rest.slice(batch.asked.length)];
      length = answered === 0 ? PROOF_SIZE : this.batchSize;
    }
  }

  private async fetch(asked: readonly OwedSnapshot[], run: Run): Promise<Fetched> {
    const { context } = run;
    const askedAt = await databaseTime(this.options.warehouse);
    const batch: SnapshotBatch = { kind: 'profile', lease: context.lease, asked, askedAt, source: 'by-id' };
    const answered = new Set<string>();
    try {
      for await (const page of this.search(asked, context)) {
        const record = { ...page, problems: problemsOf(page) };
        const counts = await this.storeOf(context).answered(batch, record);
        for (const id of counts.answered) answered.add(id);
        noteSnapshots(context, 'profile', counts.inserted);
        noteQuarantined(context, counts, page.source);
      }
    } catch (error) {
      if (isTooMuch(error) && this.delivered.failed(error, asked.length))
        return this.fetchInParts(batch, run);
      if (!(error instanceof ApiError) || !hasStatus(error, ...REFUSED)) throw error;
      return asked.length > 1 ? this.fetchRefused(error, batch, run) : this.noteRefused(error, batch, run);
    }
    // A shorter search than could be made proves nothing, and IDs that are unknown cost the server the same.
    this.delivered.delivered(this.delivered.now, asked.length, context.requests);
    run.answered += answered.size;
    return { batch, missing: asked.filter((one) => !answered.has(one.id)), answered: answered.size };
  }

  private async *search(
    asked: readonly OwedSnapshot[],
    context: CycleContext,
  ): AsyncGenerator<ListPage, void> {
    const ids = asked.map((one) => one.id);
    for (let skip = 0; ; ) {
      const paging = { pageSize: this.options.batchSize, skip };
      const { applicationId } = context.lease;
      const requests = this.delivered.contextFor(ids.length, context.requests);
      const page = await this.options.client.customerSearch(applicationId, ids, paging, requests);
      if (page.data.length === 0 && (page.hasMore === true || (page.total ?? 0) > skip)) {
        // Taken for an answer, it would declare profiles unknown that are there.
        throw new ApiError(`${page.source} was answered with an empty page that promises more`, {
          failure: 'body',
          endpoint: page.source,
        });
      }
      yield page;
      skip += page.data.length;
      if (page.data.length === 0 || page.hasMore !== true || skip >= ids.length) return;
    }
  }

  /** The server refused the search: try parts, down to the single ID that it is about. */
  private async fetchRefused(refusal: ApiError, batch: SnapshotBatch, run: Run): Promise<Fetched> {
    const middle = Math.ceil(batch.asked.length / 2);
    const sizeBefore = this.accepted;
    const refusalsBefore = run.refusals.length;
    if (refusal.status !== 404) this.accepted = Math.max(1, Math.min(this.accepted, middle));
    const fetched = await this.fetchInParts(batch, run, middle);
    // Only a limit on the size stays true for what follows; a refused ID concerned this search alone.
    if (run.refusals.length > refusalsBefore) this.accepted = sizeBefore;
    return fetched;
  }

  private async fetchInParts(batch: SnapshotBatch, run: Run, most = Infinity): Promise<Fetched> {
    const missing: OwedSnapshot[] = [];
    let answered = 0;
    for (let rest = batch.asked; rest.length > 0; ) {
      const part = rest.slice(0, Math.min(most, this.batchSize));
      rest = rest.slice(part.length);
      const result = await this.fetch(part, run);
      missing.push(...result.missing);
      answered += result.answered;
    }
    return { batch, missing, answered };
  }

  private async noteRefused(error: ApiError, batch: SnapshotBatch, run: Run): Promise<Fetched> {
    if (error.status === 404) {
      await this.storeOf(run.context).notFound(batch, batch.asked);
      noteSnapshots(run.context, 'profile', batch.asked.length);
    } else {
      run.refusals.push({ batch, error });
      if (run.answered === 0 && run.refusals.length >= MOST_REFUSED) throw error;
    }
    return { batch, missing: [], answered: batch.asked.length };
  }

  // While other profiles are answered, a refusal is about the ID; otherwise something larger is wrong.
  private async putRefusedAside({ context, answered, refusals }: Run): Promise<void> {
    for (const { batch, error } of refusals) {
      if (answered === 0) throw error;
      const refusal = { reason: error.message, source: error.endpoint };
      await this.storeOf(context).refused(batch, batch.asked, refusal);
      noteQuarantined(context, { inserted: 0, quarantined: 1 }, error.endpoint);
    }
  }
}

function problemsOf(page: ListPage): Map<number, string> {
  const problems = new Map<number, string>();
  for (const [index, record] of page.data.entries()) {
    if (!recordSchema.safeParse(record).success) problems.set(index, 'id: must be a whole number');
  }
  return problems;
}
