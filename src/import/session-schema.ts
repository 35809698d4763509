import { z } from 'zod';
import { type AttributeTypes, attributeProblems } from './attribute-values.js';

// What the API takes as a session (`NewCustomerSessionV2`, docs/api-facts.md, Imports), as far as an import of past
// orders sets it. A session can only be created as open or closed (docs/api-facts.md, Sessions).

const MAX_ITEMS = 1000;
const MAX_QUANTITY = 10_000;
export const NOT_A_NUMBER = 'must be a number, with a point and no thousands separators';

interface Issue {
  readonly code: string;
  readonly input?: unknown;
  readonly keys?: readonly string[];
}

const says =
  (reason: string) =>
  ({ code, input, keys = [] }: Issue): string => {
    if (code === 'unrecognized_keys') return `has members that the API does not know: ${keys.join(', ')}`;
    return input === undefined ? 'is missing' : reason;
  };

const text = z.string({ error: says('must be a text') });
const notEmpty = text.min(1, { error: () => 'must not be empty' });
const shorterThan = (most: number) =>
  notEmpty.max(most, { error: () => `must have at most ${most} characters` });
const number = z.number({ error: says(NOT_A_NUMBER) });
const listOf = <T extends z.ZodType>(element: T) => z.array(element, { error: says('must be a list') });
const object = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, { error: says('must be a JSON object') });
const recordOf = <T extends z.ZodType>(value: T) =>
  z.record(z.string(), value, { error: says('must be a JSON object') });

const id = shorterThan(1000);
const code = shorterThan(100);
const costs = recordOf(object({ price: number }));
const attributes = recordOf(z.unknown());
const QUANTITY = 'must be a whole number from 1';

const itemSchema = object({
  sku: notEmpty,
  name: text.optional(),
  quantity: z.int({ error: says(QUANTITY) }).min(1, { error: () => QUANTITY }),
  price: number.optional(),
  category: text.optional(),
  product: object({ name: text }).optional(),
  weight: number.optional(),
  height: number.optional(),
  width: number.optional(),
  length: number.optional(),
  attributes: attributes.optional(),
  additionalCosts: costs.optional(),
});

const sessionSchema = object({
  profileId: id.optional(),
  storeIntegrationId: id.optional(),
  state: z.enum(['open', 'closed'], {
    error: () => 'must be closed or open: a session cannot be created in another state',
  }),
  couponCodes: listOf(code).optional(),
  referralCode: code.optional(),
  loyaltyCards: listOf(notEmpty)
    .max(1, { error: () => 'must have at most one card' })
    .optional(),
  identifiers: listOf(text).optional(),
  cartItems: listOf(itemSchema)
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
  /** Such as `['cartItems', 2, 'price']`. */
  readonly path: readonly (string | number)[];
  readonly reason: string;
}

/** Everything that is wrong with a session that is to be sent. */
export function sessionProblems(value: unknown, types: SessionAttributeTypes): SessionProblem[] {
  const parsed = sessionSchema.safeParse(value);
  const issues = parsed.success ? [] : parsed.error.issues;
  const ofSchema = issues.map(({ path, message }) => ({
    path: path as (string | number)[],
    reason: message,
  }));
  const session = membersOf(value);
  const items: readonly unknown[] = Array.isArray(session.cartItems) ? session.cartItems : [];
  return [
    ...ofSchema,
    ...ofAttributes(session.attributes, types.session, []),
    ...items.flatMap((item, index) =>
      ofAttributes(membersOf(item).attributes, types.item, ['cartItems', index]),
    ),
  ];
}

function ofAttributes(
  given: unknown,
  types: AttributeTypes,
  path: readonly (string | number)[],
): SessionProblem[] {
  return attributeProblems(membersOf(given), types).map(({ name, reason }) => ({
    path: [...path, 'attributes', name],
    reason,
  }));
}

/** Nothing for what is no object: the schema has said so. */
function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** The cart of an order of which only the total is known: sessions take no total, it is computed from the items. */
export function totalAsCart(total: string): string {
  return `[{"sku":"order-total","name":"Order total","quantity":1,"price":${total}}]`;
}
