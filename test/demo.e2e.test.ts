import { expect, inject, onTestFinished, test } from 'vitest';
import { answersCheck, askAll } from './demo/answers.js';
import { backFill } from './demo/back-fill.js';
import { CleanUp } from './demo/clean-up.js';
import { Display } from './demo/display.js';
import { Interruption } from './demo/interruption.js';
import { prove } from './demo/proof.js';
import { openStage } from './demo/stage.js';

const silent = { write: () => true } as unknown as NodeJS.WriteStream;

test('what the daemon copies in the demonstration is complete, and answers the ten questions as docs/queries.md does', async () => {
  const cleanUp = new CleanUp();
  const interruption = new Interruption();
  onTestFinished(async () => {
    await cleanUp.run();
    interruption.dispose();
  });
  const program = inject('builtProgram').main;
  const stage = await openStage({
    events: 300,
    display: new Display(silent),
    interruption,
    cleanUp,
    program,
    requestsPerSecond: 0,
  });
  const { daemon } = await backFill(stage);
  const proven = await prove(stage);
  const answered = await askAll(stage.warehouse);
  expect(answered.map(({ number, given }) => ({ number, answer: given }))).toEqual(
    answered.map(({ number, answer }) => ({ number, answer })),
  );
  const checks = [...proven, answersCheck(answered)];
  // Without a limit of requests, to be quick.
  const counted = checks.filter(({ subject }) => subject !== 'rate');
  expect(counted.filter(({ passed }) => !passed)).toEqual([]);
  expect(counted.length).toBeGreaterThan(8);
  expect(stage.log.complaints).toEqual([]);
  await expect(daemon.stop()).resolves.toMatchObject({ code: 0 });
});

test('an answer that is not the one of the page is named', () => {
  const question = { number: 3, title: 'Why?', sql: 'select 1', answer: 'one' };
  const right = { ...question, number: 2, given: 'one' };
  expect(answersCheck([right])).toMatchObject({ passed: true });
  expect(answersCheck([right, { ...question, given: 'two' }])).toMatchObject({
    passed: false,
    text: '2 questions of docs/queries.md asked, 1 answered as that page does (not 3)',
  });
  expect(answersCheck([])).toMatchObject({ passed: false });
});
