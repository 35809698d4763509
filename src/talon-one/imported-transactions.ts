import { z } from 'zod';
import { type Instant, seconds } from '../instant.js';
import { ApiError } from './api-error.js';
import type { ManagementClient, RequestContext } from './management.js';
import { emptyButMore, type RecordListPage } from './record-list.js';
import { windowPages } from './record-windows.js';
import { firstProblem } from './schemas.js';
import { TransactionList } from './transaction-list.js';

const PAGE_SIZE = 1000;
/** The Date header and the times of the transactions may come from clocks that differ by as much. */
const CLOCK_SKEW = seconds(86_400);

const transactionsSchema = z.array(
  z.object({
    id: z.number(),
    type: z.string(),
    amount: z.number(),
    subledgerId: z.string().nullish(),
    customerProfileId: z.string().nullish(),
    cardIdentifier: z.string().nullish(),
    importId: z.number().nullish(),
  }),
);
/** A transaction of a loyalty ledger (docs/api-facts.md, Loyalty) as far as the check of an import needs it. */
export type LedgerTransaction = z.infer<typeof transactionsSchema>[number];

/**
 * All imported transactions of a loyalty program since a moment. What is missing here counts as never imported, and is paid
 * out again: so a list of more than one page is not read by skipping alone, which its unknown order may shift, but in windows
 * of time that are read until they stand still (record-windows.ts). Some come more than once.
 * @throws ApiError also when it cannot be the whole list, or a record cannot be read
 */
export async function* importedTransactions(
  client: ManagementClient,
  loyaltyProgramId: string,
  since: Instant,
  context: RequestContext,
): AsyncGenerator<readonly LedgerTransaction[]> {
  const filters = { loyaltyTransactionType: 'import' };
  const list = new TransactionList(client, loyaltyProgramId, PAGE_SIZE, filters);
  const first = await list.page({ after: since, skip: 0 }, context);
  yield read(list, first);
  if (first.isLast) return;
  const end = first.serverTime === undefined ? undefined : first.serverTime + CLOCK_SKEW;
  for await (const { page } of windowPages(list, since, end, context)) yield read(list, page);
}

function read({ endpoint }: TransactionList, page: RecordListPage): readonly LedgerTransaction[] {
  if (page.data.length === 0 && page.hasMore === true) throw emptyButMore(endpoint);
  const parsed = transactionsSchema.safeParse(page.data);
  const [problem] = page.problems.values();
  if (parsed.success && problem === undefined) return parsed.data;
  const what = problem ?? (parsed.error === undefined ? '' : firstProblem(parsed.error));
  throw new ApiError(`${endpoint} was answered with a transaction that cannot be read: ${what}`, {
    failure: 'body',
    endpoint,
  });
}
