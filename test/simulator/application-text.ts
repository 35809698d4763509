import type { SimulatedApplication } from './application.js';
import { ACCOUNT_ID } from './profile-text.js';
import { formatMicros } from './timestamp.js';

export function applicationText(application: SimulatedApplication): string {
  const created = formatMicros(application.created, application.style.digits);
  return JSON.stringify({
    id: application.id,
    created,
    modified: created,
    accountId: ACCOUNT_ID,
    name: application.name,
    description: 'Simulated',
    timezone: 'Europe/Berlin',
    currency: 'EUR',
    caseSensitivity: 'sensitive',
    attributes: {},
    limits: [{ action: 'setDiscount', limit: 1000, period: 'monthly', entities: ['Coupon', 'Profile'] }],
    defaultDiscountScope: 'sessionTotal',
    enableCascadingDiscounts: true,
    enableFlattenedCartItems: false,
    sandbox: application.sandbox,
    enablePartialDiscounts: false,
    defaultEvaluationGroupId: 3,
    loyaltyPrograms: [loyaltyProgram(application, created)],
  });
}

function loyaltyProgram(application: SimulatedApplication, created: string): object {
  return {
    id: 1,
    created,
    title: 'Point collection',
    description: 'Customers collect 10 points per 1$ spent',
    subscribedApplications: [application.id],
    defaultValidity: '12M',
    defaultPending: 'immediate',
    allowSubledger: true,
    sandbox: application.sandbox,
    accountID: ACCOUNT_ID,
    name: 'points',
    tiers: [{ id: 1, created, programID: 1, name: 'Gold', minPoints: 300 }],
    timezone: 'Europe/Berlin',
    cardBased: false,
  };
}
