import { Dice, hash32 } from './dice.js';
import { EventTable } from './event-table.js';
import { eventText } from './event-text.js';
import type { ContentStyle } from './options.js';
import type { ProfileTable } from './profile-table.js';
import type { Id } from './row-ids.js';
import { SessionTable } from './session-table.js';
import type { Switches } from './switches.js';
import { MILLISECOND, type Micros, requireRfc3339 } from './timestamp.js';
import { Traffic, type TrafficPlan } from './traffic.js';

export interface ApplicationParts {
  id: number;
  name: string;
  sandbox: boolean;
  created: Micros;
  plan: TrafficPlan;
  profiles: ProfileTable;
  style: ContentStyle;
  switches: () => Switches;
  now: () => Micros;
}

export interface EmitOptions {
  /** RFC 3339. All events get this time: a tie. Default: the server's time, one microsecond apart at least. */
  created?: string;
  /** The events appear this much later than now. Default 0, or what the switches lateShare and lateMs say. */
  visibleInMs?: number;
}

interface PendingRow {
  row: number;
  visibleAt: Micros;
}

/**
 * The records of one Application. A record is made (appended to its table) at one moment and becomes visible at the
 * same or a later one; only then do sessions and profiles reflect it. Requests see visible records alone.
 */
export class SimulatedApplication {
  readonly id: number;
  readonly name: string;
  readonly sandbox: boolean;
  readonly created: Micros;
  readonly plan: TrafficPlan;
  readonly profiles: ProfileTable;
  readonly style: ContentStyle;
  readonly switches: () => Switches;
  readonly now: () => Micros;
  readonly events: EventTable;
  readonly sessions: SessionTable;
  readonly traffic: Traffic;
  /** Rises whenever a request could see something else than before. */
  version = 0;
  /** Events made before the live traffic. */
  historyEvents = 0;
  /** Sessions started by them, and the time of the last. */
  historySessions = 0;
  /** Profiles that its environment had by then. */
  historyProfiles = 0;
  historyUntil: Micros = 0;
  lastCreated: Micros = 0;
  private pending: PendingRow[] = [];
  private readonly lateness: Dice;

  constructor(parts: ApplicationParts) {
    this.id = parts.id;
    this.name = parts.name;
    this.sandbox = parts.sandbox;
    this.created = parts.created;
    this.plan = parts.plan;
    this.profiles = parts.profiles;
    this.style = parts.style;
    this.switches = parts.switches;
    this.now = parts.now;
    this.events = new EventTable(parts.id);
    this.sessions = new SessionTable(parts.id, parts.style.seed);
    const seed = hash32(parts.style.seed, parts.id, 7);
    this.traffic = new Traffic(new Dice(seed), this.sessions, this.profiles, parts.plan);
    this.lateness = new Dice(seed + 1);
  }

  nextCreated(): Micros {
    return Math.max(this.now(), this.lastCreated + 1);
  }

  /** Returns the ids. */
  emit(count: number, options: EmitOptions = {}): string[] {
    const created = options.created === undefined ? undefined : requireRfc3339(options.created, 'created');
    return Array.from({ length: count }, () => {
      const at = created ?? this.nextCreated();
      const lateMs = options.visibleInMs ?? this.drawLateness();
      const row = this.events.append(this.traffic.next(at));
      if (created === undefined) this.lastCreated = at;
      this.publish(row, (created === undefined ? at : this.now()) + Math.round(lateMs * MILLISECOND));
      return this.events.ids.idOf(row) ?? '';
    });
  }

  /** Shows a new event now, or puts it aside until its time has come. */
  publish(row: number, visibleAt: Micros): void {
    const now = this.now();
    if (visibleAt !== this.events.created.get(row)) this.events.visibleAt.set(row, visibleAt);
    // A server's clock may be set back: an event created by this very call is visible all the same.
    if (visibleAt <= Math.max(now, this.events.created.get(row))) this.show(row);
    else this.pending.push({ row, visibleAt });
  }

  /** Lets late events appear whose time has come. */
  promote(): void {
    if (this.pending.length === 0) return;
    const now = this.now();
    const due = this.pending
      .filter((entry) => entry.visibleAt <= now)
      .sort((a, b) => a.visibleAt - b.visibleAt);
    this.pending = this.pending.filter((entry) => entry.visibleAt > now);
    for (const entry of due) this.show(entry.row);
  }

  pendingRows(): number[] {
    return this.pending.map((entry) => entry.row);
  }

  removeEvent(id: Id): boolean {
    const row = this.events.ids.rowOf(id, this.events.count);
    this.pending = this.pending.filter((entry) => entry.row !== row);
    this.version += 1;
    const isThere = row >= 0 && !this.events.removed.has(row) && !this.events.dropped.has(row);
    return isThere && this.events.remove(row);
  }

  textOf(row: number): string {
    return eventText(this, row);
  }

  private show(row: number): void {
    const { events, sessions, profiles } = this;
    events.show(row);
    this.version += 1;
    const created = events.created.get(row);
    const eventId = events.ids.sortKey(row);
    const session = events.session.get(row);
    const profile = events.profile.get(row);
    if (profile >= 0) profiles.noteEvent(profile, created, eventId);
    if (session < 0) return;
    const change = sessions.noteEvent(session, events.kind.get(row), events.step.get(row), created, eventId);
    const buyer = sessions.profile.get(session);
    if (buyer < 0 || change.cents === 0) return;
    profiles.closedSessions.add(buyer, change.closed);
    profiles.salesCents.add(buyer, change.cents);
  }

  private drawLateness(): number {
    const { lateShare, lateMs } = this.switches();
    if (lateShare === 0 || !this.lateness.chance(lateShare)) return 0;
    return this.lateness.fraction() * lateMs;
  }
}
