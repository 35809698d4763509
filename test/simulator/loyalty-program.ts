import type { SimulatedApplication } from './application.js';
import { LoyaltyCards } from './loyalty-cards.js';
import { fillLedger } from './loyalty-history.js';
import { LoyaltyLedger } from './loyalty-ledger.js';
import type { ProfileTable } from './profile-table.js';
import type { Micros } from './timestamp.js';

export interface LoyaltyTierOptions {
  name: string;
  minPoints: number;
}

export interface LoyaltyProgramOptions {
  /** Default: the next free number from 1. */
  id?: number;
  /** The internal name. */
  name?: string;
  title?: string;
  /** Points on cards instead of profiles. Default false. */
  cardBased?: boolean;
  /** Default false. */
  sandbox?: boolean;
  /** Default true. */
  allowSubledger?: boolean;
  /** IANA name. Default `Europe/Berlin`. */
  timezone?: string;
  /** Lowest first. Default: Bronze from 50 points, Silver from 200, Gold from 500; none on cards. */
  tiers?: readonly LoyaltyTierOptions[];
  /** Default: the first twenty Applications of the environment. */
  applications?: readonly number[];
  /** Whether there were transactions before the simulator started. Default true. */
  history?: boolean;
}

export interface LoyaltyProgramParts {
  options: LoyaltyProgramOptions & { id: number };
  profiles: ProfileTable;
  applications: () => Iterable<SimulatedApplication>;
  seed: number;
  now: () => Micros;
}

const DEFAULT_APPLICATIONS = 20;

export const DEFAULT_TIERS: readonly LoyaltyTierOptions[] = [
  { name: 'Bronze', minPoints: 50 },
  { name: 'Silver', minPoints: 200 },
  { name: 'Gold', minPoints: 500 },
];

/** A tier or date that does not follow from the ledger: somebody set it. */
export interface GivenTier {
  name: string;
  start: Micros;
  /** 0: it does not expire. */
  expiry: Micros;
}

/** One loyalty program. Its ledger is filled when the first request or test needs it: most simulators never do. */
export class LoyaltyProgram {
  readonly id: number;
  readonly name: string;
  title: string;
  readonly cardBased: boolean;
  readonly sandbox: boolean;
  readonly allowSubledger: boolean;
  readonly timezone: string;
  readonly tiers: readonly LoyaltyTierOptions[];
  readonly profiles: ProfileTable;
  readonly seed: number;
  readonly now: () => Micros;
  /** By owner and subledger, `12/SUB1`. */
  readonly givenTiers = new Map<string, GivenTier>();
  /** By owner. */
  readonly givenJoinDates = new Map<number, Micros>();
  private filled: { ledger: LoyaltyLedger; cards: LoyaltyCards } | undefined;

  constructor(private readonly parts: LoyaltyProgramParts) {
    const { options } = parts;
    this.id = options.id;
    this.cardBased = options.cardBased ?? false;
    this.sandbox = options.sandbox ?? false;
    this.name = options.name ?? `program_${options.id}`;
    this.title = options.title ?? `Program ${options.id}`;
    this.allowSubledger = options.allowSubledger ?? true;
    this.timezone = options.timezone ?? 'Europe/Berlin';
    this.tiers = options.tiers ?? (this.cardBased ? [] : DEFAULT_TIERS);
    this.profiles = parts.profiles;
    this.seed = parts.seed;
    this.now = parts.now;
  }

  /** Applications whose sessions earn and spend its points. */
  get applications(): SimulatedApplication[] {
    const wanted = this.parts.options.applications;
    const limit = wanted?.length ?? DEFAULT_APPLICATIONS;
    const found: SimulatedApplication[] = [];
    // Each Application shows its programs, and each program its Applications: many would make huge answers.
    for (const application of this.parts.applications()) {
      if (found.length === limit) break;
      const isSubscribed = wanted?.includes(application.id) ?? application.sandbox === this.sandbox;
      if (isSubscribed) found.push(application);
    }
    return found;
  }

  get created(): Micros {
    const created = this.applications.map((application) => application.created);
    return created.length === 0 ? 0 : Math.min(...created);
  }

  get ledger(): LoyaltyLedger {
    return this.contents().ledger;
  }

  get cards(): LoyaltyCards {
    return this.contents().cards;
  }

  /** `-1` when no profile or card has this name. */
  ownerOf(name: string): number {
    return this.cardBased ? this.cards.rowOfIdentifier(name) : this.profiles.rowOfIntegrationId(name);
  }

  /** The integration ID of the profile, or the identifier of the card. */
  ownerName(owner: number): string {
    return this.cardBased ? this.cards.get(owner).identifier : this.profiles.integrationId(owner);
  }

  /** Whether anybody has asked for its transactions yet. */
  get isInUse(): boolean {
    return this.filled !== undefined;
  }

  private contents(): { ledger: LoyaltyLedger; cards: LoyaltyCards } {
    if (this.filled !== undefined) return this.filled;
    this.filled = { ledger: new LoyaltyLedger(), cards: new LoyaltyCards() };
    if (this.parts.options.history ?? true) fillLedger(this);
    return this.filled;
  }
}
