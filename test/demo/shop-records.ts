import { amount, type Cart, type Effect, itemsCents, SHIPPING_CENTS } from './shop-rules.js';

// What the API says of the shop's sessions and customers.

/** When the month begins. */
export const JUNE_MS = Date.UTC(2025, 5, 1);
const COUNTRIES = ['DE', 'DE', 'FR', 'PL'] as const;

export interface Customer {
  readonly id: number;
  readonly name: string;
  /** Sessions that were closed and not taken back, and what they came to. */
  closed: number;
  cents: number;
  lastMs: number;
}

export interface SessionParts {
  readonly id: number;
  readonly applicationId: number;
  readonly startMs: number;
  readonly customer: Customer | undefined;
  readonly cart: Cart;
  readonly state: string;
  readonly kept: readonly Effect[];
}

export function sessionRecord(parts: SessionParts): object {
  const { id, applicationId, startMs, customer, cart, state, kept } = parts;
  return {
    id,
    created: timeText(startMs),
    integrationId: `order-${id}`,
    applicationId,
    ...(customer === undefined ? {} : { profileId: customer.id, profileintegrationid: customer.name }),
    coupon: cart.code ?? '',
    referral: '',
    state,
    cartItems: cartItems(cart),
    discounts: discountsOf(kept),
    // As in a list, where nobody computes it: the month is read from one.
    totalDiscounts: 0,
    total: amount(itemsCents(cart) + SHIPPING_CENTS),
    attributes: {},
  };
}

function discountsOf(kept: readonly Effect[]): Record<string, number> {
  const discounts = kept.filter(({ effectType }) => effectType.startsWith('setDiscount'));
  return Object.fromEntries(discounts.map(({ props }) => [String(props.name), Number(props.value)]));
}

export function cartItems({ items }: Cart): object[] {
  return items.map(({ product, quantity, returned }, position) => ({
    name: product.name,
    sku: product.sku,
    category: product.category,
    price: amount(product.cents),
    quantity,
    returnedQuantity: returned,
    remainingQuantity: quantity - returned,
    position,
  }));
}

export function profileRecord({ id, name, closed, cents, lastMs }: Customer): object {
  return {
    id,
    created: timeText(JUNE_MS),
    integrationId: name,
    attributes: { Country: COUNTRIES[id % COUNTRIES.length] },
    accountId: 1,
    closedSessions: closed,
    totalSales: amount(cents),
    lastActivity: timeText(lastMs),
    sandbox: false,
  };
}

/** With microseconds, as the API writes it. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
