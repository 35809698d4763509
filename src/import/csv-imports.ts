import {
  type Check,
  duration,
  futureTime,
  jsonObject,
  lengthBetween,
  matching,
  numberAbove,
  numberFrom,
  oneOf,
  time,
  timeOr,
  wholeNumberFrom,
} from './checks.js';

// Every CSV import of the Management API (docs/api-facts.md, Imports): one entry each. The command line, the checks of
// the file, the parts, the journal and the upload all follow from it.

export interface Column {
  /** As the API names it; in the file, upper and lower case do not matter. */
  readonly name: string;
  /** The column must be there, and no cell of it may be empty. */
  readonly required?: true;
  /** No text may be there twice. */
  readonly unique?: true;
  readonly check?: Check;
}

/** An ID in the path, given as an option. */
export interface PathParameter {
  readonly option: string;
  readonly parameter: string;
  readonly about: string;
}

/** A choice that goes into the query. */
export interface QueryOption {
  readonly option: string;
  readonly parameter: string;
  readonly about: string;
  /** Sent when the option is given; without it, the option takes a value. */
  readonly value?: string;
  readonly choices?: readonly string[];
}

/** The text of a cell by the name of its column; empty when there is none. */
export type Cells = (column: string) => string;

/**
 * What sending the same rows again does. `adds`: it all happens twice. `replaces`: the file is the whole new list.
 * `same`: nothing more. `once`: it may be refused; what was accepted is therefore not sent again.
 */
export type Effect = 'adds' | 'replaces' | 'same' | 'once';

export interface CsvImport {
  readonly name: string;
  readonly about: string;
  readonly template: string;
  readonly path: readonly PathParameter[];
  readonly query?: readonly QueryOption[];
  readonly columns: readonly Column[];
  /** What no single cell can tell. */
  readonly rule?: (cells: Cells) => readonly { column: string; reason: string }[];
  readonly effect: Effect;
  /** The most rows that one list may have. */
  readonly maxRows?: number;
  /** The ledger of the program tells what has arrived. */
  readonly hasLedger?: true;
}

const integrationId = lengthBetween(1, 1000);
const attributes: Column = { name: 'attributes', check: jsonObject };
const program: PathParameter = {
  option: 'program',
  parameter: 'loyaltyProgramId',
  about: 'ID of the loyalty program',
};
const campaign: readonly PathParameter[] = [
  { option: 'application', parameter: 'applicationId', about: 'ID of the Application' },
  { option: 'campaign', parameter: 'campaignId', about: 'ID of the campaign' },
];
const collection: PathParameter = {
  option: 'collection',
  parameter: 'collectionId',
  about: 'ID of the collection',
};
const items: readonly Column[] = [{ name: 'item', required: true }];
const MAX_ITEMS = 500_000;

