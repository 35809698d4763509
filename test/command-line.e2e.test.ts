import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Daemon } from './support/daemon.js';

// What the process makes of it: cli.test.ts tries every command and option.

function run(...words: string[]): Daemon {
  const daemon = new Daemon({ words, env: {}, secrets: [] });
  onTestFinished(async () => {
    await daemon.end('SIGKILL');
  });
  return daemon;
}

test.for(['--help', 'check --help'])('%s prints the help on stdout alone and ends with 0', async (text) => {
  const daemon = run(...text.split(' '));
  expect(await daemon.ended).toEqual({ code: 0, signal: null });
  expect(daemon.stdout).toContain(`Usage: talon-one-sync ${text.replace('--help', '').trim()}`);
  expect(daemon.stderr).toBe('');
});

test('--version prints the version of the package', async () => {
  const daemon = run('--version');
  expect(await daemon.ended).toEqual({ code: 0, signal: null });
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(daemon.stdout).toBe(`${manifest.version}\n`);
});

test.for([
  ['rnu', 'unknown command'],
  ['--verbose', 'unknown option'],
] as const)('%s ends with 2 and a hint on stderr alone', async ([word, complaint]) => {
  const daemon = run(word);
  expect(await daemon.ended).toEqual({ code: 2, signal: null });
  expect(daemon.stderr).toContain(`${complaint} '${word}'`);
  expect(daemon.stderr).toContain('--help');
  expect(daemon.stdout).toBe('');
});

test('no command means run', async () => {
  const [bare, named] = [run(), run('run')];
  expect(await bare.ended).toEqual({ code: 1, signal: null });
  await named.ended;
  expect(bare.stderr).toBe(named.stderr);
  expect(bare.stderr).toContain('TALON_ONE_BASE_URL is not set');
});
