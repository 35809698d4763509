import { UserError } from '../errors.js';
import { memberMap } from '../json/cell-text.js';
import { isProgramStored, type RecordSelection, readRecords } from '../warehouse/record-reader.js';
import type { ExportContext, ExportEntry } from './export-entry.js';
import { checkOrder, type OptionValues } from './options.js';
import { pagedRecords } from './paged-records.js';
import { requests } from './program.js';
import { type RecordFormat, RecordWriter } from './record-writer.js';
import { UsageError } from './usage-error.js';

// The loyalty data of one customer: from the transactions in the warehouse, or as the API knows it at this moment.

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
  optional: ['from', 'to', 'transactionType', 'subledger', 'format', 'source'],
  prepare: (values) => {
    checkOrder(values, 'from', 'to');
    if (values.source === 'api')
      return { source: 'api', run: (context) => transactionsOfApi(values, context) };
    if (values.transactionType !== undefined)
      throw new UsageError(
        '--type needs --source api; in the warehouse look at the columns of talon_one_loyalty_transaction.',
      );
    const { from, to } = values;
    const selection = { kind: 'loyalty-transaction', ...accountOf(values), from, to } as const;
    return {
      source: 'warehouse',
      run: (context) => fromWarehouse(selection, TRANSACTION_COLUMNS, values, context),
    };
  },
};

export const balancesOf: ExportEntry = {
  name: 'balances-of',
  about: 'loyalty balances of one customer, a row for each ledger; the API also tells tiers',
  example: 'URNGV8294NV --program 139 --at 2026-12-31',
  argument: 'customer',
  required: ['program'],
  optional: ['at', 'subledger', 'format', 'source'],
  prepare: (values) => {
    if (values.source === 'api') return { source: 'api', run: (context) => balancesOfApi(values, context) };
    const selection = { kind: 'loyalty-balance', ...accountOf(values), at: values.at } as const;
    return {
      source: 'warehouse',
      run: (context) => fromWarehouse(selection, BALANCE_COLUMNS, values, context),
    };
  },
};

function accountOf({ program, customer, subledger }: OptionValues) {
  return { programId: program ?? '', holder: customer ?? '', subledgerId: subledger };
}

async function fromWarehouse(
  selection: RecordSelection & { readonly programId: string },
  columns: readonly string[],
  values: OptionValues,
  { warehouse, output, log }: ExportContext,
): Promise<void> {
  if (!warehouse) throw new Error('no warehouse is open');
  if (!(await isProgramStored(warehouse, selection.programId))) {
    throw new UserError(
      `The transactions of loyalty program ${selection.programId} are not in the warehouse: let the daemon copy them (LOYALTY_SYNC), or use --source api.`,
    );
  }
  const writer = new RecordWriter(output, formatOf(values), columns, log);
  await readRecords(warehouse, selection, (batch) => writer.write(batch));
  await writer.end();
}

async function transactionsOfApi(values: OptionValues, context: ExportContext): Promise<void> {
  const { client, output, pageSize, log } = context;
  const writer = new RecordWriter(output, formatOf(values), TRANSACTION_COLUMNS, log);
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

async function balancesOfApi(values: OptionValues, context: ExportContext): Promise<void> {
  const { text } = await context.client.one(
    '/v1/loyalty_programs/{loyaltyProgramId}/profile/{integrationId}/ledger_balances',
    placeholders(values),
    { endDate: values.at, subledgerId: values.subledger, includeTiers: true, includeProjectedTier: true },
    requests(context),
  );
  const writer = new RecordWriter(context.output, formatOf(values), BALANCE_COLUMNS, context.log);
  await writer.write(ledgersOf(text));
  await writer.end();
}

/** The main ledger and each subledger as one object, its name first; `text` is the client's list of one answer. */
function ledgersOf(text: string): string[] {
  const answer = memberMap(text.slice(text.indexOf('[') + 1, text.lastIndexOf(']')));
  const main = answer.get('balance');
  const subledgers = memberMap(answer.get('subledgerBalances') ?? '{}');
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
