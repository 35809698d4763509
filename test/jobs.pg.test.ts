import { expect, onTestFinished, test } from 'vitest';
import { LeaseLostError } from '../src/errors.js';
import type { JobContext, JobKind, JobResult } from '../src/sync/job.js';
import { JobRunner, type JobRunnerOptions } from '../src/sync/job-runner.js';
import { ApiError } from '../src/talon-one/api-error.js';
import { advanceJob, ensureJobs, takeJob } from '../src/warehouse/job.js';
import { testLog } from './support/sync.js';
import { deferred, eventually, useWarehouse } from './support/warehouse.js';

const db = useWarehouse({ poolSize: 8 });
let made = 0;

/** A kind of work that no other test knows, with a job for each subject. */
async function kindOf(
  work: (context: JobContext) => Promise<JobResult>,
  options: { subjects?: readonly string[]; inOnce?: JobKind['inOnce'] } = {},
): Promise<JobKind> {
  made += 1;
  const name = `test-${made}`;
  const { subjects = [], inOnce = 'always' } = options;
  const names = subjects.map((subject) => `${name}:${subject}`);
  await db().warehouse.transaction((client) => ensureJobs(client, names));
  return { name, jobs: [subjects.length > 0 ? `${name}:%` : name], inOnce, run: work };
}

function runnerOf(kinds: readonly JobKind[], options: Partial<JobRunnerOptions> = {}): JobRunner {
  return new JobRunner({
    warehouse: db().warehouse,
    kinds,
    owner: 'test',
    leaseMs: 2_000,
    log: testLog().log,
    ...options,
  });
}

function start(runner: JobRunner): () => Promise<void> {
  const controller = new AbortController();
  const running = runner.run(controller.signal);
  const stop = async () => {
    controller.abort();
    await running;
  };
  onTestFinished(stop);
  return stop;
}

async function rowOf(job: string): Promise<Record<string, unknown>> {
  const [row = {}] = await db().rows(
    `select status, failures, last_error, state, lease_owner, last_finished_at is not null as has_finished,
       lease_expires_at > clock_timestamp() as is_leased,
       round(extract(epoch from next_run_at - clock_timestamp()))::int as next_in
     from talon_one_job where job = $1`,
    job,
  );
  return row;
}

const later = (inMs = 3_600_000): JobResult => ({ next: { inMs }, figures: {} });

test('a job runs when it is due, and finds the state that its last run wrote', async () => {
  const seen: unknown[] = [];
  const kind = await kindOf(async ({ lease, state }) => {
    seen.push(state);
    const count = Number(state.count ?? 0) + 1;
    await db().warehouse.transaction((client) => advanceJob(client, lease, { count }));
    await db().warehouse.transaction((client) => advanceJob(client, lease, { other: 'kept' }));
    return later(count < 3 ? 0 : 3_600_000);
  });
  const { log, lines } = testLog();
  start(runnerOf([kind], { log }));
  await eventually('three runs', async () => seen.length === 3);
  expect(seen).toEqual([{}, { count: 1, other: 'kept' }, { count: 2, other: 'kept' }]);
  await eventually('the end', async () => (await rowOf(kind.name)).is_leased === false);
  expect(await rowOf(kind.name)).toMatchObject({ status: 'up-to-date', failures: 0, has_finished: true });
  expect(lines.filter(({ msg }) => msg === 'job finished')).toHaveLength(3);
});

test('a job that has more to do runs again at once', async () => {
  let runs = 0;
  const kind = await kindOf(async () => {
    runs += 1;
    return { ...later(), isBehind: runs < 4 };
  });
  start(runnerOf([kind]));
  await eventually('four runs', async () => (await rowOf(kind.name)).status === 'up-to-date');
  expect(runs).toBe(4);
});

test('a daily job is next due at its hour, which is never now', async () => {
  for (const hour of [0, 12, 23]) {
    const kind = await kindOf(async () => ({ next: { atHourUtc: hour }, figures: {} }));
    await runnerOf([kind]).runOnce(new AbortController().signal);
    const [row] = await db().rows(
      `select extract(hour from next_run_at at time zone 'UTC')::int as hour, extract(minute from next_run_at)::int as minute,
         next_run_at > clock_timestamp() and next_run_at <= clock_timestamp() + interval '1 day' as is_next
       from talon_one_job where job = $1`,
      kind.name,
    );
    expect(row).toEqual({ hour, minute: 0, is_next: true });
  }
});

