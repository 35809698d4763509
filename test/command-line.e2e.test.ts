import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Daemon } from './support/daemon.js';

// What concerns the command line alone: no environment, no API, no database.

const commands = ['run', 'once', 'migrate', 'check'];

function run(...words: string[]): Daemon {
  const daemon = new Daemon({ words, env: {}, secrets: [] });
  onTestFinished(async () => {
    await daemon.end('SIGKILL');
  });
  return daemon;
}

test('--help lists every command and the exit codes, and ends with 0', async () => {
  const daemon = run('--help');
  expect(await daemon.ended).toEqual({ code: 0, signal: null });
  for (const command of commands) expect(daemon.stdout).toMatch(new RegExp(`^ +${command} `, 'm'));
  expect(daemon.stdout).toContain('0 done, 1 failed, 2 wrong usage');
  expect(daemon.stderr).toBe('');
});

test.for(commands)('%s --help says what it does, and ends with 0', async (command) => {
  const daemon = run(command, '--help');
  expect(await daemon.ended).toEqual({ code: 0, signal: null });
  expect(daemon.stdout).toContain(`Usage: talon-one-sync ${command}`);
  expect(daemon.stdout).toContain('Example');
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

describe('wrong usage ends with 2 and a hint', () => {
  test.for([
    ['an unknown command', ['rnu'], 'rnu'],
    ['an unknown option', ['--verbose'], '--verbose'],
    ['an unknown option of a command', ['check', '--jsn'], '--jsn'],
    ['a word too many', ['once', 'more'], 'too many arguments'],
  ] as const)('%s', async ([, words, named]) => {
    const daemon = run(...words);
    expect(await daemon.ended).toEqual({ code: 2, signal: null });
    expect(daemon.stderr).toContain(named);
    expect(daemon.stderr).toContain('--help');
    expect(daemon.stdout).toBe('');
  });
});

test('no command means run', async () => {
  const [bare, named] = [run(), run('run')];
  expect(await bare.ended).toEqual({ code: 1, signal: null });
  await named.ended;
  expect(bare.stderr).toBe(named.stderr);
  expect(bare.stderr).toContain('TALON_ONE_BASE_URL is not set');
});
