// The rules of the shop: which effects a cart has, and which take them back. Amounts are in cents.

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly category: string;
  readonly cents: number;
}

export const PRODUCTS: readonly Product[] = [
  { sku: 'SHOE-1', name: 'Running shoes', category: 'shoes', cents: 8900 },
  { sku: 'SHOE-2', name: 'Sandals', category: 'shoes', cents: 4500 },
  { sku: 'TEA-1', name: 'Green tea', category: 'tea', cents: 1290 },
  { sku: 'TEA-2', name: 'Tea pot', category: 'tea', cents: 3400 },
  { sku: 'BAG-1', name: 'Backpack', category: 'bags', cents: 6900 },
  { sku: 'BAG-2', name: 'Tote bag', category: 'bags', cents: 1900 },
];

export interface Item {
  readonly product: Product;
  readonly quantity: number;
  readonly returned: number;
}

export interface Cart {
  readonly items: readonly Item[];
  readonly code: string | undefined;
  /** Whether the customer has closed a session before. */
  readonly isReturning: boolean;
  readonly customer: string | undefined;
  readonly day: number;
}

export const SHIPPING_CENTS = 490;

export const CAMPAIGNS = { sale: 200, welcome: 201, shoes: 202, shipping: 203, points: 204, easter: 205 };

export const CAMPAIGN_NAMES: Readonly<Record<number, string>> = {
  [CAMPAIGNS.sale]: 'June sale',
  [CAMPAIGNS.welcome]: 'Welcome',
  [CAMPAIGNS.shoes]: 'Shoe weeks',
  [CAMPAIGNS.shipping]: 'Free shipping',
  [CAMPAIGNS.points]: 'Club points',
  [CAMPAIGNS.easter]: 'Easter',
};

export const PROGRAM = 1;
export const CODES = ['WELCOME10', 'WELCOME10', 'SHIPFREE', 'SHIPFREE', 'SUMMER25', 'EASTER25'] as const;

export interface Effect {
  readonly campaignId: number;
  readonly rulesetId: number;
  readonly ruleIndex: number;
  readonly ruleName: string;
  readonly effectType: string;
  readonly triggeredByCoupon?: number;
  readonly props: Readonly<Record<string, unknown>>;
}

export const itemsCents = ({ items }: Pick<Cart, 'items'>): number =>
  items.reduce((sum, { product, quantity }) => sum + product.cents * quantity, 0);

export const amount = (cents: number): number => cents / 100;

/** Points for the cart: one for each whole unit of the currency. */
export const pointsOf = (cart: Pick<Cart, 'items'>): number => Math.floor(itemsCents(cart) / 100);

/** What the rules give the cart, as each evaluation says it anew. */
export function effectsOf(cart: Cart, transactionUUID: string): Effect[] {
  const total = itemsCents(cart);
  const effects: Effect[] = codeEffects(cart);
  if (cart.day <= 15 && total >= 5000) {
    effects.push(
      effect(CAMPAIGNS.sale, 'setDiscount', { name: '10 % off', value: amount(Math.round(total / 10)) }),
    );
  }
  cart.items.forEach(({ product, quantity }, position) => {
    if (product.category !== 'shoes') return;
    const value = amount(Math.round((product.cents * quantity) / 5));
    effects.push(
      effect(CAMPAIGNS.shoes, 'setDiscountPerItem', { name: `Shoes #${position}`, value, position }),
    );
  });
  if (cart.customer !== undefined) {
    effects.push(
      effect(CAMPAIGNS.points, 'addLoyaltyPoints', {
        name: 'Points for purchase',
        programId: PROGRAM,
        subLedgerId: '',
        value: pointsOf(cart),
        recipientIntegrationId: cart.customer,
        transactionUUID,
      }),
    );
  }
  return effects;
}

function codeEffects({ code, isReturning }: Cart): Effect[] {
  const reject = (campaignId: number, rejectionReason: string) => [
    effect(campaignId, 'rejectCoupon', { value: code, rejectionReason }),
  ];
  if (code === undefined) return [];
  if (code === 'SUMMER25') return reject(0, 'CouponNotFound');
  if (code === 'EASTER25') return reject(CAMPAIGNS.easter, 'CouponExpired');
  if (code === 'WELCOME10' && isReturning) return reject(CAMPAIGNS.welcome, 'ProfileLimitReached');
  const isWelcome = code === 'WELCOME10';
  const campaignId = isWelcome ? CAMPAIGNS.welcome : CAMPAIGNS.shipping;
  const coupon = { triggeredByCoupon: isWelcome ? 4001 : 4002 };
  const discount = isWelcome
    ? effect(campaignId, 'setDiscount', { name: '10 off', value: 10 }, coupon)
    : effect(
        campaignId,
        'setDiscountPerAdditionalCost',
        {
          name: 'No shipping',
          additionalCostId: 1,
          additionalCost: 'shipping',
          value: amount(SHIPPING_CENTS),
        },
        coupon,
      );
  return [effect(campaignId, 'acceptCoupon', { value: code }, coupon), discount];
}

function effect(
  campaignId: number,
  effectType: string,
  props: Record<string, unknown>,
  more: Partial<Effect> = {},
): Effect {
  const ruleName = CAMPAIGN_NAMES[campaignId] ?? '';
  return {
    campaignId,
    rulesetId: Math.max(0, campaignId - 127),
    ruleIndex: 0,
    ruleName,
    effectType,
    ...more,
    props,
  };
}

/** Takes back everything that a cancelled or reopened session was given. */
export function rollbacksOf(effects: readonly Effect[]): Effect[] {
  return effects.flatMap((given): Effect[] => {
    const { effectType, props } = given;
    const { name, value, position, additionalCost, additionalCostId } = props;
    if (effectType.startsWith('setDiscount')) {
      const place = { cartItemPosition: position, additionalCost, additionalCostId };
      return [{ ...given, effectType: 'rollbackDiscount', props: { name, value, ...place } }];
    }
    if (effectType === 'acceptCoupon') return [{ ...given, effectType: 'rollbackCoupon', props: { value } }];
    if (effectType !== 'addLoyaltyPoints') return [];
    return [{ ...given, effectType: 'rollbackAddedLoyaltyPoints', props: { ...props, name: undefined } }];
  });
}

/** Takes back what the items of one position had: their own discount. */
export function itemRollbacksOf(effects: readonly Effect[], position: number): Effect[] {
  return rollbacksOf(effects.filter(({ props }) => props.position === position));
}
