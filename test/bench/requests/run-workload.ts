import { loadConfig } from '../../../src/config.js';
import { parseInstant } from '../../../src/instant.js';
import { createLogger } from '../../../src/logger.js';
import { ApplicationSync } from '../../../src/sync/application-sync.js';
import { runCycle } from '../../../src/sync/cycle.js';
import { ManagementClient } from '../../../src/talon-one/management.js';
import { budgetShape, LocalBudget } from '../../../src/talon-one/request-budget.js';
import { defaultRetry } from '../../../src/talon-one/retry.js';
import { ensureCursors, takeLease } from '../../../src/warehouse/cursor.js';
import { Partitions } from '../../../src/warehouse/partitions.js';
import { Warehouse } from '../../../src/warehouse/warehouse.js';
import { formatMicros, type Micros, SECOND } from '../../simulator/timestamp.js';
import type { BenchWarehouse } from '../postgres.js';
import { type Bound, lowerBound, recipe } from './lower-bound.js';
import { Observer } from './observer.js';
import { type EndpointKind, VirtualApi } from './virtual-api.js';
import { VirtualTime } from './virtual-time.js';
import { BEGIN, VirtualWorld } from './virtual-world.js';
import { HISTORY_BEGIN, type Stage, type Workload } from './workloads.js';

const LEASE_MS = 3_600_000;
const REQUESTS_PER_SECOND = 3;

export interface RunOptions {
  /** From sending a request to its answer, on the simulated clock; default: 0. */
  readonly latencyMs?: number | undefined;
}

export interface Outcome {
  readonly counts: Readonly<Record<EndpointKind, number>>;
  readonly total: number;
  readonly cycles: number;
  readonly bound: Bound;
  readonly recipe: number;
  readonly events: number;
  readonly repeated: number;
  /** Of the simulated clock. */
  readonly simulatedSeconds: number;
  readonly rowSeconds: readonly number[];
  readonly snapshotSeconds: readonly number[];
}

class HeldWarehouse extends Warehouse {
  constructor(
    target: BenchWarehouse,
    private readonly time: VirtualTime,
  ) {
    super({ pool: target.warehouse.pool, schema: target.schema, idleInTransactionMs: 60_000 });
  }

  override transaction: Warehouse['transaction'] = (work, limits) =>
    this.time.hold(() => super.transaction(work, limits));
}

/**
 * Runs one workload through the daemon's own cycles, client and planner, with the simulator's endpoints in this process and
 * a real Postgres. Simulated are the clock that the budget and the pauses between cycles go by, and the network, in which
 * every answer takes the same time. Leases stay on Postgres' clock; they are long enough.
 */
export async function runWorkload(
  workload: Workload,
  scale: number,
  target: BenchWarehouse,
  signal: AbortSignal,
  { latencyMs = 0 }: RunOptions = {},
): Promise<Outcome> {
  const time = new VirtualTime();
  const world = new VirtualWorld(time);
  const stage = workload.open(world, scale);
  const observers = new Map(stage.applications.map((one) => [one.id, new Observer(one, BEGIN)]));
  const feed = () => {
    for (const shop of stage.shops) shop.feed(world.now());
  };
  const shape = budgetShape(REQUESTS_PER_SECOND);
  if (shape === undefined) throw new Error('no limit');
  const budget = new LocalBudget(shape, time.now, time.sleep);
  const api = new VirtualApi(world, { time, budget, latencyMs }, observers, feed);
  const warehouse = new HeldWarehouse(target, time);
  await seed(warehouse, stage, workload);
  const parts = {
    warehouse,
    partitions: new Partitions(warehouse, () => {}),
    client: new ManagementClient(api.send, defaultRetry),
    config: loadConfig({ TALON_ONE_BASE_URL: 'http://127.0.0.1', TALON_ONE_API_KEY: 'none' }),
    now: time.now,
  };
  const endMs = workload.seconds(scale) * 1000;
  const loops = [...observers.values()].map((observer, index) =>
    cycles(observer, parts, { time, startMs: (index * 60_000) / observers.size, endMs, signal }),
  );
  await time.run(Promise.all(loops));
  await checkStored(target, observers);
  return outcomeOf(api, [...observers.values()], time);
}

type Parts = ConstructorParameters<typeof ApplicationSync>[1];

