import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { CleanUp } from '../../demo/clean-up.js';
import { InterruptedError } from '../../demo/demo-error.js';
import { Interruption } from '../../demo/interruption.js';
import type { Report } from '../benchmark.js';
import { writeSections } from '../docs.js';
import { describeMachine } from '../machine.js';
import { BenchPostgres } from '../postgres.js';
import { renderMarkdown, renderText } from '../render.js';
import type { ScaleBenchmark, ScaleOptions } from './context.js';
import { measureFailover } from './failover.js';
import { measureManyApplications } from './many-applications.js';
import { measureReplicas } from './replicas.js';

const benchmarks: Readonly<Record<string, ScaleBenchmark>> = {
  replicas: measureReplicas,
  failover: measureFailover,
  applications: measureManyApplications,
};
const names = Object.keys(benchmarks);

const command = new Command('npm run bench:scale --')
  .description(
    'Measures several processes, their failover, and many Applications. Takes about twenty minutes.',
  )
  .argument(
    '[names...]',
    `what to measure: ${names.join(', ')}; default: all`,
    (name: string, chosen: string[] = []) => {
      if (names.includes(name)) return [...chosen, name];
      throw new InvalidArgumentError(`Expected one of: ${names.join(', ')}.`);
    },
  )
  .option('--kills <number>', 'how often a replica is killed', wholeNumber, 50)
  .option('--applications <number>', 'Applications in one process', wholeNumber, 1_000)
  .option('--write-docs', 'put the tables into docs/scale.md', false)
  .exitOverride();
try {
  command.parse();
  const [chosen = names] = command.processedArgs as [string[] | undefined];
  process.exitCode = await run(command.opts<ScaleOptions>(), chosen.length > 0 ? chosen : names);
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}

async function run(options: ScaleOptions, chosen: readonly string[]): Promise<number> {
  const interruption = new Interruption();
  const cleanUp = new CleanUp();
  const { signal } = interruption;
  let exitCode = 0;
  try {
    const postgres = await BenchPostgres.open(undefined, cleanUp, signal);
    const machine = describeMachine(postgres);
    console.log(`\n${machine.join('\n')}\n`);
    const reports: Report[] = [];
    for (const name of chosen) {
      const report = await benchmarks[name]?.({ options, postgres, signal, cleanUp, say: console.log });
      if (!report) continue;
      reports.push(report);
      console.log(`\n${renderText(report).join('\n')}`);
    }
    const where = `Measured on ${machine.slice(0, 2).join('; ')}; ${machine.at(-1)}.`;
    if (options.writeDocs) {
      const sections = reports.map((report) => [...renderMarkdown(report), where].join('\n'));
      await writeSections('scale.md', 'bench:scale', sections);
    }
  } catch (error) {
    const reason = signal.aborted ? signal.reason : error;
    exitCode = reason instanceof InterruptedError ? 130 : 1;
    console.error(`\nNot measured: ${reason instanceof Error ? reason.message : String(reason)}`);
  }
  await cleanUp.run();
  interruption.dispose();
  return exitCode;
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number above 0.');
}
