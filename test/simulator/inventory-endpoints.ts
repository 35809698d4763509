import { profilesOf, progressOf } from './achievement-progress.js';
import { couponText, referralText } from './code-text.js';
import type { Coupon, Referral } from './codes.js';
import type { ApiRequest, Endpoint } from './endpoint.js';
import { GIVEAWAY_POOL, giveaways } from './giveaways.js';
import { balanceAt } from './loyalty-balance.js';
import { cardText, ledgerInfo } from './loyalty-card-text.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { joinDate, tierDate, tierMembers } from './loyalty-tier.js';
import type { ProfileTable } from './profile-table.js';
import { profileText } from './profile-text.js';
import { readQuery } from './query.js';
import { notFound } from './refusal.js';
import { json } from './reply.js';
import { formatMicros } from './timestamp.js';
import type { World } from './world.js';

/** What a customer has: the parts that were asked for, all of them together in no page. */
interface Customer {
  profiles: ProfileTable;
  row: number;
  name: string;
}

type Part = (world: World, customer: Customer) => string;

const PARTS: Record<string, Part> = {
  profile: (world, { profiles, row }) => profileText(profiles, row, world.style),
  loyalty: loyaltyPart,
  referrals: (world, { name }) =>
    listText(
      referralsOf(world),
      ({ advocate }) => advocate === name,
      (referral) =>
        withMembers(referralText(referral), {
          referredCustomers: referral.friend === '' ? [] : [referral.friend],
        }),
    ),
  coupons: (world, { name }) =>
    listText(
      couponsOf(world),
      (coupon) => coupon.recipientIntegrationId === name,
      (coupon) =>
        withMembers(couponText(coupon), {
          profileRedemptionCount: coupon.usageCounter,
          state: couponState(coupon, world.now()),
        }),
    ),
  giveaways: giveawaysPart,
  achievements: achievementsPart,
};

const inventory: Endpoint = {
  method: 'GET',
  template: '/v1/customer_profiles/{integrationId}/inventory',
  api: 'integration',
  answer: (request) => {
    const query = readQuery(
      request.search,
      Object.fromEntries(Object.keys(PARTS).map((name) => [name, 'boolean' as const])),
    );
    const customer = customerOf(request);
    const wanted = Object.entries(PARTS).filter(([name]) => query.get(name) === 'true');
    const members = wanted.map(([name, part]) => `"${name}":${part(request.world, customer)}`);
    return json(`{${members.join(',')}}`);
  },
};

/** One name may belong to a live and to a sandbox profile: the key decides, and the simulator has one key for both. */
function customerOf({ world, path }: ApiRequest): Customer {
  world.promoteAll();
  const name = path.integrationId ?? '';
  for (const profiles of [world.live, world.sandbox]) {
    const row = profiles.rowOfIntegrationId(name);
    if (row >= 0 && profiles.isVisible(row)) return { profiles, row, name };
  }
  throw notFound('Profile');
}

function* couponsOf(world: World): Generator<Coupon> {
  for (const application of world.applications.values()) yield* world.codesOf(application).coupons.all();
}

function* referralsOf(world: World): Generator<Referral> {
  for (const application of world.applications.values()) yield* world.codesOf(application).referrals.all();
}

function listText<Row>(
  rows: Iterable<Row>,
  matches: (row: Row) => boolean,
  text: (row: Row) => string,
): string {
  const texts: string[] = [];
  for (const row of rows) if (matches(row)) texts.push(text(row));
  return `[${texts.join(',')}]`;
}

function withMembers(text: string, members: object): string {
  return `${text.slice(0, -1)},${JSON.stringify(members).slice(1)}`;
}

function couponState({ usageCounter, usageLimit, startsAt, expiresAt }: Coupon, now: number): string {
  if (usageCounter >= usageLimit) return 'used';
  if (expiresAt !== 0 && expiresAt <= now) return 'expired';
  return startsAt > now ? 'pending' : 'active';
}

function loyaltyPart(world: World, { profiles, row }: Customer): string {
  const all = world.loyalty.all().filter((program) => program.profiles === profiles);
  for (const program of all) program.ledger.promote(world.now());
  const programs = all.filter((program) => !program.cardBased && joinDate(program, row) !== undefined);
  const cards = all
    .filter(({ cardBased }) => cardBased)
    .flatMap((program) =>
      program.cards.all.flatMap((card, index) =>
        card.profiles.some((profile) => profile.row === row) ? [cardText(program, index)] : [],
      ),
    );
  const entries = programs.map((program) => [program.id, programJson(world, program, row)] as const);
  return `{"cards":[${cards.join(',')}],"programs":${JSON.stringify(Object.fromEntries(entries))}}`;
}

/** Documented: subledgers whose balances are all zero are left out. */
function programJson(world: World, program: LoyaltyProgram, row: number): object {
  const { tierDates } = world.switchBoard.get();
  const ledger = (subledgerId: string): object => ({
    ...ledgerInfo(balanceAt(program.ledger.accountsOf(row).get(subledgerId) ?? [], program.now())),
    ...tierMembers(program, row, subledgerId, { includeTiers: true, includeProjectedTier: false }, tierDates),
  });
  const used = [...program.ledger.accountsOf(row)].filter(([name, account]) => {
    const { active, pending, negative } = balanceAt(account, program.now());
    return name !== '' && (active > 0 || pending > 0 || negative > 0);
  });
  return {
    id: program.id,
    title: program.title,
    name: program.name,
    joinDate: tierDate(program, joinDate(program, row) ?? 0, tierDates),
    ledger: ledger(''),
    subLedgers: Object.fromEntries(used.map(([name]) => [name, ledger(name)])),
  };
}

function giveawaysPart(world: World, { profiles, row, name }: Customer): string {
  return listText(
    giveaways(world),
    ({ profile }) => profiles === world.live && profile === row,
    ({ id, code, created, endsAt }) =>
      JSON.stringify({
        id,
        created: formatMicros(created),
        code,
        poolId: GIVEAWAY_POOL,
        startDate: formatMicros(created, 'trimmed'),
        ...(endsAt === 0 ? {} : { endDate: formatMicros(endsAt, 'trimmed') }),
        used: true,
        importId: 2,
        profileIntegrationId: name,
        profileId: Number(profiles.ids.idOf(row)),
      }),
  );
}

function achievementsPart(world: World, { profiles, row }: Customer): string {
  const texts = world.reference.rows('achievement').flatMap(({ values }) => {
    const made = profilesOf(world, values) === profiles ? progressOf(world, values, row) : undefined;
    if (made === undefined) return [];
    return [
      JSON.stringify({
        achievementId: values.id,
        name: values.name,
        title: values.title,
        description: values.description,
        campaignId: values.campaignId,
        target: values.target,
        achievementRecurrencePolicy: values.recurrencePolicy,
        achievementActivationPolicy: values.activationPolicy,
        status: made.status,
        progress: made.progress,
        startDate: made.start,
        endDate: made.end,
        ...(made.completion === '' ? {} : { completionDate: made.completion }),
      }),
    ];
  });
  return `[${texts.join(',')}]`;
}

export const inventoryEndpoints: readonly Endpoint[] = [inventory];
