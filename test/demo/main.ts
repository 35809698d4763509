import { CleanUp } from './clean-up.js';
import { type DemoOptions, readCommandLine } from './command-line.js';
import { demo } from './demo.js';
import { InterruptedError } from './demo-error.js';
import { Display } from './display.js';
import { Interruption } from './interruption.js';

const FAILED = 1;
const INTERRUPTED = 130;

const commandLine = readCommandLine(process.argv.slice(2));
process.exitCode = commandLine.kind === 'exit' ? commandLine.code : await run(commandLine.options);

/** Runs the demo and closes everything behind it, however it ends. Returns the exit code. */
async function run(options: DemoOptions): Promise<number> {
  const display = new Display();
  const interruption = new Interruption();
  const cleanUp = new CleanUp();
  let exitCode = FAILED;
  try {
    exitCode = (await demo(options, { display, interruption, cleanUp })) ? 0 : FAILED;
  } catch (error) {
    const reason = interruption.signal.aborted ? interruption.signal.reason : error;
    if (reason instanceof InterruptedError) exitCode = INTERRUPTED;
    else complain('The demo could not go on', reason);
  }
  display.close();
  try {
    await cleanUp.run();
    if (interruption.signal.reason instanceof InterruptedError)
      display.line('\nStopped. Nothing is left behind.');
  } catch (error) {
    complain('Not everything could be closed', error);
    exitCode = FAILED;
  }
  interruption.dispose();
  return exitCode;
}

function complain(what: string, error: unknown): void {
  console.error(`\n${what}: ${error instanceof Error ? error.message : String(error)}`);
}
