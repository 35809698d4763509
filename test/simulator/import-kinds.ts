import type { ApiRequest } from './endpoint.js';
import { badLine, type UploadedRow } from './import-upload.js';
import { newCard } from './loyalty-cards.js';
import { addLoyaltyTransaction, setJoinDate, setTier } from './loyalty-control.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { programOf, requireKind } from './loyalty-requests.js';
import type { ParameterType, Query } from './query.js';
import { parseRfc3339 } from './timestamp.js';

/** One entry of the table of CSV imports: what the file may hold, and what a row does. */
export interface SimulatedImport {
  template: string;
  /** Name in the answer. */
  entity: string;
  query?: Record<string, ParameterType>;
  columns: readonly string[];
  required: readonly string[];
  status?: 201;
  /** The list of the path is replaced. */
  replaces?: true;
  /** No more rows than this; 0: any number. */
  maxRows?: number;
  /** Throws what is wrong with the row; nothing has happened then. */
  check?: (row: UploadedRow, scene: ImportScene) => void;
  apply?: (row: UploadedRow, scene: ImportScene) => void;
}

export interface ImportScene {
  request: ApiRequest;
  query: Query;
  importId: number;
}

const PROGRAM = '/v1/loyalty_programs/{loyaltyProgramId}';
const CAMPAIGN = '/v1/applications/{applicationId}/campaigns/{campaignId}';
const MAX_ITEMS = 500_000;

export const SIMULATED_IMPORTS: readonly SimulatedImport[] = [
  {
    template: `${PROGRAM}/import_points`,
    entity: 'LoyaltyLedgerEntry',
    query: { notificationsEnabled: 'boolean' },
    columns: [
      ...['customerprofileid', 'identifier', 'amount', 'startdate', 'expirydate', 'validityduration'],
      ...['subledgerid', 'reason'],
    ],
    required: ['amount'],
    check: checkPoints,
    apply: applyPoints,
  },
  {
    template: `${PROGRAM}/import_customers_tiers`,
    entity: 'LoyaltyTier',
    columns: ['subledgerid', 'customerprofileid', 'tiername', 'expirydate'],
    required: ['customerprofileid', 'tiername'],
    check: ({ line, cells }, { request }) => {
      const program = programOf(request);
      requireKind(program, 'profile');
      timesOf(line, cells, 'expirydate');
      if (!program.tiers.some((tier) => tier.name === cells.tiername))
        throw badLine(String(line), `there is no tier "${cells.tiername}"`);
    },
    apply: ({ cells }, { request }) => {
      const program = programOf(request);
      program.profiles.rowForIntegrationId(cells.customerprofileid ?? '', request.world.now());
      setTier(program, cells.customerprofileid ?? '', {
        name: cells.tiername ?? '',
        startDate: new Date(request.world.now() / 1000).toISOString(),
        subledgerId: cells.subledgerid ?? '',
        ...(cells.expirydate === undefined ? {} : { expiryDate: cells.expirydate }),
      });
    },
  },
  {
    template: `${PROGRAM}/import_join_dates`,
    entity: 'LoyaltyJoinDate',
    columns: ['customerprofileid', 'newjoindate'],
    required: ['customerprofileid', 'newjoindate'],
    check: ({ line, cells }, { request }) => {
      const program = programOf(request);
      requireKind(program, 'profile');
      timesOf(line, cells, 'newjoindate');
      if (program.ownerOf(cells.customerprofileid ?? '') < 0)
        throw badLine(String(line), `there is no profile "${cells.customerprofileid}"`);
    },
    apply: ({ cells }, { request }) =>
      setJoinDate(programOf(request), cells.customerprofileid ?? '', cells.newjoindate ?? ''),
  },
  {
    template: `${PROGRAM}/import_cards`,
    entity: 'LoyaltyCard',
    columns: ['identifier', 'state', 'customerprofileids', 'attributes'],
    required: ['identifier', 'state'],
    maxRows: MAX_ITEMS - 1,
    check: ({ line, cells }, { request }) => {
      const program = programOf(request);
      requireKind(program, 'card');
      jsonOf(line, cells);
      if (!/^[A-Za-z0-9._%+@-]+$/.test(cells.identifier ?? '') || !/^(in)?active$/.test(cells.state ?? ''))
        throw badLine(String(line), 'no usable identifier or state');
    },
    apply: ({ cells }, { request }) => {
      const program = programOf(request);
      const now = request.world.now();
      const status = cells.state === 'active' ? ('active' as const) : ('inactive' as const);
      const card = { ...newCard(cells.identifier ?? '', now), status };
      for (const name of (cells.customerprofileids ?? '').split(';').filter((part) => part !== ''))
        card.profiles.push({ row: program.profiles.rowForIntegrationId(name, now), since: now });
      program.cards.add(card);
    },
  },
  {
    template: `${CAMPAIGN}/import_coupons`,
    entity: 'Coupon',
    query: { skipDuplicates: 'boolean' },
    columns: [
      ...['value', 'expirydate', 'startdate', 'recipientintegrationid', 'limitval', 'discountlimit'],
      'attributes',
    ],
    required: ['value'],
    check: ({ line, cells }, { request, query }) => {
      timesOf(line, cells, 'startdate', 'expirydate');
      jsonOf(line, cells);
      const { value = '' } = cells;
      const isKnown = request.world.imports.codesOf(request.url).has(value);
      if (value.length < 3) throw badLine(String(line), 'the code is too short');
      if (isKnown && query.get('skipDuplicates') !== 'true')
        throw badLine(String(line), `the code "${value}" exists`);
    },
    apply: ({ cells }, { request }) => {
      request.world.imports.codesOf(request.url).add(cells.value ?? '');
    },
  },
  {
    template: `${CAMPAIGN}/import_referrals`,
    entity: 'Referral',
    columns: ['code', 'startdate', 'expirydate', 'advocateprofileintegrationid', 'limitval', 'attributes'],
    required: ['code', 'advocateprofileintegrationid'],
    check: ({ line, cells }) => {
      timesOf(line, cells, 'startdate', 'expirydate');
      jsonOf(line, cells);
    },
  },
  {
    template: '/v1/giveaways/pools/{poolId}/import',
    entity: 'Giveaway',
    columns: ['code', 'startdate', 'enddate', 'attributes'],
    required: ['code'],
    check: ({ line, cells }) => {
      timesOf(line, cells, 'startdate', 'enddate');
      jsonOf(line, cells);
    },
  },
  list('/v1/audiences/{audienceId}/memberships/import', 'AudienceMembership', 'profileintegrationid'),
  { ...list('/v1/collections/{collectionId}/import', 'Collection', 'item'), maxRows: MAX_ITEMS },
  { ...list(`${CAMPAIGN}/collections/{collectionId}/import`, 'Collection', 'item'), maxRows: MAX_ITEMS },
  {
    ...list('/v1/attributes/{attributeId}/allowed_list/import', 'AttributeAllowedList', 'item'),
    maxRows: MAX_ITEMS,
  },
  list(`${CAMPAIGN}/stores/import`, 'CampaignStore', 'store_integration_id'),
  {
    ...list(`${CAMPAIGN}/stores/budgets/import`, 'CampaignStoreBudget', 'store_integration_id'),
    query: { action: ['setDiscount'], period: ['overall', 'daily', 'weekly', 'monthly', 'yearly'] },
    columns: ['store_integration_id', 'limit'],
    required: ['store_integration_id', 'limit'],
    status: 201,
  },
];

