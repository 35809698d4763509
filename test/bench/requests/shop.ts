import type { SimulatedApplication } from '../../simulator/application.js';
import { Dice } from '../../simulator/dice.js';
import { DAY, type Micros, SECOND } from '../../simulator/timestamp.js';
import { KIND } from '../../simulator/vocabulary.js';

/** How a shop's customers behave. */
export interface ShopHabits {
  /** At a moment; 0 when it is closed. */
  readonly eventsPerSecond: (at: Micros) => number;
  /** Customers who come back. */
  readonly customers: number;
  /** Share of the events that touch a session of months ago: returns, cancellations, loyalty corrections. */
  readonly oldShare: number;
  /** Seconds between two events of a session; default: minutes, hours and days. */
  readonly pauseSeconds?: (dice: Dice) => number;
  /** Days of sessions before the shop is watched, so that what began earlier is touched from the start; default: 6. */
  readonly youngDays?: number;
  /** Sessions of the months before those; default: 100,000. */
  readonly oldSessions?: number;
}

const OLD_DAYS = 180;
const EVENTS_PER_SESSION = 3;
const LONGEST_LOOK = SECOND / 2;
const PROFILE_EVENT_SHARE = 0.05;

interface Touch {
  readonly at: Micros;
  readonly session: number;
  readonly step: number;
}

/** Makes the events of one Application as time passes: sessions of minutes, hours and days, and touches of old ones. */
export class Shop {
  /** Sessions from before the start that will be touched; a daemon that has run for long has snapshots of them. */
  readonly knownBefore: number[] = [];
  private readonly touches = new Heap();
  private readonly dice: Dice;
  private readonly firstProfile: number;
  private oldSessions = 0;
  private at: Micros;

  constructor(
    private readonly application: SimulatedApplication,
    private readonly habits: ShopHabits,
    seed: number,
  ) {
    this.dice = new Dice(seed);
    this.at = application.now();
    this.firstProfile = application.profiles.count;
    for (let index = 0; index < habits.customers; index += 1) {
      application.profiles.append(this.at - this.dice.fraction() * OLD_DAYS * DAY);
    }
    if (habits.oldShare > 0) this.begin();
  }

  /** Lets everything happen up to `until`. */
  feed(until: Micros): void {
    while (this.at < until) {
      const rate = this.habits.eventsPerSecond(this.at);
      const next = rate === 0 ? until : this.at + this.wait(rate / EVENTS_PER_SESSION);
      // The rate may have changed by then. Such a wait has no memory, so it may begin anew.
      const end = Math.min(until, this.at + LONGEST_LOOK);
      this.at = Math.min(end, next);
      this.touchUntil(this.at);
      if (next < end) this.start(this.at);
    }
  }

  /** What happened before anybody looked: the sessions are there, their events are not. */
  private begin(): void {
    const { sessions } = this.application;
    const { youngDays = 6, oldSessions = 100_000 } = this.habits;
    const now = this.at;
    for (let index = 0; index < oldSessions; index += 1) {
      const share = index / oldSessions;
      this.existing(Math.floor(now - OLD_DAYS * DAY + share * (OLD_DAYS - youngDays) * DAY));
    }
    this.oldSessions = sessions.count;
    const rate = this.habits.eventsPerSecond(now) / EVENTS_PER_SESSION;
    for (let at = now - youngDays * DAY; at < now; at += this.wait(rate)) {
      const session = this.existing(Math.floor(at));
      if (this.plan(session, Math.floor(at), now)) this.knownBefore.push(session);
    }
  }

  private existing(created: Micros): number {
    const { sessions } = this.application;
    const session = sessions.append(created, this.someProfile());
    sessions.updates.set(session, 1);
    sessions.byCreated.insert(session);
    return session;
  }

  private start(at: Micros): void {
    const { sessions } = this.application;
    const session = sessions.append(at, this.someProfile());
    this.show(at, KIND.sessionCreated, session, 1);
    this.plan(session, at, at);
    if (this.dice.chance(this.habits.oldShare * EVENTS_PER_SESSION)) {
      this.show(at, KIND.sessionPartiallyReturned, this.dice.below(this.oldSessions), 2);
    }
    if (this.dice.chance(PROFILE_EVENT_SHARE)) this.show(at, KIND.profileUpdated, -1, 0);
  }

  /** Further events of a session: most within minutes, some after hours, few after days. True when one is to come. */
  private plan(session: number, created: Micros, now: Micros): boolean {
    const { pauseSeconds = minutesToDays } = this.habits;
    let step = 1;
    let isWaited = false;
    let at = created;
    while (this.dice.chance(1 - 1 / EVENTS_PER_SESSION)) {
      at += Math.floor(pauseSeconds(this.dice) * SECOND);
      step += 1;
      if (at <= now) continue;
      this.touches.push({ at, session, step });
      isWaited = true;
    }
    return isWaited;
  }

  private touchUntil(until: Micros): void {
    for (let next = this.touches.first; next !== undefined && next.at <= until; next = this.touches.first) {
      this.touches.pop();
      const isLast = this.dice.chance(0.5);
      this.show(next.at, isLast ? KIND.sessionClosed : KIND.sessionUpdated, next.session, next.step);
    }
  }

  private show(created: Micros, kind: number, session: number, step: number): void {
    const { events, sessions } = this.application;
    const profile = session < 0 ? this.someProfile() : sessions.profile.get(session);
    this.application.publish(events.append({ kind, created, session, profile, step }), created);
  }

  private someProfile(): number {
    return this.firstProfile + Math.floor(this.dice.fraction() ** 2 * this.habits.customers);
  }

  private wait(ratePerSecond: number): Micros {
    return Math.ceil((-Math.log(1 - this.dice.fraction()) / ratePerSecond) * SECOND);
  }
}

function minutesToDays(dice: Dice): number {
  const draw = dice.fraction();
  if (draw < 0.8) return logUniform(5, 600, dice);
  if (draw < 0.97) return logUniform(600, 8 * 3600, dice);
  return logUniform(8 * 3600, 3 * 86_400, dice);
}

function logUniform(from: number, to: number, dice: Dice): number {
  return from * (to / from) ** dice.fraction();
}

/** The earliest touch first. */
class Heap {
  private readonly items: Touch[] = [];

  get first(): Touch | undefined {
    return this.items[0];
  }

  push(touch: Touch): void {
    const { items } = this;
    let index = items.push(touch) - 1;
    for (let parent = (index - 1) >> 1; index > 0; parent = (index - 1) >> 1) {
      if (this.atOf(parent) <= this.atOf(index)) return;
      this.swap(index, parent);
      index = parent;
    }
  }

  pop(): void {
    const { items } = this;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    items[0] = last;
    for (let index = 0; ; ) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2])
        if (this.atOf(child) < this.atOf(least)) least = child;
      if (least === index) return;
      this.swap(index, least);
      index = least;
    }
  }

  private atOf(index: number): Micros {
    return this.items[index]?.at ?? Number.POSITIVE_INFINITY;
  }

  private swap(a: number, b: number): void {
    [this.items[a], this.items[b]] = [this.items[b] as Touch, this.items[a] as Touch];
  }
}