/** The cycles of one Application, one interval apart, as the scheduler would run them. */
async function cycles(
  observer: Observer,
  parts: Parts,
  run: { time: VirtualTime; startMs: number; endMs: number; signal: AbortSignal },
): Promise<void> {
  const applicationId = String(observer.application.id);
  const application = new ApplicationSync(applicationId, parts);
  const log = createLogger({ level: 'warn', pretty: false, secrets: [] });
  const { intervalMs, lookback } = parts.config.sync;
  await run.time.sleep(run.startMs);
  for (;;) {
    run.signal.throwIfAborted();
    const wanted = { owner: 'bench', leaseMs: LEASE_MS, courtesyMs: 0, evenIfNotDue: true };
    const leased = await takeLease(parts.warehouse, { applicationIds: [applicationId], ...wanted });
    if (!leased) throw new Error('the lease is not free');
    const options = { warehouse: parts.warehouse, intervalMs, lookback };
    const { outcome, leftover, error } = await runCycle(leased, application, options, run.signal, log);
    if (error !== undefined) throw error;
    if (outcome !== 'caught-up' && leftover !== 'time-up') throw new Error(`a cycle ended ${outcome}`);
    if (leftover === 'time-up') continue;
    observer.endCycle();
    if (run.time.now() >= run.endMs) return;
    await run.time.sleep(intervalMs);
  }
}

/** Cursors where the sync begins, and what a daemon that has run for long knows of the sessions of the last days. */
async function seed(warehouse: Warehouse, stage: Stage, workload: Workload): Promise<void> {
  const from: Micros = workload.isFirstSync ? HISTORY_BEGIN : BEGIN - SECOND;
  const start = parseInstant(formatMicros(from)) ?? 0n;
  const ids = stage.applications.map(({ id }) => String(id));
  await ensureCursors(
    warehouse,
    ids.map((id) => ({ id, name: undefined, created: undefined, start })),
  );
  for (const [index, shop] of stage.shops.entries()) {
    const { sessions, id } = stage.applications[index] as Stage['applications'][number];
    const known = shop.knownBefore.map((row) => ({
      id: sessions.ids.idOf(row),
      created: formatMicros(sessions.created.get(row)),
    }));
    await warehouse.transaction((client) =>
      client.query(
        `insert into talon_one_session_snapshot (application_id, session_id, fetched_at, found, session_created, source)
         select $1, id, created, true, created, 'by-id' from jsonb_to_recordset($2) as s (id bigint, created timestamptz)`,
        [id, JSON.stringify(known)],
      ),
    );
  }
}

async function checkStored(target: BenchWarehouse, observers: ReadonlyMap<number, Observer>): Promise<void> {
  const { rows } = await target.warehouse.transaction((client) =>
    client.query<{ events: string; owed: string }>(
      `select (select count(*) from talon_one_event) as events, (select count(*) from talon_one_owed_snapshot) as owed`,
    ),
  );
  const seen = sum([...observers.values()], (one) => sum(one.cycles, (cycle) => cycle.events));
  const waiting = sum([...observers.values()], (one) => one.waiting);
  const [row] = rows;
  if (Number(row?.events) !== seen || Number(row?.owed) !== 0 || waiting !== 0) {
    throw new Error(
      `${row?.events} of ${seen} events stored, ${row?.owed} owed, ${waiting} without snapshot`,
    );
  }
}

function outcomeOf(api: VirtualApi, observers: readonly Observer[], time: VirtualTime): Outcome {
  const bounds = observers.map((one) => lowerBound(one.cycles));
  const events = sum(observers, (one) => sum(one.cycles, (cycle) => cycle.events));
  return {
    counts: api.counts,
    total: sum(Object.values(api.counts), (count) => count),
    cycles: sum(observers, (one) => one.cycles.length),
    bound: {
      events: sum(bounds, (one) => one.events),
      profiles: sum(bounds, (one) => one.profiles),
      sessions: sum(bounds, (one) => one.sessions),
      total: sum(bounds, (one) => one.total),
    },
    recipe: sum(observers, (one) => recipe(one.cycles)),
    events,
    repeated: sum(observers, (one) => one.rowsDelivered) - events,
    simulatedSeconds: time.now() / 1000,
    rowSeconds: observers.flatMap((one) => one.rowSeconds),
    snapshotSeconds: observers.flatMap((one) => one.snapshotSeconds),
  };
}

function sum<T>(items: readonly T[], part: (item: T) => number): number {
  return items.reduce((total, item) => total + part(item), 0);
}
