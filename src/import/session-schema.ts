import { z } from 'zod';
import { type AttributeTypes, attributeProblems } from './attribute-values.js';

// What the API takes as a session (`NewCustomerSessionV2`, docs/api-facts.md, Imports), as far as an import of past
// orders sets it. A session can only be created as open or closed (docs/api-facts.md, Sessions).

const MAX_ITEMS = 1000;
const MAX_QUANTITY = 10_000;

const id = z.string().min(1).max(1000);
const code = z.string().min(1).max(100);
const costs = z.record(z.string(), z.strictObject({ price: z.number() }));
const attributes = z.record(z.string(), z.unknown());

const itemSchema = z.strictObject({
  sku: z.string().min(1),
  name: z.string().optional(),
  quantity: z.int().min(1),
  price: z.number().optional(),
  category: z.string().optional(),
  product: z.strictObject({ name: z.string() }).optional(),
  weight: z.number().optional(),
  height: z.number().optional(),
  width: z.number().optional(),
  length: z.number().optional(),
  attributes: attributes.optional(),
  additionalCosts: costs.optional(),
});

const sessionSchema = z.strictObject({
  profileId: id.optional(),
  storeIntegrationId: id.optional(),
  state: z.enum(['open', 'closed'], {
    error: () => 'must be closed or open: a session cannot be created in another state',
  }),
  couponCodes: z.array(code).optional(),
  referralCode: code.optional(),
  loyaltyCards: z.array(z.string().min(1)).max(1).optional(),
  identifiers: z.array(z.string()).optional(),
  cartItems: z
    .array(itemSchema)
    .max(MAX_ITEMS, { error: () => `must have at most ${MAX_ITEMS} items` })
    .refine((items) => items.reduce((sum, item) => sum + item.quantity, 0) <= MAX_QUANTITY, {
      error: () => `must have quantities of at most ${MAX_QUANTITY} together`,
    }),
  additionalCosts: costs.optional(),
  attributes: attributes.optional(),
});

export interface SessionAttributeTypes {
  readonly session: AttributeTypes;
  readonly item: AttributeTypes;
}

export interface SessionProblem {
  /** Such as `cartItems.2.price`. */
  readonly path: string;
  /** Position of the cart item, if the problem is in one. */
  readonly item: number | undefined;
  readonly reason: string;
}

/** Everything that is wrong with a session that is to be sent. */
export function sessionProblems(value: unknown, types: SessionAttributeTypes): SessionProblem[] {
  const parsed = sessionSchema.safeParse(value);
  if (!parsed.success) {
    return parsed.error.issues.map(({ path, message }) => ({
      path: path.join('.'),
      item: path[0] === 'cartItems' && typeof path[1] === 'number' ? path[1] : undefined,
      reason: message,
    }));
  }
  const own = attributeProblems(parsed.data.attributes ?? {}, types.session);
  const ofItems = parsed.data.cartItems.flatMap((item, index) =>
    attributeProblems(item.attributes ?? {}, types.item).map(({ name, reason }) => ({
      path: `cartItems.${index}.attributes.${name}`,
      item: index,
      reason,
    })),
  );
  return [
    ...own.map(({ name, reason }) => ({ path: `attributes.${name}`, item: undefined, reason })),
    ...ofItems,
  ];
}

/** The cart of an order of which only the total is known: sessions take no total, it is computed from the items. */
export function totalAsCart(total: string): string {
  return `[{"sku":"order-total","name":"Order total","quantity":1,"price":${total}}]`;
}
