import { money } from './amounts.js';
import { csvExactTime, csvRow, csvTime, type DateFormat, quoted } from './csv.js';
import { type CsvExport, csvEndpoint, DATE_FORMATS, dateFormatOf } from './csv-endpoint.js';
import type { ApiRequest, Endpoint } from './endpoint.js';
import { balancesExport } from './loyalty-balance-csv.js';
import type { LoyaltyTransaction } from './loyalty-ledger.js';
import { CARD_PATH, PROFILE_PATH, PROGRAM_PATH } from './loyalty-paths.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { cardOf, profileOf, programOf, requireKind } from './loyalty-requests.js';
import { transactionFacts } from './loyalty-text.js';
import { joinDate, tierDate, tierOf } from './loyalty-tier.js';
import { type Query, readTime } from './query.js';
import type { Switches } from './switches.js';
import type { Micros } from './timestamp.js';
import { isWithin } from './window.js';

const LOG_COLUMNS =
  'customersessionid,rulesetid,rulename,programid,type,name,subledgerid,startdate,expirydate,id,created,amount,archived,campaignid,flags,transactionuuid,validityduration';
const LOG_FILTERS = { rangeStart: 'date', rangeEnd: 'date', dateFormat: DATE_FORMATS } as const;

const EXPORTS: readonly CsvExport[] = [
  {
    template: `${PROGRAM_PATH}/export_customers_tiers`,
    fileName: 'tiers.csv',
    filters: { subledgerIds: 'text', tierNames: 'text' },
    body: (request, query, switches) => ({
      header: 'programid,subledgerid,customerprofileid,tiername,startdate,expirydate',
      rows: tierRows(programOf(request), query, switches),
    }),
  },
  {
    template: `${PROGRAM_PATH}/export_join_dates`,
    fileName: 'join-dates.csv',
    body: (request, _, switches) => {
      const program = programOf(request);
      requireKind(program, 'profile');
      return { header: 'loyaltyProgramID,profileIntegrationID,joinDate', rows: joinRows(program, switches) };
    },
  },
  {
    template: `${PROFILE_PATH}/export_log`,
    fileName: 'log.csv',
    filters: LOG_FILTERS,
    required: ['rangeStart', 'rangeEnd'],
    body: (request, query, switches) => {
      const program = programOf(request);
      const rows = logRows(request, program, profileOf(request, program), query, switches);
      return { header: `customerprofileid,${LOG_COLUMNS}`, rows };
    },
  },
  {
    template: `${CARD_PATH}/export_log`,
    fileName: 'log.csv',
    filters: LOG_FILTERS,
    required: ['rangeStart', 'rangeEnd'],
    body: (request, query, switches) => {
      const program = programOf(request);
      const rows = logRows(request, program, cardOf(request, program), query, switches);
      return { header: `${switches.cardLogColumn},${LOG_COLUMNS}`, rows };
    },
  },
  {
    template: `${PROGRAM_PATH}/cards/export`,
    fileName: 'cards.csv',
    filters: {
      batchId: 'text',
      createdBefore: 'date-time',
      createdAfter: 'date-time',
      dateFormat: DATE_FORMATS,
    },
    body: (request, query, switches) => {
      const program = programOf(request);
      requireKind(program, 'card');
      return {
        header:
          'identifier,created,status,userpercardlimit,customerprofileids,blockreason,generated,batchid,attributes',
        rows: cardRows(program, query, switches),
      };
    },
  },
];

function* tierRows(program: LoyaltyProgram, query: Query, switches: Switches): Generator<string> {
  const list = (name: string): string[] | undefined => query.get(name)?.split(',');
  const [subledgers, names] = [list('subledgerIds'), list('tierNames')];
  for (const owner of program.ledger.owners()) {
    for (const subledgerId of program.ledger.accountsOf(owner).keys()) {
      const tier = tierOf(program, owner, subledgerId);
      if (tier === undefined || (names !== undefined && !names.includes(tier.name))) continue;
      if (subledgers !== undefined && !subledgers.includes(subledgerId)) continue;
      const date = (at: Micros): string => (at === 0 ? '' : tierDate(program, at, switches.tierDates));
      const name = program.ownerName(owner);
      yield csvRow([String(program.id), subledgerId, name, tier.name, date(tier.start), date(tier.expiry)]);
    }
  }
}

function* joinRows(program: LoyaltyProgram, switches: Switches): Generator<string> {
  const owners = new Set([...program.ledger.owners(), ...program.givenJoinDates.keys()]);
  for (const owner of owners) {
    const at = joinDate(program, owner);
    if (at === undefined) continue;
    yield csvRow([String(program.id), program.ownerName(owner), tierDate(program, at, switches.tierDates)]);
  }
}

function* logRows(
  request: ApiRequest,
  program: LoyaltyProgram,
  owner: number,
  query: Query,
  switches: Switches,
): Generator<string> {
  const [from, to] = [readTime(query, 'rangeStart'), readTime(query, 'rangeEnd')];
  const format = dateFormatOf(query, switches);
  const all = [...program.ledger.accountsOf(owner).values()].flat();
  all.sort((a, b) => a.created - b.created);
  for (const transaction of all) {
    if (isWithin(transaction.created, from, to, switches))
      yield logRow(request, program, transaction, format);
  }
}

function logRow(
  { world }: ApiRequest,
  program: LoyaltyProgram,
  transaction: LoyaltyTransaction,
  format: DateFormat,
): string {
  const facts: Record<string, string | undefined> = {
    ...transactionFacts(world, program, transaction, 'utc'),
    ...transaction.given,
  };
  const text = (name: string): string => String(JSON.parse(facts[name] ?? '""'));
  const time = (at: string | Micros): string => (typeof at === 'string' ? at : csvTime(at, format));
  return csvRow([
    program.ownerName(transaction.owner),
    text('customerSessionId'),
    text('rulesetId'),
    text('ruleName'),
    String(program.id),
    transaction.type,
    transaction.name,
    transaction.subledgerId,
    time(transaction.startsAt),
    time(transaction.expiresAt),
    transaction.id,
    csvTime(transaction.created, format),
    money(transaction.points),
    'false',
    text('campaignId'),
    transaction.createsNegativeBalance ? 'createsNegativeBalance' : '',
    transaction.uuid,
    transaction.validityDuration ?? '',
  ]);
}

/** Lists of profiles look like `['a', 'b']`. The example has JSON without the quotes that CSV wants: a switch. */
function* cardRows(program: LoyaltyProgram, query: Query, switches: Switches): Generator<string> {
  const format = dateFormatOf(query, switches);
  const [after, before] = [readTime(query, 'createdAfter'), readTime(query, 'createdBefore')];
  const batchId = query.get('batchId');
  for (const [row, card] of program.cards.all.entries()) {
    if (batchId !== undefined && card.batchId !== batchId) continue;
    if (!isWithin(card.created, after, before, switches)) continue;
    const names = card.profiles.map((profile) => `'${program.profiles.integrationId(profile.row)}'`);
    const attributes = `{"ForumPosts": ${row % 40}}`;
    const fields = [
      card.identifier,
      csvExactTime(card.created, format),
      card.status,
      '3',
      `[${names.join(', ')}]`,
      card.blockReason,
      String(row % 2 === 0),
      card.batchId,
    ];
    yield `${csvRow(fields)},${switches.cardAttributes === 'quoted' ? quoted(attributes) : attributes}`;
  }
}

export const loyaltyCsvEndpoints: readonly Endpoint[] = [...balancesExport, ...EXPORTS].map(csvEndpoint);
