import { CleanUp } from '../demo/clean-up.js';
import { InterruptedError } from '../demo/demo-error.js';
import { Interruption } from '../demo/interruption.js';
import { plural } from '../demo/numbers.js';
import type { Benchmark, Report } from './benchmark.js';
import { benchmarks } from './benchmarks.js';
import { type BenchOptions, readCommandLine } from './command-line.js';
import { writeSections } from './docs.js';
import { guard } from './guard.js';
import { describeMachine } from './machine.js';
import { BenchPostgres } from './postgres.js';
import { renderMarkdown, renderText } from './render.js';

const FAILED = 1;
const INTERRUPTED = 130;

const commandLine = readCommandLine(process.argv.slice(2));
process.exitCode =
  commandLine.kind === 'exit' ? commandLine.code : await run(commandLine.options, commandLine.names);

/** Measures, prints, and closes everything behind it, however it ends. Returns the exit code. */
async function run(options: BenchOptions, names: readonly string[]): Promise<number> {
  const interruption = new Interruption();
  const cleanUp = new CleanUp();
  let exitCode = 0;
  try {
    const broken = await measureAll(options, names, cleanUp, interruption.signal);
    if (options.guard && broken > 0) exitCode = FAILED;
  } catch (error) {
    const reason = interruption.signal.aborted ? interruption.signal.reason : error;
    exitCode = reason instanceof InterruptedError ? INTERRUPTED : FAILED;
    console.error(`\nNot measured: ${reason instanceof Error ? reason.message : String(reason)}`);
  }
  await cleanUp.run();
  interruption.dispose();
  return exitCode;
}

async function measureAll(
  options: BenchOptions,
  names: readonly string[],
  cleanUp: CleanUp,
  signal: AbortSignal,
): Promise<number> {
  const startedAt = performance.now();
  const postgres = await BenchPostgres.open(options.databaseUrl, cleanUp, signal);
  const machine = describeMachine(postgres);
  console.log(`\n${machine.join('\n')}\n`);
  const chosen = new Map<string, Benchmark>();
  for (const name of names) {
    const open = benchmarks[name];
    if (open) chosen.set(name, await open({ options, postgres, cleanUp, signal }));
  }
  await runInTurn(chosen, options.runs, signal);
  const reports = [...chosen.values()].map((benchmark) => benchmark.report());
  console.log(`\n${reports.flatMap(renderText).join('\n')}`);
  const minutes = (performance.now() - startedAt) / 60_000;
  console.log(`Medians of ${plural(options.runs, 'run')}, ${minutes.toFixed(1)} minutes altogether.`);
  if (options.writeDocs)
    await writeSections('performance.md', 'bench', documented(reports, machine, options.runs));
  return options.guard ? guard(reports) : 0;
}

/** Round after round, so that what slows the machine down for a while slows all of them. */
async function runInTurn(
  chosen: ReadonlyMap<string, Benchmark>,
  runs: number,
  signal: AbortSignal,
): Promise<void> {
  for (let round = 1; round <= runs; round += 1) {
    for (const [name, benchmark] of chosen) {
      signal.throwIfAborted();
      console.log(`round ${round} of ${runs}: ${name}`);
      await benchmark.run();
    }
  }
}

/** A section for each report, which says where and when it was measured: not all need be measured at once. */
function documented(reports: readonly Report[], machine: readonly string[], runs: number): string[] {
  const where = `Medians of ${plural(runs, 'run')} on ${machine.slice(0, 2).join('; ')}; ${machine.at(-1)}.`;
  return reports.map((report) => [...renderMarkdown(report), where].join('\n'));
}
