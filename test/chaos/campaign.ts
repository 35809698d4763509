import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CleanUp } from '../demo/clean-up.js';
import { waitUntil } from '../demo/wait.js';
import { catalogue } from './catalogue.js';
import { CompletenessWatch } from './completeness-watch.js';
import { type Habits, habitsOf } from './habits.js';
import { rage } from './nemesis.js';
import { makePeace } from './peace.js';
import { type Catalogue, LANES, type PlannedFault, planFaults } from './schedule.js';
import { openStage, type Stage } from './stage.js';
import { judge, type Verdict } from './verdict.js';

/** What may be given in place of what follows from the seed. */
export interface Scenario {
  readonly faults?: readonly PlannedFault[];
  readonly habits?: Partial<Habits>;
  /** Variables of the daemons on top of ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long to wait for the daemons to catch up at the end, in milliseconds. */
  readonly patienceMs?: number;
}

export interface CampaignOptions extends Scenario {
  readonly seed: number;
  readonly minutes: number;
  /** Entry of the built daemon. */
  readonly program: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Only these faults of the plan, by number. */
  readonly only?: readonly number[];
  /** Only these kinds of faults. */
  readonly kinds?: readonly string[];
  /** Leaves the logs of the daemons behind, whatever the verdict. */
  readonly keep?: boolean;
}

export interface CampaignResult {
  readonly seed: number;
  readonly minutes: number;
  readonly habits: Habits;
  /** Those that were carried out. */
  readonly faults: readonly PlannedFault[];
  readonly isThroughBouncer: boolean;
  readonly restrictions: readonly string[];
  readonly verdict: Verdict;
  readonly hasPassed: boolean;
  /** Where the logs are; undefined when they were removed. */
  readonly folder: string | undefined;
}

const MEMORY_EVERY_MS = 1_000;

/** One campaign: war, peace, verdict. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const folder = await mkdtemp(join(tmpdir(), 'talon-one-sync-chaos-'));
  // Postgres, which is another user's when we are root, has its small disk in it.
  await chmod(folder, 0o755);
  const cleanUp = new CleanUp();
  let hasPassed = false;
  try {
    const result = await play(options, folder, cleanUp);
    hasPassed = result.hasPassed;
    return { ...result, folder: hasPassed && !options.keep ? undefined : folder };
  } finally {
    await cleanUp.run();
    if (hasPassed && !options.keep) await rm(folder, { recursive: true, force: true });
  }
}

async function play(
  options: CampaignOptions,
  folder: string,
  cleanUp: CleanUp,
): Promise<Omit<CampaignResult, 'folder'>> {
  const { seed, minutes, signal } = options;
  const habits = { ...habitsOf(seed), ...options.habits };
  const faults = options.faults ?? planOf(options);
  const stage = await openStage(
    { habits, program: options.program, folder, env: options.env ?? {} },
    cleanUp,
  );
  const memory = setInterval(() => {
    for (const replica of stage.replicas) void replica.measureMemory();
  }, MEMORY_EVERY_MS);
  cleanUp.add(async () => clearInterval(memory));
  const startedAt = Date.now();
  const watch = new CompletenessWatch(stage);
  cleanUp.add(() => watch.stop());
  watch.start();
  stage.traffic.start();
  for (const replica of stage.replicas) replica.start();
  await firstEvents(stage, signal);
  const begun = await wage(stage, faults, options);
  options.say('        peace');
  const isCaughtUp = await makePeace(stage, signal, options.patienceMs);
  for (const replica of stage.replicas) await replica.stop();
  await watch.stop();
  const verdict = await judge(stage, { isCaughtUp, startedAt, falseClaims: watch.falseClaims });
  return {
    seed,
    minutes,
    habits,
    faults: begun,
    isThroughBouncer: stage.isThroughBouncer,
    restrictions: stage.restrictions,
    verdict,
    hasPassed: Object.values(verdict.counts).every((count) => count === 0),
  };
}

/** The plan of a seed, and of it what was asked for. */
export function planOf({
  seed,
  minutes,
  only,
  kinds,
}: Pick<CampaignOptions, 'seed' | 'minutes' | 'only' | 'kinds'>) {
  const all = planFaults(seed, minutes * 60_000, kinds === undefined ? catalogue : ofKinds(kinds));
  return only === undefined ? all : all.filter((fault) => only.includes(fault.number));
}

/** What a fault of the plan may be called, for all lanes or for one. */
export function knownKinds(): string[] {
  return LANES.flatMap((lane) => Object.keys(catalogue[lane]).flatMap((kind) => [kind, `${lane}: ${kind}`]));
}

/** Kinds are given for all lanes, or for one: `replica 1: SIGSTOP`. */
function ofKinds(kinds: readonly string[]): Catalogue {
  const chosen = LANES.map((lane) => {
    const scripts = Object.entries(catalogue[lane]);
    const isChosen = (kind: string) => kinds.includes(kind) || kinds.includes(`${lane}: ${kind}`);
    return [lane, Object.fromEntries(scripts.filter(([kind]) => isChosen(kind)))];
  });
  return Object.fromEntries(chosen) as Catalogue;
}

/** A war against daemons that are still starting would be no war. */
async function firstEvents({ database }: Stage, signal: AbortSignal): Promise<void> {
  const condition = async () => (await database.query('select from talon_one_event limit 1')).length > 0;
  await waitUntil(condition, { signal, what: 'the first events are stored', everyMs: 50 });
}

/** The nemesis rages for as long as was asked for, even if its last fault ends earlier. */
async function wage(
  stage: Stage,
  faults: readonly PlannedFault[],
  options: CampaignOptions,
): Promise<PlannedFault[]> {
  const { signal, say, minutes } = options;
  const over = delay(minutes * 60_000, undefined, { signal });
  const [begun] = await Promise.all([rage(stage, faults, { say, signal }), over]);
  return begun;
}
