import { membersOf } from '../json/members.js';
import type { ExportContext, ExportEntry } from './export-entry.js';
import { checkOrder, type OptionValues } from './options.js';
import { pagedRecords } from './paged-records.js';
import { requests } from './program.js';
import { type RecordFormat, RecordWriter } from './record-writer.js';

// The loyalty data of one customer, as the API knows it at this moment.

const TRANSACTION_COLUMNS = [
  'id',
  'transactionUUID',
  'programId',
  'created',
  'type',
  'amount',
  'name',
  'startDate',
  'expiryDate',
  'subledgerId',
  'customerSessionId',
  'rulesetId',
  'ruleName',
  'flags',
  'validityDuration',
  'storeIntegrationId',
];
const BALANCE_COLUMNS = [
  'subledger',
  'activePoints',
  'pendingPoints',
  'spentPoints',
  'expiredPoints',
  'negativePoints',
  'currentTier',
  'projectedTier',
  'pointsToNextTier',
  'nextTierName',
];

export const transactionsOf: ExportEntry = {
  name: 'transactions-of',
  about: 'loyalty transactions of one customer',
  example: 'URNGV8294NV --program 139 --format ndjson',
  argument: 'customer',
  required: ['program'],
  optional: ['from', 'to', 'transactionType', 'subledger', 'format'],
  prepare: (values) => {
    checkOrder(values, 'from', 'to');
    return { source: 'api', run: (context) => exportTransactions(values, context) };
  },
};

export const balancesOf: ExportEntry = {
  name: 'balances-of',
  about: 'loyalty balances and tiers of one customer, a row for each ledger',
  example: 'URNGV8294NV --program 139 --at 2026-12-31',
  argument: 'customer',
  required: ['program'],
  optional: ['at', 'subledger', 'format'],
  prepare: (values) => ({ source: 'api', run: (context) => exportBalances(values, context) }),
};

async function exportTransactions(values: OptionValues, context: ExportContext): Promise<void> {
  const { client, output, pageSize } = context;
  const writer = new RecordWriter(output, formatOf(values), TRANSACTION_COLUMNS);
  const filters = {
    startDate: values.from,
    endDate: values.to,
    loyaltyTransactionType: values.transactionType,
    subledgerId: values.subledger,
  };
  const pages = pagedRecords(
    (paging) =>
      client.list(
        '/v1/loyalty_programs/{loyaltyProgramId}/profile/{integrationId}/ledger_transactions',
        placeholders(values),
        { ...filters, ...paging },
        requests(context),
      ),
    pageSize,
    (transaction) => (transaction as { transactionUUID?: unknown }).transactionUUID,
  );
  for await (const page of pages) await writer.write(page);
  await writer.end();
}

async function exportBalances(values: OptionValues, context: ExportContext): Promise<void> {
  const { text } = await context.client.one(
    '/v1/loyalty_programs/{loyaltyProgramId}/profile/{integrationId}/ledger_balances',
    placeholders(values),
    { endDate: values.at, subledgerId: values.subledger, includeTiers: true, includeProjectedTier: true },
    requests(context),
  );
  const writer = new RecordWriter(context.output, formatOf(values), BALANCE_COLUMNS);
  await writer.write(ledgersOf(text));
  await writer.end();
}

/** The main ledger and each subledger as one object, its name first; `text` is the client's list of one answer. */
function ledgersOf(text: string): string[] {
  const answer = membersOf(text.slice(text.indexOf('[') + 1, text.lastIndexOf(']')));
  const main = answer.get('balance');
  const subledgers = membersOf(answer.get('subledgerBalances') ?? '{}');
  const ledgers = [...(main === undefined ? [] : [['""', main] as const]), ...named(subledgers)];
  return ledgers.map(([name, balance]) => `{"subledger":${name}${afterBrace(balance)}`);
}

function* named(subledgers: ReadonlyMap<string, string>): Generator<readonly [string, string]> {
  for (const [name, balance] of subledgers) yield [JSON.stringify(name), balance];
}

function afterBrace(object: string): string {
  const rest = object.slice(object.indexOf('{') + 1);
  return rest.trim() === '}' ? '}' : `,${rest}`;
}

function placeholders(values: OptionValues): Record<string, string> {
  return { loyaltyProgramId: values.program ?? '', integrationId: values.customer ?? '' };
}

function formatOf({ format }: OptionValues): RecordFormat {
  return format === 'ndjson' ? 'ndjson' : 'csv';
}
