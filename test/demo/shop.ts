import { uuid } from '../simulator/amounts.js';
import { Dice } from '../simulator/dice.js';
import type { Simulator } from '../simulator/simulator-handle.js';
import { type Customer, cartItems, JUNE_MS, profileRecord, sessionRecord, timeText } from './shop-records.js';
import {
  CAMPAIGN_NAMES,
  CAMPAIGNS,
  type Cart,
  CODES,
  type Effect,
  effectsOf,
  type Item,
  itemRollbacksOf,
  itemsCents,
  PRODUCTS,
  PROGRAM,
  pointsOf,
  rollbacksOf,
} from './shop-rules.js';

// One month of a made-up shop, whose numbers belong together: every discount follows from a cart, every rollback from
// what was given. The simulator's own traffic is random, which is good for tests of a copy and no use for answers.

export const HISTORY = { events: 0, days: 30, until: '2025-06-30T22:00:00Z' };

const SESSIONS = 400;
const CUSTOMERS = 120;
const CHANNELS = ['web', 'app', 'store'] as const;
const MINUTE_MS = 60_000;
const MONTH_MS = 30 * 24 * 60 * MINUTE_MS;

interface Visit {
  readonly id: number;
  readonly dice: Dice;
  readonly customer: Customer | undefined;
  readonly startMs: number;
}

/** What the shop itself has kept account of, session by session, without a look at its events. */
export interface Books {
  /** Discounts in cents, less what was given back, by campaign. */
  readonly discountCents: Map<number, number>;
  /** Codes that stayed redeemed. */
  readonly redeemed: Map<string, number>;
  /** Points of all customers together. */
  points: number;
}

/** Lets the month happen in an Application of the simulator: the same in every run. */
export function openShop(simulator: Simulator, applicationId: number): Books {
  const shop = new Shop(simulator, applicationId);
  nameCampaigns(simulator, applicationId);
  const dice = new Dice(20_250_601);
  const starts = Array.from(
    { length: SESSIONS },
    () => JUNE_MS + Math.floor(dice.fraction() * MONTH_MS * 0.97),
  );
  starts.sort((a, b) => a - b);
  starts.forEach((startMs, index) => {
    const customer = dice.chance(0.1) ? undefined : shop.customers[dice.below(CUSTOMERS)];
    shop.visit({ id: 5001 + index, dice, customer, startMs });
  });
  shop.writeProfiles();
  return shop.books;
}

/** Of the campaigns that the simulator has made, the shop keeps those that its rules belong to. */
function nameCampaigns(simulator: Simulator, applicationId: number): void {
  for (const id of simulator.referenceIds('campaign')) {
    if (simulator.reference('campaign', id).applicationId !== applicationId) continue;
    const name = CAMPAIGN_NAMES[id];
    if (name === undefined) simulator.removeReference('campaign', id);
    else simulator.changeCampaign(id, { name });
  }
}

class Shop {
  readonly customers: Customer[] = Array.from({ length: CUSTOMERS }, (_, index) => ({
    id: 301 + index,
    name: `customer-${String(index + 1).padStart(3, '0')}`,
    closed: 0,
    cents: 0,
    lastMs: JUNE_MS,
  }));
  readonly books: Books = { discountCents: new Map(), redeemed: new Map(), points: 0 };
  private eventId = 70_000;

  constructor(
    private readonly simulator: Simulator,
    private readonly applicationId: number,
  ) {}

  /** A cart is opened, mostly changed, mostly closed, and sometimes taken back. */
  visit(visit: Visit): void {
    const { dice, customer, startMs } = visit;
    const code = dice.chance(0.35) ? dice.pick(CODES) : undefined;
    const cart = (items: readonly Item[]): Cart => ({
      items,
      code,
      isReturning: (customer?.closed ?? 0) > 0,
      customer: customer?.name,
      day: new Date(startMs).getUTCDate(),
    });
    let current = cart([drawItem(dice)]);
    const transaction = uuid(dice);
    const happen = (type: string, atMs: number, effects: readonly Effect[], state: string) =>
      this.event(visit, type, atMs, { effects, cart: current, state });
    happen('created', startMs, effectsOf(current, transaction), 'open');
    let atMs = startMs;
    for (let updates = dice.below(3); updates > 0; updates -= 1) {
      atMs += Math.ceil(dice.fraction() * 12 * MINUTE_MS);
      current = cart([...current.items, drawItem(dice)]);
      happen('updated', atMs, effectsOf(current, transaction), 'open');
    }
    const given = effectsOf(current, transaction);
    const end = dice.fraction();
    if (end < 0.2) {
      this.writeSession(visit, current, 'open', given);
      return;
    }
    atMs += Math.ceil(dice.fraction() * 20 * MINUTE_MS);
    if (end < 0.25) {
      happen('cancelled', atMs, [], 'cancelled');
      this.writeSession(visit, current, 'cancelled', []);
      return;
    }
    happen('closed', atMs, given, 'closed');
    this.earn(visit, current, atMs, transaction);
    const state = this.afterwards(visit, current, given, atMs);
    if (customer) {
      const isSold = state !== 'cancelled';
      customer.closed += Number(isSold);
      customer.cents += isSold ? itemsCents(current) : 0;
    }
    if (customer && dice.chance(0.3)) this.review(visit, customer, atMs);
  }

