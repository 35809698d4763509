import type { Dice } from './dice.js';
import type { EventRow } from './event-table.js';
import type { ProfileTable } from './profile-table.js';
import { type SessionTable, stateAfter } from './session-table.js';
import type { Micros } from './timestamp.js';
import { CUSTOM_KINDS, KIND, STATE } from './vocabulary.js';

export interface TrafficPlan {
  events: number;
  sessions: number;
  profiles: number;
}

const POOL_LIMIT = 4096;
const PROFILE_EVENT_SHARE = 0.07;
const CUSTOM_EVENT_SHARE = 0.07;
const ANONYMOUS_SHARE = 0.06;
/** Most updates belong to a session that was busy a moment ago, the others come hours or days later. */
const RECENT_SHARE = 0.7;
const RECENT_SESSIONS = 32;

/**
 * Invents what happens next: each call is one event. While the plan lasts, sessions and profiles are started at the
 * rate that uses up their planned numbers exactly; afterwards they keep coming in the same proportion.
 */
export class Traffic {
  private readonly active: number[] = [];
  private readonly left: TrafficPlan;
  private isPlanned = false;

  constructor(
    private readonly dice: Dice,
    private readonly sessions: SessionTable,
    private readonly profiles: ProfileTable,
    private readonly plan: TrafficPlan,
  ) {
    this.left = { ...plan };
  }

  next(created: Micros): EventRow {
    const { dice, left } = this;
    this.isPlanned = left.events > 0;
    if (this.isPlanned) left.events -= 1;
    const mustBeNewProfile = this.isPlanned && left.profiles > left.events;
    if (dice.chance(this.rate(left.sessions, this.plan.sessions, 1 / 3))) {
      return this.startSession(created, mustBeNewProfile);
    }
    if (mustBeNewProfile || dice.chance(PROFILE_EVENT_SHARE))
      return this.profileEvent(created, mustBeNewProfile);
    if (dice.chance(CUSTOM_EVENT_SHARE)) return this.customEvent(created);
    return this.continueSession(created);
  }

  /** The share of the coming events that has to start something, for its planned number to come out: 1 at the end. */
  private rate(left: number, planned: number, otherwise: number): number {
    if (this.isPlanned) return left / (this.left.events + 1);
    return this.plan.events > 0 ? planned / this.plan.events : otherwise;
  }

  private startSession(created: Micros, mustBeNewProfile: boolean): EventRow {
    if (this.left.sessions > 0) this.left.sessions -= 1;
    const isAnonymous = !mustBeNewProfile && this.dice.chance(ANONYMOUS_SHARE);
    const profile = isAnonymous ? -1 : this.someProfile(created, mustBeNewProfile);
    const session = this.sessions.append(created, profile);
    this.sessions.plannedStep.set(session, 1);
    this.remember(session);
    return { kind: KIND.sessionCreated, created, session, profile, step: 1 };
  }

  private continueSession(created: Micros): EventRow {
    const session = this.pickActive();
    if (session < 0) return this.customEvent(created);
    const kind = this.nextKind(this.sessions.plannedState.get(session));
    if (kind < 0) return this.customEvent(created);
    const state = stateAfter(kind, this.sessions.plannedState.get(session));
    this.sessions.plannedState.set(session, state);
    const step = Math.min(this.sessions.plannedStep.get(session) + 1, 65_535);
    this.sessions.plannedStep.set(session, step);
    const isOver = state === STATE.cancelled || (state !== STATE.open && !this.dice.chance(0.12));
    if (isOver) this.forget(session);
    return { kind, created, session, profile: this.sessions.profile.get(session), step };
  }

  /** `-1`: nothing can happen to a cancelled session any more. */
  private nextKind(state: number): number {
    if (state === STATE.open) {
      const throwOf = this.dice.fraction();
      if (throwOf < 0.6) return KIND.sessionUpdated;
      return throwOf < 0.94 ? KIND.sessionClosed : KIND.sessionCancelled;
    }
    if (state === STATE.closed) {
      return this.dice.pick([KIND.sessionPartiallyReturned, KIND.sessionRevoked, KIND.sessionReopened]);
    }
    return state === STATE.partiallyReturned ? KIND.sessionRevoked : -1;
  }

  private profileEvent(created: Micros, mustBeNew: boolean): EventRow {
    const before = this.profiles.count;
    const profile = this.someProfile(created, mustBeNew);
    const isNew = this.profiles.count > before;
    const birth = this.dice.chance(0.8) ? KIND.profileCreated : KIND.customerProfileCreated;
    return { kind: isNew ? birth : KIND.profileUpdated, created, session: -1, profile, step: 0 };
  }

  /** What an account tracks itself: mostly of a profile, sometimes within a session, rarely of nobody known. */
  private customEvent(created: Micros): EventRow {
    const kind = KIND.firstCustom + this.dice.below(CUSTOM_KINDS);
    const session = this.dice.chance(0.3) ? (this.active.at(-1) ?? -1) : -1;
    if (session >= 0) {
      const step = this.sessions.plannedStep.get(session);
      return { kind, created, session, profile: this.sessions.profile.get(session), step };
    }
    const isKnown = this.profiles.count > 0 && !this.dice.chance(0.1);
    return {
      kind,
      created,
      session: -1,
      profile: isKnown ? this.dice.below(this.profiles.count) : -1,
      step: 0,
    };
  }

  private someProfile(created: Micros, mustBeNew: boolean): number {
    const occasions =
      PROFILE_EVENT_SHARE + (this.plan.events > 0 ? this.plan.sessions / this.plan.events : 1 / 3);
    const chance = this.rate(this.left.profiles, this.plan.profiles, 1 / 8) / occasions;
    if (!mustBeNew && this.profiles.count > 0 && !this.dice.chance(chance)) return this.oldProfile();
    if (this.plan.profiles === 0 && this.plan.events > 0) return -1;
    if (this.left.profiles > 0) this.left.profiles -= 1;
    return this.profiles.append(created);
  }

  /** Early customers come back more often. */
  private oldProfile(): number {
    return Math.floor(this.dice.fraction() ** 1.5 * this.profiles.count);
  }

  private pickActive(): number {
    const { active, dice, sessions } = this;
    if (active.length === 0) return sessions.count > 0 ? dice.below(sessions.count) : -1;
    const span = dice.chance(RECENT_SHARE) ? Math.min(RECENT_SESSIONS, active.length) : active.length;
    return active[active.length - 1 - dice.below(span)] as number;
  }

  private remember(session: number): void {
    this.active.push(session);
    // Carts that nobody comes back to stay open for good.
    if (this.active.length > POOL_LIMIT) this.active.splice(0, POOL_LIMIT / 2);
  }

  private forget(session: number): void {
    const position = this.active.lastIndexOf(session);
    if (position >= 0) this.active.splice(position, 1);
  }
}
