import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dataDirPrefix } from '../support/data-dir.js';
import type { Scenario } from './campaign.js';
import { LATEST_MS } from './habits.js';
import type { Lane, PlannedFault } from './schedule.js';
import type { Counts } from './verdict.js';

// Known defects, to see whether the campaign would find them. They are planted into a copy of the built program, so that
// the program itself knows nothing of them: in one file of it, one piece of text is replaced.

export interface Plant {
  /** The count that has to find it. */
  readonly caughtBy: keyof Counts;
  /** Below dist/src. */
  readonly file?: string;
  readonly replace?: readonly (readonly [found: string, planted: string])[];
  /** What brings it to light; the rest follows from the seed. */
  readonly scenario: Scenario;
}

/** Two Applications without quirks, and as many requests as wanted. */
const quiet = {
  requestsPerSecond: 40,
  eventsPerSecond: 30,
  sessionSource: 'auto',
  pageSize: 50,
  isThroughBouncer: false,
  historyEvents: 200,
  latestMs: 0,
  applications: [{}, {}],
} as const;

/** A back-fill that goes on for the whole war. */
const longHistory = { ...quiet, historyEvents: 8_000, pageSize: 20 };

const manyLate = { lateShare: 0.2, lateMs: LATEST_MS };
const late = { ...quiet, latestMs: LATEST_MS, applications: [manyLate, manyLate] };

const kills = [1, 3, 5, 7].flatMap((at) => [
  fault('replica 1', 'kill -9', at, 0.5),
  fault('replica 2', 'kill -9', at + 1, 0.5),
]);

function fault(lane: Lane, kind: string, atSeconds: number, forSeconds: number): PlannedFault {
  return { number: 0, lane, kind, atMs: atSeconds * 1000, forMs: forSeconds * 1000, seed: 1 };
}

export const plants = {
  'cursor-before-insert': {
    caughtBy: 'lost',
    scenario: { faults: kills, habits: longHistory, patienceMs: 3_000 },
    file: 'warehouse/event-writer.js',
    replace: [
      [
        'fence: (client) => advanceCursor(client, lease, advance),',
        `fence: async (client) => {
            if (!write.isMoved) {
                write.isMoved = true;
                await warehouse.transaction((first) => advanceCursor(first, lease, advance));
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
            await advanceCursor(client, lease);
        },`,
      ],
    ],
  },
  'strict-cursor': {
    caughtBy: 'lost',
    scenario: { faults: [], habits: { ...quiet, pageSize: 20, tieChance: 1 } },
    file: 'talon-one/event-keyset.js',
    replace: [
      [
        'const below = list.isFine ? last.created - 1n : floorToSecond(last.created) - SECOND;',
        'const below = last.created;',
      ],
      ['anchor: list.isFine ? { created: last.created } : undefined };', 'anchor: undefined };'],
    ],
  },
  'owed-in-memory': {
    caughtBy: 'staleProfiles',
    scenario: { faults: kills, habits: longHistory, patienceMs: 3_000 },
    file: 'warehouse/event-writer.js',
    replace: [
      [
        'export async function writeEventPage',
        'const remembered = new Map();\nexport async function writeEventPage',
      ],
      [
        'return rows[0]?.inserted ?? 0;',
        `const id = lease.applicationId;
            const taken = await client.query('delete from talon_one_owed_snapshot where application_id = $1 returning *', [id]);
            remembered.set(id, [...(remembered.get(id) ?? []), ...taken.rows]);
            if (advance.status === undefined) {
                await client.query('insert into talon_one_owed_snapshot select * from json_populate_recordset(null::talon_one_owed_snapshot, $1) on conflict do nothing', [JSON.stringify(remembered.get(id))]);
                remembered.delete(id);
            }
            return rows[0]?.inserted ?? 0;`,
      ],
    ],
  },
  'fence-not-checked': {
    caughtBy: 'outdatedWrites',
    // The first one has all Applications, is stopped in the middle of them, and wakes up when the second one has them.
    scenario: {
      faults: [fault('replica 2', 'kill -9', 0, 3), fault('replica 1', 'SIGSTOP', 4, 4)],
      habits: longHistory,
      env: { LEASE_SECONDS: '1' },
      patienceMs: 1_000,
    },
    file: 'warehouse/cursor.js',
    replace: [
      [
        `else clock_timestamp() end
     where application_id = $1 and fence = $2\``,
        `else clock_timestamp() end
     where application_id = $1 and $2::bigint > 0\``,
      ],
    ],
  },
  'nul-stripped': {
    caughtBy: 'unequal',
    scenario: { faults: [], habits: quiet },
    file: 'json/clean.js',
    replace: [
      [
        "if (code === 0)\n            reasons.add('NUL character');",
        "if (code === 0)\n            return '';",
      ],
    ],
  },
  'no-look-back': {
    caughtBy: 'lost',
    scenario: { faults: [], habits: late, env: { SYNC_LOOKBACK_SECONDS: '0' } },
  },
  'truncated-page-trusted': {
    caughtBy: 'falseClaims',
    // With a pause longer than the look-back, a claim that comes too early is false for a while.
    scenario: {
      faults: [fault('api', 'cut', 0, 3), fault('api', 'empty 200', 3, 6)],
      habits: quiet,
      env: { SYNC_LOOKBACK_SECONDS: '1', SYNC_INTERVAL_SECONDS: '2' },
    },
    file: 'talon-one/management.js',
    replace: [
      [
        "throw invalidBody(request, answer.text === '' ? 'it is empty' : messageOf(error), answer);",
        `answer.text = '{"data":[],"hasMore":false}';
        return JSON.parse(answer.text);`,
      ],
    ],
  },
} satisfies Record<string, Plant>;

export type PlantName = keyof typeof plants;
export const plantNames = Object.keys(plants) as PlantName[];

export function plantOf(name: PlantName): Plant {
  return plants[name];
}

/** Runs `work` with a copy of the program that has the defect. */
export async function withPlant<T>(
  name: PlantName,
  program: string,
  work: (program: string) => Promise<T>,
): Promise<T> {
  const plant = plantOf(name);
  const copy = await mkdtemp(join(tmpdir(), `${dataDirPrefix}${process.pid}-plant-`));
  try {
    const root = join(dirname(program), '../..');
    await cp(join(root, 'dist/src'), join(copy, 'dist/src'), { recursive: true });
    for (const other of ['node_modules', 'migrations', 'package.json'])
      await symlink(join(root, other), join(copy, other));
    if (plant.file !== undefined) await plantInto(join(copy, 'dist/src', plant.file), plant.replace ?? []);
    return await work(join(copy, 'dist/src/main.js'));
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function plantInto(file: string, replace: NonNullable<Plant['replace']>): Promise<void> {
  let text = await readFile(file, 'utf8');
  for (const [found, planted] of replace) {
    if (text.split(found).length !== 2)
      throw new Error(
        `${file} does not hold exactly once: ${found}. The defect has to be planted elsewhere now.`,
      );
    text = text.replace(found, () => planted);
  }
  await writeFile(file, text);
}