  /** Returns the state that the session has at last. */
  private afterwards(visit: Visit, cart: Cart, given: readonly Effect[], closedMs: number): string {
    const { dice } = visit;
    const throwOf = dice.fraction();
    const atMs = closedMs + Math.ceil(dice.fraction() * 24 * 60 * MINUTE_MS);
    if (throwOf < 0.06) {
      this.event(visit, 'revoked', atMs, { effects: rollbacksOf(given), cart, state: 'cancelled' });
      this.takePoints(visit, pointsOf(cart), atMs);
      this.writeSession(visit, cart, 'cancelled', []);
      return 'cancelled';
    }
    if (throwOf < 0.14) {
      const items = cart.items.map((item, position) =>
        position > 0 ? item : { ...item, returned: item.quantity },
      );
      const effects = itemRollbacksOf(given, 0);
      this.event(visit, 'partially_returned', atMs, { effects, cart, state: 'partially_returned' });
      const kept = given.filter(({ props }) => props.position !== 0);
      this.writeSession(visit, { ...cart, items }, 'partially_returned', kept);
      this.book(kept);
      return 'partially_returned';
    }
    if (throwOf < 0.17) {
      // Closed again with the same cart: what it was given counts once.
      this.event(visit, 'reopened', atMs, { effects: rollbacksOf(given), cart, state: 'open' });
      this.event(visit, 'closed', atMs + 5 * MINUTE_MS, { effects: given, cart, state: 'closed' });
    }
    this.writeSession(visit, cart, 'closed', given);
    this.book(given);
    return 'closed';
  }

  private book(kept: readonly Effect[]): void {
    const { discountCents, redeemed } = this.books;
    for (const { campaignId, effectType, props } of kept) {
      const code = String(props.value);
      if (effectType === 'acceptCoupon') redeemed.set(code, (redeemed.get(code) ?? 0) + 1);
      if (!effectType.startsWith('setDiscount')) continue;
      const cents = Math.round(Number(props.value) * 100);
      discountCents.set(campaignId, (discountCents.get(campaignId) ?? 0) + cents);
    }
  }

  private event(
    visit: Visit,
    type: string,
    atMs: number,
    { effects, cart, state }: { effects: readonly Effect[]; cart: Cart; state: string },
  ): void {
    const params = {
      state,
      couponCodes: cart.code === undefined ? [] : [cart.code],
      cartItems: cartItems(cart),
    };
    const attributes = { integrationId: `order-${visit.id}`, params };
    this.add(`talon_session_${type}`, atMs, visit.customer, { sessionId: visit.id, effects, attributes });
  }

  private review({ dice }: Visit, customer: Customer, closedMs: number): void {
    const attributes = { rating: 1 + Math.floor(dice.fraction() ** 0.5 * 5), channel: dice.pick(CHANNELS) };
    this.add('product_review', closedMs + Math.ceil(dice.fraction() * 600 * MINUTE_MS), customer, {
      attributes,
    });
  }

  private add(
    type: string,
    atMs: number,
    customer: Customer | undefined,
    event: { sessionId?: number; effects?: readonly Effect[]; attributes: unknown },
  ): void {
    this.eventId += 1;
    const created = timeText(atMs);
    const profile = customer === undefined ? {} : { profileId: customer.id };
    if (customer) customer.lastMs = Math.max(customer.lastMs, atMs);
    this.simulator.addEvent(this.applicationId, { id: this.eventId, created, type, ...profile, ...event });
  }

  private earn({ customer, id, dice }: Visit, cart: Cart, atMs: number, transactionUUID: string): void {
    if (!customer) return;
    this.transaction(customer, 'addition', pointsOf(cart), atMs, id, transactionUUID);
    if (dice.chance(0.1))
      this.transaction(customer, 'subtraction', 10 + dice.below(40), atMs, id, uuid(dice));
  }

  private takePoints({ customer, id, dice }: Visit, points: number, atMs: number): void {
    if (customer) this.transaction(customer, 'subtraction', points, atMs, id, uuid(dice));
  }

  private transaction(
    customer: Customer,
    type: 'addition' | 'subtraction',
    points: number,
    atMs: number,
    session: number,
    transactionUUID: string,
  ): void {
    this.books.points += type === 'addition' ? points : -points;
    this.simulator.addLoyaltyTransaction(PROGRAM, {
      transactionUUID,
      profile: customer.name,
      created: timeText(atMs),
      type,
      origin: 'session',
      amount: points,
      name: type === 'addition' ? 'Points for purchase' : 'Points taken',
      customerSessionId: `order-${session}`,
      fields: { campaignId: CAMPAIGNS.points },
    });
  }

  /** `kept`: the effects that count, or that an open session would be given. */
  private writeSession(
    { id, customer, startMs }: Visit,
    cart: Cart,
    state: string,
    kept: readonly Effect[],
  ): void {
    const { applicationId } = this;
    const record = sessionRecord({ id, applicationId, startMs, customer, cart, state, kept });
    this.simulator.setSessionPayload(applicationId, id, JSON.stringify(record));
  }

  writeProfiles(): void {
    for (const customer of this.customers)
      this.simulator.setProfilePayload(customer.id, JSON.stringify(profileRecord(customer)));
  }
}

function drawItem(dice: Dice): Item {
  return { product: dice.pick(PRODUCTS), quantity: dice.chance(0.2) ? 2 : 1, returned: 0 };
}
