import type { SimulatedApplication } from './application.js';
import { CodeTable } from './code-table.js';
import { hash32 } from './dice.js';
import { CAMPAIGNS, firstCampaign, firstCoupon } from './effect-text.js';
import { DAY, type Micros, SECOND } from './timestamp.js';

/** Times are 0 where none is set; texts are empty. */
export interface Coupon {
  id: number;
  created: Micros;
  campaignId: number;
  value: string;
  startsAt: Micros;
  expiresAt: Micros;
  usageLimit: number;
  usageCounter: number;
  /** In hundredths, as all amounts here. */
  discountLimit: number;
  discountCounter: number;
  reservation: boolean;
  reservationLimit: number;
  reservationCounter: number;
  isReservationMandatory: boolean;
  attributes: Record<string, unknown>;
  referralId: number;
  recipientIntegrationId: string;
  importId: number;
  batchId: string;
  /** 0: it still exists. */
  deletedAt: Micros;
}

export interface Referral {
  id: number;
  created: Micros;
  campaignId: number;
  code: string;
  startsAt: Micros;
  expiresAt: Micros;
  usageLimit: number;
  usageCounter: number;
  advocate: string;
  friend: string;
  attributes: Record<string, unknown>;
  importId: number;
  batchId: string;
}

/** One referral for so many profiles, at the start. */
const PROFILES_PER_REFERRAL = 6;

/** The codes of one Application. Made when somebody asks for them: one coupon for each session of the history. */
export class Codes {
  readonly coupons: CodeTable<Coupon>;
  readonly referrals: CodeTable<Referral>;

  constructor(private readonly application: SimulatedApplication) {
    const { id } = application;
    this.coupons = new CodeTable(firstCoupon(id), (...code) => this.coupon(...code));
    this.referrals = new CodeTable(id * 10_000_000 + 600, (...code) => this.referral(...code));
    const campaign = (row: number): number => firstCampaign(id) + (row % CAMPAIGNS);
    const { historySessions, historyProfiles, sessions } = application;
    for (let row = 0; row < historySessions; row += 1) {
      this.coupons.append(sessions.created.get(row) - SECOND, campaign(row));
    }
    for (let row = 0; row < historyProfiles / PROFILES_PER_REFERRAL; row += 1) {
      this.referrals.append(application.created + row * 97 * SECOND, campaign(row));
    }
  }

  private coupon(row: number, id: number, created: Micros, campaignId: number): Coupon {
    const { sessions, style, profiles } = this.application;
    const h = hash32(style.seed, this.application.id, 3_000_017 + row);
    const isUsed = h % 3 === 0;
    const isPersonal = h % 4 === 0 && profiles.count > 0;
    return {
      id,
      created,
      campaignId,
      value: row < this.application.historySessions ? sessions.coupon(row) : `SUMMER-${row}-${h % 9973}`,
      startsAt: h % 5 === 0 ? 0 : created,
      expiresAt: h % 7 === 0 ? 0 : created + (2 + (h % 60)) * DAY,
      usageLimit: 1 + (h % 3),
      usageCounter: isUsed ? 1 : 0,
      discountLimit: h % 2 === 0 ? 0 : 150,
      discountCounter: isUsed ? 50 : 0,
      reservation: h % 6 === 0,
      reservationLimit: h % 6 === 0 ? 5 : 0,
      reservationCounter: 0,
      isReservationMandatory: h % 12 === 0,
      attributes: attributesFrom(h),
      referralId: 0,
      recipientIntegrationId: isPersonal ? profiles.integrationId(h % profiles.count) : '',
      importId: h % 8 === 0 ? 671 : 0,
      batchId: h % 8 < 4 ? 'axghjfdy' : '',
      deletedAt: 0,
    };
  }

  private referral(row: number, id: number, created: Micros, campaignId: number): Referral {
    const { style, profiles } = this.application;
    const h = hash32(style.seed, this.application.id, 4_000_037 + row);
    const profile = (number: number): string => profiles.integrationId(number % Math.max(1, profiles.count));
    return {
      id,
      created,
      campaignId,
      code: `REF-${row}-${h % 9973}`,
      startsAt: h % 2 === 0 ? 0 : created,
      expiresAt: h % 3 === 0 ? 0 : created + 300 * DAY,
      usageLimit: 9999,
      usageCounter: h % 4,
      advocate: profile(row * PROFILES_PER_REFERRAL),
      friend: h % 5 === 0 ? profile(row * PROFILES_PER_REFERRAL + 1) : '',
      attributes: attributesFrom(h),
      importId: 0,
      batchId: 'pimcxobg',
    };
  }
}

function attributesFrom(h: number): Record<string, unknown> {
  if (h % 5 < 2) return {};
  return h % 5 === 2 ? { test: 'say "premium", twice', list: [1, 2.5] } : { test: 'premium' };
}