function list(template: string, entity: string, column: string): SimulatedImport {
  return { template, entity, columns: [column], required: [column], replaces: true };
}

function checkPoints({ line, cells }: UploadedRow, { request }: ImportScene): void {
  const program = programOf(request);
  const wanted = program.cardBased ? 'identifier' : 'customerprofileid';
  if (cells[wanted] === undefined) throw badLine(String(line), `${wanted} is missing`);
  if (!(Number(cells.amount) > 0)) throw badLine(String(line), `"${cells.amount}" is no amount`);
  if (cells.subledgerid !== undefined && !program.allowSubledger)
    throw badLine(String(line), 'the program has no subledgers');
  if (cells.expirydate !== undefined && cells.validityduration !== undefined)
    throw badLine(String(line), 'give expirydate or validityDuration');
  if (!['immediate', 'on_action'].includes(cells.startdate ?? 'immediate')) timesOf(line, cells, 'startdate');
  if (cells.expirydate !== 'unlimited') timesOf(line, cells, 'expirydate');
  if (program.cardBased && program.ownerOf(cells.identifier ?? '') < 0)
    throw badLine(String(line), `there is no card "${cells.identifier}"`);
}

function applyPoints({ cells }: UploadedRow, { request, importId }: ImportScene): void {
  const program: LoyaltyProgram = programOf(request);
  addLoyaltyTransaction(request.world, program, {
    ...(program.cardBased ? { card: cells.identifier ?? '' } : { profile: cells.customerprofileid ?? '' }),
    origin: 'import',
    amount: cells.amount ?? '',
    name: cells.reason ?? 'Import',
    startDate: cells.startdate ?? 'immediate',
    expiryDate: cells.expirydate ?? 'unlimited',
    subledgerId: cells.subledgerid ?? '',
    ...(cells.validityduration === undefined ? {} : { validityDuration: cells.validityduration }),
    fields: { importId },
  });
}

function timesOf(line: number, cells: Record<string, string>, ...names: string[]): void {
  for (const name of names) {
    const cell = cells[name];
    if (cell !== undefined && parseRfc3339(cell) === undefined)
      throw badLine(String(line), `"${cell}" in ${name} is not RFC 3339`);
  }
}

function jsonOf(line: number, cells: Record<string, string>): void {
  try {
    JSON.parse(cells.attributes ?? '{}');
  } catch {
    throw badLine(String(line), 'attributes are not JSON');
  }
}
