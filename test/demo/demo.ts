import { answerLines, answersCheck, askAll } from './answers.js';
import { backFill } from './back-fill.js';
import type { CleanUp } from './clean-up.js';
import type { DemoOptions } from './command-line.js';
import type { Display } from './display.js';
import type { Interruption } from './interruption.js';
import { measureLag } from './lag.js';
import { live } from './live.js';
import { formatCount, formatDuration } from './numbers.js';
import { prove } from './proof.js';
import { HURRY, openStage, type Stage } from './stage.js';
import { daemonCheck, lagTable, proofLines, requestTable, rowsPerTable } from './summary.js';
import { LATENESS } from './traffic.js';
import { aborted } from './wait.js';

export interface Tools {
  readonly display: Display;
  readonly interruption: Interruption;
  readonly cleanUp: CleanUp;
}

/** The whole story. Returns whether everything was proven. */
export async function demo(options: DemoOptions, tools: Tools): Promise<boolean> {
  const { display } = tools;
  display.lines(introduction(options));
  const stage = await openStage({ events: options.events, ...tools });
  display.lines(cast(stage));

  display.heading('1. Back-fill');
  const filled = await backFill(stage);

  const { eventsPerSecond } = stage.traffic;
  display.heading(
    `2. Live: ${eventsPerSecond} new events a second, one in ${1 / LATENESS.lateShare} of them visible up to ${LATENESS.lateMs / 1000} s late`,
  );
  const lived = await live(stage, filled.daemon);

  display.heading('3. Is it all there?');
  const exitCode = options.keepRunning ? undefined : (await lived.daemon.stop()).code;
  const proven = await prove(stage);
  const answered = await askAll(stage.warehouse);
  const checks = [...proven, answersCheck(answered), daemonCheck(stage, lived, exitCode)];
  display.lines(['', ...proofLines(checks)]);
  for (const line of stage.log.complaints) display.line(`          ${line}`);

  display.heading('4. What it cost');
  display.lines(requestTable(stage, filled));
  display.heading('5. How late: from visible in the API to a row in Postgres');
  display.lines(lagTable(await measureLag(stage, lived), Number(HURRY.SYNC_INTERVAL_SECONDS)));
  display.heading('6. What is there now');
  display.lines(await rowsPerTable(stage));
  display.heading('7. What can be asked: two of the ten questions in docs/queries.md');
  display.lines(answerLines(answered));

  const passed = checks.every((check) => check.passed);
  display.line(verdict(passed, stage.clock()));
  if (options.keepRunning) await stayUp(stage);
  else if (passed) display.lines(farewell());
  return passed;
}

function introduction({ events }: DemoOptions): string[] {
  return [
    '',
    'talon-one-sync: a demonstration without credentials',
    '',
    `A simulator of Talon.One's Management API holds ${formatCount(events)} random events of the last 30 days and a month of a made-up`,
    'shop with its loyalty program, and refuses more than three requests a second to each endpoint, as Talon.One does.',
    'The daemon copies all of it into a fresh Postgres.',
    '',
  ];
}

function cast(stage: Stage): string[] {
  const settings = Object.entries(HURRY).map(([name, value]) => `${name}=${value}`);
  return [
    `  API       ${stage.simulator.url} (simulator)`,
    `  Postgres  ${stage.postgresVersion}, embedded, in a temporary folder`,
    `  daemon    node dist/src/main.js run, with ${settings.join(' ')}`,
  ];
}

function verdict(passed: boolean, ms: number): string {
  return passed
    ? `Nothing is missing, nothing is double. The demonstration took ${formatDuration(ms)}.`
    : 'NOT PROVEN: see the lines marked FAILED above.';
}

function farewell(): string[] {
  return [
    '',
    'To look around in the tables, with psql or without: npm run demo -- --keep-running stays up and says how.',
    'To see your own data: "Deploy" in README.md.',
  ];
}

/** The daemon goes on, events go on, until Ctrl-C. */
async function stayUp(stage: Stage): Promise<void> {
  const { display, log, traffic, signal } = stage;
  traffic.start();
  display.lines([
    '',
    'Everything stays up, with new events, until you press Ctrl-C. Look around with',
    '',
    `  psql '${stage.databaseUrl}'`,
    `  node dist/test/demo/ask.js '${stage.databaseUrl}' 4`,
    `  curl http://127.0.0.1:${log.healthPort}/readyz`,
    `  tail -f ${log.path}`,
    '',
    'For those without psql, ask.js takes the number of a question in docs/queries.md, an SQL statement, or nothing for all ten.',
    '',
  ]);
  await aborted(signal);
  if (signal.reason instanceof Error && signal.reason.name !== 'InterruptedError') throw signal.reason;
}
