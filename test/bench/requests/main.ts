import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { CleanUp } from '../../demo/clean-up.js';
import { InterruptedError } from '../../demo/demo-error.js';
import { Interruption } from '../../demo/interruption.js';
import { formatCount } from '../../demo/numbers.js';
import type { Report } from '../benchmark.js';
import { replaceSection } from '../docs.js';
import { figure, percent } from '../figures.js';
import { describeMachine } from '../machine.js';
import { BenchPostgres } from '../postgres.js';
import { renderMarkdown, renderText } from '../render.js';
import { type Outcome, runWorkload } from './run-workload.js';
import { type Workload, workloads } from './workloads.js';

interface Options {
  scale?: number;
  latencyMs: number;
  databaseUrl?: string;
  writeDocs: boolean;
}

const FAILED = 1;
const INTERRUPTED = 130;

const names = Object.keys(workloads);
const command = new Command('npm run bench:requests --')
  .description(
    'Counts the requests that the daemon spends on workloads like those of real shops, in simulated time, against the least that the API permits.',
  )
  .argument('[names...]', `workloads: ${names.join(', ')}; default: all`, knownName)
  .option('--scale <share>', 'how much of each is run: 1 is the whole; default: as the table says', share)
  .option('--latency-ms <ms>', 'how long each answer takes, on the simulated clock', milliseconds, 0)
  .option('--database-url <url>', 'a Postgres to store into, instead of the embedded one')
  .option('--write-docs', 'put the tables into docs/performance.md', false)
  .exitOverride();

try {
  command.parse(process.argv.slice(2), { from: 'user' });
  const [chosen = []] = command.processedArgs as [string[] | undefined];
  await run(chosen.length > 0 ? chosen : names, command.opts<Options>());
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}

async function run(chosen: readonly string[], options: Options): Promise<void> {
  const interruption = new Interruption();
  const cleanUp = new CleanUp();
  try {
    const postgres = await BenchPostgres.open(options.databaseUrl, cleanUp, interruption.signal);
    const rows: [Workload, number, Outcome][] = [];
    for (const name of chosen) {
      const workload = workloads[name] as Workload;
      const scale = options.scale ?? workload.defaultScale;
      const startedAt = performance.now();
      const target = await postgres.newWarehouse();
      const { latencyMs } = options;
      const running = runWorkload(workload, scale, target, interruption.signal, { latencyMs });
      const outcome = await running.finally(target.drop);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      console.log(`${name}: ${seconds} s`);
      rows.push([workload, scale, outcome]);
    }
    const reports = [requestsReport(rows), stalenessReport(rows)];
    console.log(`\n${reports.flatMap(renderText).join('\n')}`);
    const [machine, versions, date] = describeMachine(postgres);
    const where = `${machine}; ${versions}; ${date}.`;
    if (options.writeDocs)
      await replaceSection('performance.md', 'bench:requests', [
        where,
        '',
        ...reports.flatMap(renderMarkdown),
      ]);
  } catch (error) {
    const reason = interruption.signal.aborted ? interruption.signal.reason : error;
    process.exitCode = reason instanceof InterruptedError ? INTERRUPTED : FAILED;
    console.error(`\nNot measured: ${reason instanceof Error ? reason.message : String(reason)}`);
  }
  await cleanUp.run();
  interruption.dispose();
}

function requestsReport(rows: readonly [Workload, number, Outcome][]): Report {
  return {
    title: 'Requests',
    columns: [
      '',
      'scale',
      'events',
      'profiles',
      'session lists',
      'sessions by ID',
      'together',
      'lower bound',
      '× bound',
      'recipe',
      'recipe is',
    ],
    rows: rows.map(([workload, scale, { counts, total, bound, recipe }]) => [
      workload.title,
      figure(scale, 2),
      ...Object.values(counts).map(formatCount),
      formatCount(total),
      formatCount(bound.total),
      (total / bound.total).toFixed(3),
      formatCount(recipe),
      `${figure(recipe / total)} ×`,
    ]),
    notes: rows.map(([workload, , { bound, cycles, events, repeated }]) => {
      const parts = `${formatCount(bound.events)} for events, ${formatCount(bound.profiles)} for profiles, ${formatCount(bound.sessions)} for sessions`;
      const again = events === 0 ? '' : `; read again ${percentOf(repeated, events)} of the events`;
      return `${workload.title}: ${workload.says}. ${formatCount(cycles)} cycles; bound ${parts}${again}.`;
    }),
  };
}

function percentOf(part: number, whole: number): string {
  const share = part / whole;
  return share < 0.1 ? `${(share * 100).toFixed(2)} %` : percent(share);
}

function stalenessReport(rows: readonly [Workload, number, Outcome][]): Report {
  return {
    title: 'Time at three requests a second to each endpoint',
    columns: [
      '',
      'busiest endpoint, s',
      'simulated, s',
      'row p50, s',
      'row p99, s',
      'snapshots p50, s',
      'snapshots p99, s',
    ],
    rows: rows.map(([workload, , outcome]) => [
      workload.title,
      figure(Math.max(...Object.values(outcome.counts)) / 3),
      figure(outcome.simulatedSeconds, 4),
      ...[outcome.rowSeconds, outcome.snapshotSeconds].flatMap((values) => {
        const sorted = Float64Array.from(values).sort();
        const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
        return [figure(at(0.5)), figure(at(0.99))];
      }),
    ]),
    notes: [
      'Staleness: from the moment when an event is visible (in a first sync: from its start) to the answer that holds it, and to the answer that holds the last of its snapshots. A pause of 60 s between cycles is in it.',
    ],
  };
}

function knownName(name: string, previous: string[] = []): string[] {
  if (names.includes(name)) return [...previous, name];
  throw new InvalidArgumentError(`Expected one of: ${names.join(', ')}.`);
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 60_000) return value;
  throw new InvalidArgumentError('Expected milliseconds, up to 60000.');
}

function share(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw new InvalidArgumentError('Expected a number above 0, up to 1.');
}
