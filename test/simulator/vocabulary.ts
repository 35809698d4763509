/** Built-in event types first, then what an account names itself. The position is what the tables store. */
export const EVENT_TYPES = [
  'talon_session_created',
  'talon_session_updated',
  'talon_session_closed',
  'talon_session_cancelled',
  'talon_session_revoked',
  'talon_session_partially_returned',
  'talon_session_reopened',
  'talon_profile_created',
  'talon_profile_updated',
  'customer_profile_created',
  'newsletter_signup',
  'product_review',
  'app_first_signin',
  'store_visit',
] as const;

export const KIND = {
  sessionCreated: 0,
  sessionUpdated: 1,
  sessionClosed: 2,
  sessionCancelled: 3,
  sessionRevoked: 4,
  sessionPartiallyReturned: 5,
  sessionReopened: 6,
  profileCreated: 7,
  profileUpdated: 8,
  customerProfileCreated: 9,
  firstCustom: 10,
  /** A type that is not in the list, given by a test. */
  other: 255,
} as const;

export const CUSTOM_KINDS = EVENT_TYPES.length - KIND.firstCustom;

/** Of each Application. */
export const STORES = 30;

export const SESSION_STATES = ['open', 'closed', 'partially_returned', 'cancelled'] as const;
export const STATE = { open: 0, closed: 1, partiallyReturned: 2, cancelled: 3 } as const;

// Already escaped for JSON: quotes, backslashes and an escaped surrogate pair are wanted.
const PLAIN_PRODUCTS = [
  'Air Glide',
  'Gravel bike - \\"Aisle of Man\\"',
  'Tea \\u2615 set \\ud83c\\udf75',
  'Cable 2\\/4',
  'Rain coat',
  'Path C:\\\\temp mug',
  'Espresso beans 1kg',
  'Road shoes',
];
// Raw non-ASCII text in one event of fifteen: much dearer to encode than the rest, and a benchmark should not feel it.
export const PRODUCTS: readonly string[] = [
  ...Array.from({ length: 6 }, () => PLAIN_PRODUCTS).flat(),
  'Crème brûlée, größe M',
  '抹茶 whisk',
];
export const CATEGORIES = ['shoes', 'bikes', 'kitchen', 'jackets', 'tea', 'cables', 'coffee'] as const;
export const COLOURS = ['black', 'white', 'olive', 'blue', 'turquoise'] as const;
export const FIRST_NAMES = ['Ada', 'José', 'Zoë', 'Mary', 'Li', 'Łukasz', 'Amina', 'Bob'] as const;
export const LAST_NAMES = ['Lovelace', 'García', "O'Neill", 'Müller', 'Wei', 'Smith', 'Kowalska'] as const;
export const LANGUAGES = ['english', 'german', 'spanish', 'polish'] as const;
export const COUNTRIES = ['DE', 'GB', 'ES', 'PL', 'US'] as const;
export const RULES = [
  'Give 20% discount',
  '10 points for every $100 spent',
  'Welcome coupon',
  'Free shipping over 50',
  'Birthday: \\"one cake\\"',
  'VIP tier & perks',
] as const;
