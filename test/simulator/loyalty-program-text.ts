import type { LoyaltyProgram } from './loyalty-program.js';
import { ACCOUNT_ID } from './profile-text.js';
import { formatMicros } from './timestamp.js';

/** The JSON of one program, as lists and Applications show it. */
export function loyaltyProgramText(program: LoyaltyProgram): string {
  return JSON.stringify(loyaltyProgramJson(program));
}

export function loyaltyProgramJson(program: LoyaltyProgram): object {
  const created = formatMicros(program.created);
  return {
    id: program.id,
    created,
    title: program.title,
    description: 'Customers collect 10 points per 1$ spent',
    subscribedApplications: program.applications.map((application) => application.id),
    defaultValidity: '12M',
    defaultPending: 'immediate',
    allowSubledger: program.allowSubledger,
    ...(program.cardBased ? { usersPerCardLimit: 3 } : {}),
    sandbox: program.sandbox,
    programJoinPolicy: 'points_earned',
    tiersExpirationPolicy: 'tier_start_date',
    tiersExpireIn: '1Y',
    tiersDowngradePolicy: 'balance_based',
    returnPolicy: 'within_balance',
    accountID: ACCOUNT_ID,
    name: program.name,
    tiers: program.tiers.map(({ name, minPoints }, index) => ({
      id: tierId(program, index),
      created,
      programID: program.id,
      programName: program.name,
      programTitle: program.title,
      name,
      minPoints,
    })),
    timezone: program.timezone,
    cardBased: program.cardBased,
    canUpdateTiers: true,
    canUpdateTierExpirationPolicy: true,
    canUpgradeToAdvancedTiers: false,
    canUpdateSubledgers: true,
  };
}

/** `index`: place of the tier in its program, the lowest first. */
export function tierId(program: LoyaltyProgram, index: number): number {
  return program.id * 100 + index + 1;
}
