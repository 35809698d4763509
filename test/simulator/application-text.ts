import type { SimulatedApplication } from './application.js';
import { loyaltyProgramJson } from './loyalty-program-text.js';
import { ACCOUNT_ID } from './profile-text.js';
import { formatMicros } from './timestamp.js';
import type { World } from './world.js';

export function applicationText(world: World, application: SimulatedApplication): string {
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
    loyaltyPrograms: world.loyalty.of(application).map(loyaltyProgramJson),
  });
}
