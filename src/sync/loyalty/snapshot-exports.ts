import type { SnapshotKind } from '../../warehouse/loyalty-snapshot-sql.js';

const PROGRAM = '/v1/loyalty_programs/{loyaltyProgramId}';

/** One CSV export: where it is, and the columns that make it what it is (docs/api-facts.md, CSV exports). */
export interface SnapshotExport {
  readonly template: string;
  readonly required: readonly string[];
}

/** What is fetched daily of each program. A program has its points either on profiles or on cards. */
export interface SnapshotEntry {
  /** Also the job's name: `loyalty-balances`. */
  readonly kind: SnapshotKind;
  readonly profile: SnapshotExport;
  readonly card?: SnapshotExport;
}

const customerBalances: SnapshotExport = {
  template: `${PROGRAM}/export_customer_balances`,
  required: ['profileintegrationid', 'currentbalance'],
};
const cardBalances: SnapshotExport = {
  template: `${PROGRAM}/export_card_balances`,
  required: ['cardidentifier', 'currentbalance'],
};

export const snapshotEntries: readonly SnapshotEntry[] = [
  { kind: 'balances', profile: customerBalances, card: cardBalances },
  {
    kind: 'tiers',
    profile: {
      template: `${PROGRAM}/export_customers_tiers`,
      required: ['customerprofileid', 'tiername'],
    },
  },
  {
    kind: 'join-dates',
    profile: {
      template: `${PROGRAM}/export_join_dates`,
      required: ['profileintegrationid', 'joindate'],
    },
  },
  { kind: 'projection', profile: customerBalances, card: cardBalances },
];
