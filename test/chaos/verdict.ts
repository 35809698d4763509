import { compareEffects, compareEvents, type EventTally } from '../support/event-comparison.js';
import { compareSnapshots, type SnapshotKind } from '../support/snapshot-comparison.js';
import { outdatedWrites } from './fence-journal.js';
import { LOOKBACK_SECONDS } from './habits.js';
import { type Latency, latencyOf, type Passage } from './latency.js';
import type { Stage } from './stage.js';

/** How often each promise was broken. All zero, or the campaign has failed. */
export interface Counts {
  lost: number;
  double: number;
  neverIssued: number;
  unequal: number;
  wrongEffects: number;
  staleProfiles: number;
  staleSessions: number;
  unequalSnapshots: number;
  owedLeft: number;
  quarantined: number;
  /** Moments at which `complete_through` promised what was not there. */
  falseClaims: number;
  outdatedWrites: number;
  requestsAboveLimit: number;
  /** Daemons that ended by themselves, or did not stop cleanly. */
  badEnds: number;
  /** The daemons had not read everything when patience ended; 1 or 0. */
  notCaughtUp: number;
}

export interface Verdict {
  readonly counts: Counts;
  readonly eventsOk: number;
  readonly takeovers: number;
  readonly latency: Latency;
  readonly peakMemory: number;
  /** What is behind the counts, a line each. */
  readonly findings: string[];
}

/** What only somebody who was there can tell. */
export interface Course {
  readonly isCaughtUp: boolean;
  /** When the war began, in milliseconds. */
  readonly startedAt: number;
  readonly falseClaims: readonly string[];
}

/** Compares what is stored with what the simulator issued, after the manner of Jepsen's set checker. */
export async function judge(stage: Stage, { isCaughtUp, startedAt, falseClaims }: Course): Promise<Verdict> {
  const { simulator, database, replicas } = stage;
  const query = (text: string, values: readonly unknown[]) => database.query(text, values);
  await database.query('analyze');
  const findings: string[] = [];
  const events: EventTally = {
    issued: 0,
    missing: 0,
    lost: 0,
    double: 0,
    neverIssued: 0,
    different: 0,
    examples: [],
  };
  const snapshots = { profile: 0, session: 0, different: 0 };
  const passages: Passage[][] = [];
  let wrongEffects = 0;
  for (const id of simulator.applicationIds) {
    const tally = await compareEvents(query, id, simulator.issuedEvents(id), {
      lookbackSeconds: LOOKBACK_SECONDS,
    });
    for (const name of ['issued', 'missing', 'lost', 'double', 'neverIssued', 'different'] as const)
      events[name] += tally[name];
    if (tally.examples.length > 0)
      findings.push(`Application ${id}: look at the events ${tally.examples.join(', ')}`);
    wrongEffects += (await compareEffects(query, id)).wrong;
    for (const kind of ['profile', 'session'] as const) {
      const { stale, different } = await compareSnapshots(query, simulator, id, kind);
      snapshots[kind as SnapshotKind] += stale;
      snapshots.different += different;
    }
    passages.push(await passagesOf(stage, id, startedAt));
  }
  const left = await database.row(`select (select count(*) from talon_one_owed_snapshot) as owed,
    (select count(*) from talon_one_quarantine) as quarantined`);
  const outdated = await outdatedWrites(database);
  const complaints = replicas.flatMap((replica) => replica.complaints);
  findings.push(...outdated.examples, ...falseClaims.slice(0, 5), ...complaints);
  return {
    counts: {
      lost: isCaughtUp ? events.missing : events.lost,
      double: events.double,
      neverIssued: events.neverIssued,
      unequal: events.different,
      wrongEffects,
      staleProfiles: snapshots.profile,
      staleSessions: snapshots.session,
      unequalSnapshots: snapshots.different,
      owedLeft: Number(left.owed),
      quarantined: Number(left.quarantined),
      falseClaims: falseClaims.length,
      outdatedWrites: outdated.count,
      requestsAboveLimit: requestsAboveLimit(stage),
      badEnds: complaints.length,
      notCaughtUp: isCaughtUp ? 0 : 1,
    },
    eventsOk: events.issued - events.missing - events.different,
    takeovers: outdated.takeovers,
    latency: latencyOf(passages),
    peakMemory: Math.max(...replicas.map((replica) => replica.peakMemory)),
    findings,
  };
}

/** By how many requests the fullest sliding second of any endpoint was too full, as the server saw it. */
function requestsAboveLimit({ simulator, habits }: Stage): number {
  const peak = Math.max(0, ...Object.values(simulator.maxInAnySecond().templates));
  return Math.max(0, peak - habits.requestsPerSecond, simulator.tooManyRequests);
}

/** Events that became visible while the campaign ran. */
async function passagesOf({ simulator, database }: Stage, id: number, startedAt: number): Promise<Passage[]> {
  const rows = await database.query(
    'select event_id, round(extract(epoch from synced_at) * 1000000) as stored from talon_one_event where application_id = $1',
    [id],
  );
  const stored = new Map(rows.map((row) => [row.event_id, Number(row.stored)]));
  const passages: Passage[] = [];
  for (const event of simulator.issuedEvents(id)) {
    const at = stored.get(event.id);
    const visible = Date.parse(event.visibleAt) * 1000;
    if (at !== undefined && visible >= startedAt * 1000) passages.push({ visible, stored: at });
  }
  return passages;
}
