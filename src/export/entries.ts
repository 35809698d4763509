import { csvExport } from './csv-export.js';
import { balancesOf, transactionsOf } from './customer-loyalty.js';
import { dashboard } from './dashboard.js';
import type { ExportEntry } from './export-entry.js';
import { projection } from './projection.js';
import { events, profiles } from './stored-records.js';
import { loyaltyTransactions } from './transactions.js';

// Every export of the command line. A further CSV export of the API is one more entry here: its address, which options
// fill the placeholders and which are filters, whether its range can be cut into windows (and then the columns that tell
// its rows apart), and a column that proves that the answer is this export.

const CREATED = { from: 'createdAfter', to: 'createdBefore' } as const;
const BY_CREATED = { from: 'from', to: 'to', time: 'created' } as const;

export const EXPORTS: readonly ExportEntry[] = [
  csvExport({
    name: 'sessions',
    about: 'customer sessions of an Application (archived ones are not exported)',
    example: '--application 42 --from 2026-10-01 --to 2026-11-01 --state closed',
    routes: [
      {
        template: '/v1/applications/{applicationId}/export_customer_sessions',
        path: { application: 'applicationId' },
        query: {
          ...CREATED,
          updatedFrom: 'updatedAfter',
          updatedTo: 'updatedBefore',
          customer: 'profileIntegrationId',
          state: 'customerSessionState',
          dateFormat: 'dateFormat',
        },
        windows: { ...BY_CREATED, key: ['id'] },
      },
    ],
    proof: ['integrationid'],
  }),
  csvExport({
    name: 'effects',
    about: 'effects that the rules of an Application triggered',
    example: '--application 42 --campaign 7 --from 2026-11-01',
    routes: [
      {
        template: '/v1/applications/{applicationId}/export_effects',
        path: { application: 'applicationId' },
        query: { ...CREATED, campaign: 'campaignId', dateFormat: 'dateFormat' },
        // A row has no key of its own.
        windows: { ...BY_CREATED, key: [] },
      },
    ],
    proof: ['eventid'],
  }),
  csvExport({
    name: 'coupons',
    about: 'coupon codes of an Application',
    example: '--application 42 --campaign 7 --valid validNow',
    routes: [
      {
        template: '/v1/applications/{applicationId}/export_coupons',
        path: { application: 'applicationId' },
        query: {
          ...CREATED,
          campaign: 'campaignId',
          campaignState: 'campaignState',
          value: 'value',
          exactMatch: 'exactMatch',
          valid: 'valid',
          usable: 'usable',
          referral: 'referralId',
          recipient: 'recipientIntegrationId',
          batch: 'batchId',
          deletedFrom: 'deletedAfter',
          deletedTo: 'deletedBefore',
          valuesOnly: 'valuesOnly',
          dateFormat: 'dateFormat',
        },
        windows: { ...BY_CREATED, key: ['id'] },
      },
    ],
    proof: ['value'],
  }),
  csvExport({
    name: 'referrals',
    about: 'referral codes of an Application',
    example: '--application 42 --campaign 7',
    routes: [
      {
        template: '/v1/applications/{applicationId}/export_referrals',
        path: { application: 'applicationId' },
        query: {
          ...CREATED,
          campaign: 'campaignId',
          valid: 'valid',
          usable: 'usable',
          batch: 'batchId',
          dateFormat: 'dateFormat',
        },
        windows: { ...BY_CREATED, key: ['id'] },
      },
    ],
    proof: ['code'],
  }),
  csvExport({
    name: 'loyalty-balances',
    about: 'balances of every customer of a loyalty program',
    example: '--program 139 --at 2026-12-31',
    routes: [
      {
        template: '/v1/loyalty_programs/{loyaltyProgramId}/export_customer_balances',
        path: { program: 'loyaltyProgramId' },
        query: { at: 'endDate', balances: 'balances' },
      },
    ],
    proof: ['profileintegrationid'],
  }),
  loyaltyTransactions,
  dashboard,
  projection,
  csvExport({
    name: 'customer-tiers',
    about: 'tier of every customer of a loyalty program',
    example: '--program 139 --tiers Gold,Silver',
    routes: [
      {
        template: '/v1/loyalty_programs/{loyaltyProgramId}/export_customers_tiers',
        path: { program: 'loyaltyProgramId' },
        query: { subledgers: 'subledgerIds', tiers: 'tierNames' },
      },
    ],
    proof: ['tiername'],
  }),
  csvExport({
    name: 'join-dates',
    about: 'when each customer joined a loyalty program',
    example: '--program 139',
    routes: [
      {
        template: '/v1/loyalty_programs/{loyaltyProgramId}/export_join_dates',
        path: { program: 'loyaltyProgramId' },
      },
    ],
    proof: ['joindate'],
  }),
  csvExport({
    name: 'card-balances',
    about: 'balances of every card of a card-based loyalty program',
    example: '--program 140',
    routes: [
      {
        template: '/v1/loyalty_programs/{loyaltyProgramId}/export_card_balances',
        path: { program: 'loyaltyProgramId' },
        query: { at: 'endDate', balances: 'balances' },
      },
    ],
    proof: ['cardidentifier'],
  }),
  csvExport({
    name: 'cards',
    about: 'loyalty cards and the customers who hold them',
    example: '--program 140 --from 2026-01-01',
    routes: [
      {
        template: '/v1/loyalty_programs/{loyaltyProgramId}/cards/export',
        path: { program: 'loyaltyProgramId' },
        query: { ...CREATED, batch: 'batchId', dateFormat: 'dateFormat' },
        windows: { ...BY_CREATED, key: ['identifier'] },
      },
    ],
    proof: ['identifier'],
  }),
  csvExport({
    name: 'achievements',
    about: 'progress of every customer in an achievement',
    example: '--achievement 12',
    routes: [
      {
        // The older form, for deployments that do not have the newer one yet.
        template:
          '/v1/applications/{applicationId}/campaigns/{campaignId}/achievements/{achievementId}/export',
        path: { achievement: 'achievementId', application: 'applicationId', campaign: 'campaignId' },
      },
      { template: '/v2/achievements/{achievementId}/export', path: { achievement: 'achievementId' } },
    ],
    proof: ['profileintegrationid'],
  }),
  csvExport({
    name: 'audience',
    about: 'members of an audience',
    example: '--audience 5',
    routes: [{ template: '/v1/audiences/{audienceId}/memberships/export', path: { audience: 'audienceId' } }],
    proof: ['profileintegrationid'],
  }),
  csvExport({
    name: 'collection',
    about: 'items of a collection of the account, or of a campaign',
    example: '--collection 9',
    routes: [
      {
        template: '/v1/applications/{applicationId}/campaigns/{campaignId}/collections/{collectionId}/export',
        path: { collection: 'collectionId', application: 'applicationId', campaign: 'campaignId' },
      },
      { template: '/v1/collections/{collectionId}/export', path: { collection: 'collectionId' } },
    ],
    proof: ['item'],
  }),
  profiles,
  events,
  transactionsOf,
  balancesOf,
];