export const csvImports: readonly CsvImport[] = [
  {
    name: 'loyalty-points',
    about: 'loyalty points of customers or cards, added to what they have',
    template: '/v1/loyalty_programs/{loyaltyProgramId}/import_points',
    path: [program],
    query: [
      {
        option: 'without-notifications',
        parameter: 'notificationsEnabled',
        about: 'notify nobody of what the points bring about',
        value: 'false',
      },
    ],
    columns: [
      { name: 'customerprofileid', check: integrationId },
      { name: 'identifier' },
      { name: 'amount', required: true, check: numberAbove(0) },
      { name: 'startdate', check: timeOr('immediate', 'on_action') },
      { name: 'expirydate', check: timeOr('unlimited') },
      { name: 'validityDuration', check: duration },
      { name: 'subledgerid', check: lengthBetween(1, 64) },
      { name: 'reason', check: lengthBetween(1, 255) },
    ],
    rule: (cells) => {
      const broken: { column: string; reason: string }[] = [];
      if ((cells('customerprofileid') === '') === (cells('identifier') === ''))
        broken.push({
          column: 'customerprofileid',
          reason: 'either customerprofileid or identifier (of a card) must be given',
        });
      if (cells('expirydate') !== '' && cells('validityDuration') !== '')
        broken.push({ column: 'validityDuration', reason: 'must be empty when expirydate is given' });
      return broken;
    },
    effect: 'adds',
    hasLedger: true,
  },
  {
    name: 'customer-tiers',
    about: 'tiers of customers, in programs with advanced tiers',
    template: '/v1/loyalty_programs/{loyaltyProgramId}/import_customers_tiers',
    path: [program],
    columns: [
      { name: 'subledgerid', check: lengthBetween(1, 64) },
      { name: 'customerprofileid', required: true, check: integrationId },
      { name: 'tiername', required: true },
      { name: 'expirydate', check: futureTime },
    ],
    effect: 'same',
  },
  {
    name: 'join-dates',
    about: 'when customers joined a loyalty program; the customers must exist',
    template: '/v1/loyalty_programs/{loyaltyProgramId}/import_join_dates',
    path: [program],
    columns: [
      { name: 'customerprofileid', required: true, unique: true, check: integrationId },
      { name: 'newjoindate', required: true, check: time },
    ],
    effect: 'same',
  },
  {
    name: 'loyalty-cards',
    about: 'cards of a card-based loyalty program',
    template: '/v1/loyalty_programs/{loyaltyProgramId}/import_cards',
    path: [program],
    columns: [
      {
        name: 'identifier',
        required: true,
        unique: true,
        check: matching(/^[A-Za-z0-9._%+@-]+$/, 'made of letters, digits and . _ % + @ - only'),
      },
      { name: 'state', required: true, check: oneOf('active', 'inactive') },
      { name: 'customerprofileids' },
      attributes,
    ],
    effect: 'adds',
  },
  {
    name: 'coupons',
    about: 'coupon codes of a campaign',
    template: '/v1/applications/{applicationId}/campaigns/{campaignId}/import_coupons',
    path: campaign,
    query: [
      {
        option: 'skip-duplicates',
        parameter: 'skipDuplicates',
        about: 'pass over codes that exist already instead of failing',
        value: 'true',
      },
    ],
    columns: [
      { name: 'value', required: true, unique: true, check: lengthBetween(3, 1_000_000) },
      { name: 'expirydate', check: time },
      { name: 'startdate', check: time },
      { name: 'recipientintegrationid', check: integrationId },
      { name: 'limitval', check: wholeNumberFrom(0) },
      { name: 'discountlimit', check: numberFrom(0) },
      attributes,
    ],
    effect: 'adds',
  },
  {
    name: 'referrals',
    about: 'referral codes of a campaign; the advocates are not created',
    template: '/v1/applications/{applicationId}/campaigns/{campaignId}/import_referrals',
    path: campaign,
    columns: [
      { name: 'code', required: true, unique: true },
      { name: 'advocateprofileintegrationid', required: true, check: integrationId },
      { name: 'startdate', check: time },
      { name: 'expirydate', check: time },
      { name: 'limitval', check: wholeNumberFrom(0) },
      attributes,
    ],
    effect: 'adds',
  },
  {
    name: 'giveaways',
    about: 'giveaway codes of a pool; the same code may be there more than once',
    template: '/v1/giveaways/pools/{poolId}/import',
    path: [{ option: 'pool', parameter: 'poolId', about: 'ID of the pool' }],
    columns: [
      { name: 'code', required: true },
      { name: 'startdate', check: time },
      { name: 'enddate', check: time },
      attributes,
    ],
    effect: 'adds',
  },
  {
    name: 'audience',
    about: 'members of an audience',
    template: '/v1/audiences/{audienceId}/memberships/import',
    path: [{ option: 'audience', parameter: 'audienceId', about: 'ID of the audience' }],
    columns: [{ name: 'profileintegrationid', required: true, check: integrationId }],
    effect: 'replaces',
  },
  {
    name: 'collection',
    about: 'items of a collection of the account',
    template: '/v1/collections/{collectionId}/import',
    path: [collection],
    columns: items,
    effect: 'replaces',
    maxRows: MAX_ITEMS,
  },
  {
    name: 'campaign-collection',
    about: 'items of a collection of a campaign',
    template: '/v1/applications/{applicationId}/campaigns/{campaignId}/collections/{collectionId}/import',
    path: [...campaign, collection],
    columns: items,
    effect: 'replaces',
    maxRows: MAX_ITEMS,
  },
  {
    name: 'allowed-values',
    about: 'values that an attribute may have',
    template: '/v1/attributes/{attributeId}/allowed_list/import',
    path: [{ option: 'attribute', parameter: 'attributeId', about: 'ID of the attribute' }],
    columns: items,
    effect: 'replaces',
    maxRows: MAX_ITEMS,
  },
  {
    name: 'campaign-stores',
    about: 'stores that are linked to a campaign',
    template: '/v1/applications/{applicationId}/campaigns/{campaignId}/stores/import',
    path: campaign,
    columns: [{ name: 'store_integration_id', required: true, check: integrationId }],
    effect: 'replaces',
  },
  {
    name: 'store-budgets',
    about: 'budgets of the stores of a campaign',
    template: '/v1/applications/{applicationId}/campaigns/{campaignId}/stores/budgets/import',
    path: campaign,
    query: [
      {
        option: 'action',
        parameter: 'action',
        about: 'what the budget limits',
        choices: ['setDiscount'],
      },
      {
        option: 'period',
        parameter: 'period',
        about: 'what time the budget is for',
        choices: ['overall', 'daily', 'weekly', 'monthly', 'yearly'],
      },
    ],
    columns: [
      { name: 'store_integration_id', required: true, check: integrationId },
      { name: 'limit', required: true, check: numberFrom(0) },
    ],
    effect: 'replaces',
  },
];
