import type { SimulatedApplication } from '../../simulator/application.js';
import { type Micros, SECOND } from '../../simulator/timestamp.js';
import type { CycleWork } from './lower-bound.js';

/** What an event still waits for. */
interface Waiting {
  readonly visibleAt: Micros;
  /** Session and profile, or one of them. */
  left: number;
}

/** What is seen of one Application from outside: which answers held what, and how old it was. */
export class Observer {
  readonly cycles: CycleWork[] = [];
  /** Seconds from the moment when an event became visible to the answer that held it; to its last snapshot. */
  readonly rowSeconds: number[] = [];
  readonly snapshotSeconds: number[] = [];
  rowsDelivered = 0;
  private readonly delivered = new Set<number>();
  private readonly bySession = new Map<number, Waiting[]>();
  private readonly byProfile = new Map<number, Waiting[]>();
  private newEvents = 0;
  private sessions = new Set<number>();
  private profiles = new Set<number>();

  constructor(
    readonly application: SimulatedApplication,
    private readonly begin: Micros,
  ) {}

  events(ids: readonly string[], now: Micros): void {
    const { events } = this.application;
    this.rowsDelivered += ids.length;
    for (const id of ids) {
      const row = events.ids.rowOf(id, events.count);
      if (this.delivered.has(row)) continue;
      this.delivered.add(row);
      this.newEvents += 1;
      const visibleAt = Math.max(this.begin, events.visibleAt.get(row) ?? events.created.get(row));
      this.rowSeconds.push((now - visibleAt) / SECOND);
      const waiting = { visibleAt, left: 0 };
      this.wait(this.bySession, this.sessions, events.session.get(row), waiting);
      this.wait(this.byProfile, this.profiles, events.profile.get(row), waiting);
    }
  }

  sessionsAnswered(ids: readonly string[], now: Micros): void {
    const { sessions } = this.application;
    for (const id of ids) this.settle(this.bySession, sessions.ids.rowOf(id, sessions.count), now);
  }

  profilesAnswered(ids: readonly string[], now: Micros): void {
    const { profiles } = this.application;
    for (const id of ids) this.settle(this.byProfile, profiles.ids.rowOf(id, profiles.count), now);
  }

  /** A cycle whose events have all been read, with the snapshots they call for, is over. */
  endCycle(): void {
    this.cycles.push({
      events: this.newEvents,
      profiles: this.profiles.size,
      sessionRanks: this.ranksOf(this.sessions),
    });
    this.newEvents = 0;
    this.sessions = new Set();
    this.profiles = new Set();
  }

  /** Events whose snapshots nobody has fetched. */
  get waiting(): number {
    return this.bySession.size + this.byProfile.size;
  }

  private wait(table: Map<number, Waiting[]>, named: Set<number>, row: number, waiting: Waiting): void {
    if (row < 0) return;
    waiting.left += 1;
    named.add(row);
    const others = table.get(row);
    if (others) others.push(waiting);
    else table.set(row, [waiting]);
  }

  private settle(table: Map<number, Waiting[]>, row: number, now: Micros): void {
    for (const waiting of table.get(row) ?? []) {
      waiting.left -= 1;
      if (waiting.left === 0) this.snapshotSeconds.push((now - waiting.visibleAt) / SECOND);
    }
    table.delete(row);
  }

  // Sessions are only ever added at the end of this order, so ranks of earlier cycles stay.
  private ranksOf(rows: ReadonlySet<number>): number[] {
    const { sessions } = this.application;
    const { byCreated, created } = sessions;
    const rankOf = (row: number) =>
      byCreated.partition((other) => {
        const difference = created.get(other) - created.get(row);
        return difference > 0 || (difference === 0 && other >= row);
      });
    return [...rows].map(rankOf).sort((a, b) => a - b);
  }
}