test('trouble of one job is noted in its row and touches no other', async () => {
  const refusal = new ApiError('refused', { failure: 'status', endpoint: 'GET /', status: 403 });
  const kind = await kindOf(
    async ({ subject }) => {
      if (subject === 'broken') throw new Error('no\0good');
      if (subject === 'refused') throw refusal;
      return later(0);
    },
    { subjects: ['broken', 'refused', 'well'] },
  );
  const { log, lines } = testLog();
  start(runnerOf([kind], { log }));
  const finished = () =>
    lines.filter(({ job, msg }) => job === `${kind.name}:well` && msg === 'job finished');
  await eventually('the others go on', async () => finished().length > 3);
  await eventually(
    'it is tried again',
    async () => Number((await rowOf(`${kind.name}:broken`)).failures) > 1,
  );
  expect(await rowOf(`${kind.name}:broken`)).toMatchObject({ status: 'failing', last_error: 'nogood' });
  const refused = await rowOf(`${kind.name}:refused`);
  expect(refused).toMatchObject({ status: 'unauthorised', failures: 1, last_error: 'refused' });
  expect(refused.next_in).toBeGreaterThan(200);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a kind of work that is expensive is tried again later than others', async () => {
  const fail = async () => {
    throw new Error('no');
  };
  const expensive = { ...(await kindOf(fail)), backoff: { firstMs: 60_000, longestMs: 3_600_000 } };
  const waits: unknown[] = [];
  for (let run = 0; run < 8; run += 1) {
    await runnerOf([expensive]).runOnce(new AbortController().signal);
    waits.push((await rowOf(expensive.name)).next_in);
  }
  expect(waits.map((seconds) => Math.round(Number(seconds) / 60))).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
});

test('however many processes there are, one at a time runs a job', async () => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const kind = await kindOf(async () => {
    running += 1;
    most = Math.max(most, running);
    await db().rows('select pg_sleep(0.005)');
    running -= 1;
    runs += 1;
    return later(0);
  });
  // A courtesy that is short lets both have their turns.
  for (const owner of ['one', 'two']) start(runnerOf([kind], { owner, leaseMs: 1_000 }));
  await eventually('some runs', async () => runs > 8);
  expect(most).toBe(1);
});

test('a process runs one job at a time of a kind whose jobs may take hours, and others meanwhile', async () => {
  let running = 0;
  let most = 0;
  const done: string[] = [];
  const { promise: others, resolve: othersAreDone } = deferred();
  const long = await kindOf(
    async ({ subject }) => {
      running += 1;
      most = Math.max(most, running);
      await others;
      running -= 1;
      done.push(subject);
      return later();
    },
    { subjects: ['a', 'b', 'c', 'd', 'e'] },
  );
  const short = await kindOf(async () => {
    othersAreDone();
    return later();
  });
  start(runnerOf([{ ...long, isAlone: true }, short]));
  await eventually('all of them', async () => done.length === 5);
  expect(most).toBe(1);
});

test('a run whose lease was taken over writes nothing more, is told so, and does not end the other', async () => {
  const { promise: taken, resolve: take } = deferred();
  let caught: unknown;
  const kind = await kindOf(async ({ lease }) => {
    await taken;
    await db()
      .warehouse.transaction((client) => advanceJob(client, lease, { late: true }))
      .catch((error: unknown) => {
        caught = error;
        throw error;
      });
    return later();
  });
  const { log, lines } = testLog();
  start(runnerOf([kind], { log, leaseMs: 60_000 }));
  await eventually('it is leased', async () => (await rowOf(kind.name)).is_leased === true);
  await db().rows(
    `update talon_one_job set lease_expires_at = clock_timestamp() - interval '1 ms' where job = $1`,
    kind.name,
  );
  const other = { owner: 'other', leaseMs: 60_000, courtesyMs: 0, evenIfNotDue: true };
  expect(await takeJob(db().warehouse, [kind.name], other)).toBeDefined();
  take();
  await eventually('it is told', async () =>
    lines.some(({ msg }) => msg === 'lease lost to another replica'),
  );
  expect(caught).toBeInstanceOf(LeaseLostError);
  expect(await rowOf(kind.name)).toMatchObject({ state: {}, lease_owner: 'other', is_leased: true });
});

test('a stop ends the runs at work and gives their leases back', async () => {
  const kind = await kindOf(
    ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  );
  const stop = start(runnerOf([kind], { leaseMs: 60_000 }));
  await eventually('it is leased', async () => (await rowOf(kind.name)).is_leased === true);
  await stop();
  expect(await rowOf(kind.name)).toMatchObject({ is_leased: false, lease_owner: null, failures: 0 });
  expect((await rowOf(kind.name)).next_in).toBeLessThanOrEqual(0);
});

test('once: runs what it always runs and what is due, also jobs that another job has made, and tells what failed', async () => {
  const runs: string[] = [];
  const note = async ({ lease }: JobContext) => {
    runs.push(lease.job.replace(/^.*:/, ''));
    return later();
  };
  const child = await kindOf(
    async (context) => {
      if (context.subject === 'bad') throw new Error('no');
      return note(context);
    },
    { subjects: ['not due'] },
  );
  const daily = await kindOf(note, { subjects: ['due', 'done today'], inOnce: 'if-due' });
  const parent = await kindOf(async ({ lease }) => {
    await db().warehouse.transaction(async (client) => {
      await advanceJob(client, lease);
      await ensureJobs(client, [`${child.name}:new`, `${child.name}:bad`, `${child.name}:not due`]);
    });
    return later();
  });
  await db().rows(
    `update talon_one_job set next_run_at = clock_timestamp() + interval '1 hour' where job = any($1)`,
    [`${child.name}:not due`, `${daily.name}:done today`],
  );
  const { failed } = await runnerOf([child, daily, parent]).runOnce(new AbortController().signal);
  expect(runs.sort()).toEqual(['due', 'new', 'not due']);
  expect([...failed.keys()]).toEqual([`${child.name}:bad`]);
});
