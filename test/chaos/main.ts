import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-info.js';
import { InterruptedError } from '../demo/demo-error.js';
import { Interruption } from '../demo/interruption.js';
import { formatClock } from '../demo/numbers.js';
import { type CampaignResult, planOf, runCampaign } from './campaign.js';
import { type ChaosOptions, readCommandLine } from './command-line.js';
import { plantOf, withPlant } from './plants.js';
import { describeResult, markdownTable } from './report.js';

const FAILED = 1;
const INTERRUPTED = 130;

const commandLine = readCommandLine(process.argv.slice(2));
process.exitCode = commandLine.kind === 'exit' ? commandLine.code : await main(commandLine.options);

/** Returns the exit code. */
async function main(options: ChaosOptions): Promise<number> {
  if (options.table) return printTable(options.table);
  if (options.plan) return printPlan(options);
  const interruption = new Interruption();
  try {
    const program = join(packageRoot(), 'dist/src/main.js');
    const run = (chosen: string) => campaigns(options, chosen, interruption.signal);
    const passed = await (options.plant ? withPlant(options.plant, program, run) : run(program));
    return passed ? 0 : FAILED;
  } catch (error) {
    const reason = interruption.signal.aborted ? interruption.signal.reason : error;
    console.error(
      `\nThe campaign could not go on: ${reason instanceof Error ? reason.stack : String(reason)}`,
    );
    return reason instanceof InterruptedError ? INTERRUPTED : FAILED;
  } finally {
    interruption.dispose();
  }
}

async function campaigns(options: ChaosOptions, program: string, signal: AbortSignal): Promise<boolean> {
  let passed = true;
  for (let seed = options.seed; seed < options.seed + options.seeds; seed += 1) {
    console.log(
      `\nseed ${seed}, ${options.minutes} min${options.plant ? `, planted: ${options.plant}` : ''}`,
    );
    const scenario = options.plant ? plantOf(options.plant).scenario : {};
    const result = await runCampaign({ ...options, ...scenario, seed, program, signal, say: console.log });
    console.log(describeResult(result).join('\n'));
    passed &&= result.hasPassed;
    if (options.results) await appendFile(options.results, `${JSON.stringify(result)}\n`);
  }
  return passed;
}

function printPlan(options: ChaosOptions): number {
  for (const fault of planOf(options)) {
    const duration = `${(fault.forMs / 1000).toFixed(1)} s`;
    console.log(
      `${formatClock(fault.atMs).padStart(6)}  #${fault.number} ${fault.lane}: ${fault.kind} for ${duration}`,
    );
  }
  return 0;
}

async function printTable(files: readonly string[]): Promise<number> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '');
  const results = lines.map((line) => JSON.parse(line) as CampaignResult);
  console.log(markdownTable(results.sort((a, b) => a.seed - b.seed)).join('\n'));
  return 0;
}
