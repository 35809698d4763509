import { earlierOf, formatInstant, type Instant, parseInstant, SECOND } from '../instant.js';
import type { ListPage, ManagementClient, RequestContext, TransactionFilters } from './management.js';
import {
  emptyButMore,
  newestOf,
  type ReadPage,
  RecordList,
  type RecordListPage,
  type RecordRange,
  withoutProgress,
} from './record-list.js';
import { windowPages } from './record-windows.js';
import { firstProblem, transactionSchema } from './schemas.js';

/** An address of some 3000 characters: far below what servers and proxies allow. */
const UUIDS_A_REQUEST = 50;

/** The transactions of one loyalty program as one server serves them. */
export class TransactionList extends RecordList {
  constructor(
    private readonly client: ManagementClient,
    readonly programId: string,
    fullPageSize: number,
    private readonly filters: TransactionFilters = {},
  ) {
    super('GET /v1/loyalty_programs/{loyaltyProgramId}/transactions', fullPageSize);
  }

  /** These transactions as they are now, some at a time: their UUIDs stand in the address. */
  async *byUuids(uuids: readonly string[], context: RequestContext): AsyncGenerator<RecordListPage, void> {
    for (let start = 0; start < uuids.length; start += UUIDS_A_REQUEST) {
      const transactionUUIDs = uuids.slice(start, start + UUIDS_A_REQUEST);
      const query = { transactionUUIDs, pageSize: UUIDS_A_REQUEST, skip: 0 };
      const page = await this.client.loyaltyTransactions(this.programId, query, context);
      yield this.inspect(page, true);
    }
  }

  /** UUIDs of all transactions whose points wait for an action and have not expired. */
  async waiting(context: RequestContext): Promise<Set<string>> {
    const uuids = new Set<string>();
    for (let skip = 0; ; ) {
      const { page, pageSize } = await this.size.ask(context, (size, asking) => {
        const query = { awaitsActivation: true, pageSize: size, skip } as const;
        return this.client.loyaltyTransactions(this.programId, query, asking);
      });
      for (const row of this.inspect(page, true).rows) uuids.add(String(row.id));
      skip += page.data.length;
      if (page.data.length === 0 || !(page.hasMore ?? page.data.length === pageSize)) return uuids;
    }
  }

  protected override read(record: unknown): { id: string; created: Instant } | string {
    const parsed = transactionSchema.safeParse(record);
    if (!parsed.success) return firstProblem(parsed.error);
    const { id, transactionUUID } = parsed.data;
    const created = parseInstant(parsed.data.created);
    if (created === undefined) return 'created: must be an RFC 3339 time';
    if (transactionUUID) return { id: transactionUUID, created };
    return id === undefined || id === null
      ? 'transactionUUID: must be there when there is no id'
      : { id: `id:${id}`, created };
  }

  protected override fetch(
    { after, before, skip }: RecordRange,
    pageSize: number,
    context: RequestContext,
  ): Promise<ListPage> {
    const startDate = formatInstant(after);
    const endDate = before === undefined ? undefined : formatInstant(before);
    const query = { ...this.filters, startDate, endDate, pageSize, skip };
    return this.client.loyaltyTransactions(this.programId, query, context);
  }
}

/**
 * All transactions from `from` to the newest. The list cannot be sorted and its order is not documented: what fits on
 * one page is complete at once, which is the rule from run to run; more is read in frozen windows.
 */
export async function* transactionPages(
  list: TransactionList,
  from: Instant,
  context: RequestContext,
): AsyncGenerator<ReadPage, void> {
  const page = await list.page({ after: from, skip: 0 }, context);
  if (page.isLast) {
    yield { page, lastSync: newestOf(page.rows), readUntil: page.serverTime, isCaughtUp: true };
    return;
  }
  yield withoutProgress(page);
  yield* windowPages(list, from, page.serverTime, context);
}

/**
 * Every transaction that was created from `from` to `to` and before the reading began, in the same two ways. A page may
 * bring again what one shortly before it has brought, and some from just outside.
 * @throws ApiError when the list goes empty while it promises more
 */
export async function* transactionsBetween(
  list: TransactionList,
  from: Instant,
  to: Instant | undefined,
  context: RequestContext,
): AsyncGenerator<RecordListPage, void> {
  // Whether the bounds are inclusive is not documented, and a server may compare whole seconds.
  const [after, before] = [from - 1n, to === undefined ? undefined : to + 2n * SECOND];
  const first = await list.page({ after, before, skip: 0 }, context);
  if (first.isLast) {
    yield first;
    return;
  }
  const end = before === undefined ? first.serverTime : earlierOf(before, first.serverTime ?? before);
  for await (const { page } of windowPages(list, after, end, context)) {
    if (page.data.length === 0 && page.hasMore === true) throw emptyButMore(list.endpoint);
    yield page;
  }
}
