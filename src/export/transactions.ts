import { parseInstant } from '../instant.js';
import { TransactionList, transactionsBetween } from '../talon-one/transaction-list.js';
import { csvExport } from './csv-export.js';
import type { ExportContext, ExportEntry } from './export-entry.js';
import { checkOrder, type OptionValues } from './options.js';
import { programCreated, requests } from './program.js';
import { RecentKeys } from './recent-keys.js';
import { RecordWriter } from './record-writer.js';
import { UsageError } from './usage-error.js';
import { writeRange } from './write-range.js';

/** Members of a transaction of a whole program (docs/api-facts.md, Loyalty). */
const COLUMNS = [
  'id',
  'transactionUUID',
  'programId',
  'campaignId',
  'created',
  'type',
  'amount',
  'name',
  'startDate',
  'expiryDate',
  'customerProfileId',
  'cardIdentifier',
  'subledgerId',
  'customerSessionId',
  'importId',
  'userId',
  'userEmail',
  'rulesetId',
  'ruleName',
  'flags',
  'validityDuration',
];

/** Before Talon.One existed: where to begin when the key may not ask when the program was created. */
const BEGINNING = parseInstant('2015-01-01T00:00:00Z') ?? 0n;

const LOG = { dateFormat: 'dateFormat', from: 'rangeStart', to: 'rangeEnd' } as const;
const WINDOWS = { from: 'from', to: 'to', mustBeGiven: true, key: ['id'], time: 'created' } as const;

/** The log of one customer or one card, which is CSV. */
const logOfOne = csvExport({
  name: 'loyalty-transactions',
  about: '',
  example: '',
  routes: [
    {
      template: '/v1/loyalty_programs/{loyaltyProgramId}/profile/{integrationId}/export_log',
      path: { program: 'loyaltyProgramId', customer: 'integrationId' },
      query: LOG,
      windows: WINDOWS,
    },
    {
      template: '/v1/loyalty_programs/{loyaltyProgramId}/cards/{loyaltyCardId}/export_log',
      path: { program: 'loyaltyProgramId', card: 'loyaltyCardId' },
      query: LOG,
      windows: WINDOWS,
    },
  ],
  // The columns of a card's log are not documented.
  proof: [],
});

/** Transactions of a loyalty program: the log of one customer or card, or else the list of the whole program as CSV. */
export const loyaltyTransactions: ExportEntry = {
  name: 'loyalty-transactions',
  about: 'loyalty transactions of one customer, of one card, or of the whole program',
  example: '--program 139 --from 2026-10-01 --to 2026-11-01',
  required: ['program'],
  optional: ['customer', 'card', 'from', 'to', 'dateFormat', 'transactionType', 'subledger'],
  prepare: (values) => {
    if (values.customer !== undefined || values.card !== undefined) return logOfOne.prepare(values);
    if (values.dateFormat !== undefined)
      throw new UsageError(
        '--date-format needs --customer or --card: the list of a whole program is not made by the API.',
      );
    checkOrder(values, 'from', 'to');
    return { source: 'api', run: (context) => exportProgram(values, context) };
  },
};

/** Each transaction once, window after window of their creation: the list cannot be sorted, and shifts while it is read. */
async function exportProgram(values: OptionValues, context: ExportContext): Promise<void> {
  const { client, output, pageSize, log } = context;
  const writer = new RecordWriter(output, 'csv', COLUMNS, log);
  const filters = { loyaltyTransactionType: values.transactionType, subledgerId: values.subledger };
  const list = new TransactionList(client, values.program ?? '', pageSize, filters);
  const from =
    parseInstant(values.from ?? '') ?? (await programCreated(list.programId, context)) ?? BEGINNING;
  const to = parseInstant(values.to ?? '');
  const written = new RecentKeys();
  for await (const page of transactionsBetween(list, from, to, requests(context))) {
    await writeRange(writer, page, { from, to }, written);
    if (page.problems.size > 0)
      log.warn(
        { problems: [...page.problems.values()].slice(0, 3) },
        'records that are no transactions were left out',
      );
  }
  await writer.end();
}
