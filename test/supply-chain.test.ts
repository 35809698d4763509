import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';

// What others may run on the machines of our users: packages, and the image.

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

const textOf = (name: string) => readFileSync(join(packageRoot(), name), 'utf8');
const manifest = JSON.parse(textOf('package.json')) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
};
const lock = JSON.parse(textOf('package-lock.json')) as {
  packages: Record<string, LockedPackage>;
};
const installed = Object.entries(lock.packages).filter(([path]) => path !== '');
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('packages', () => {
  test('are pinned, every one with the hash of its content', () => {
    expect(installed.length).toBeGreaterThan(50);
    const loose = installed.filter(
      ([, { version, integrity }]) => !version || !/^sha512-/.test(integrity ?? ''),
    );
    expect(loose.map(([path]) => path)).toEqual([]);
  });

  test('come from a registry: none is linked, or fetched from a repository or an address of its own', () => {
    const wanted = {
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
    };
    expect(Object.entries(wanted).filter(([, range]) => !/^[\^~]?\d+\.\d+\.\d+/.test(range))).toEqual([]);
    const foreign = installed.filter(
      ([, { link, resolved }]) => link || /^(git|file|http:)/.test(resolved ?? ''),
    );
    expect(foreign.map(([path]) => path)).toEqual([]);
  });

  test('run nothing when they are installed: whatever would is refused by name', () => {
    const wouldRun = installed.filter(([, one]) => one.hasInstallScript).map(([path]) => nameOf(path));
    const refused = Object.keys(manifest.allowScripts).filter(
      (name) => manifest.allowScripts[name] === false,
    );
    expect(wouldRun.filter((name) => !refused.includes(name))).toEqual([]);
    expect(Object.values(manifest.allowScripts)).not.toContain(true);
    for (const hook of ['preinstall', 'install', 'postinstall', 'prepare'])
      expect(manifest.scripts).not.toHaveProperty(hook);
  });
});

describe('the image', () => {
  const lines = textOf('Dockerfile')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line));
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM')));

  test('is built from what is listed, and no secret, data or tool of the development can be among it', () => {
    const allowed = textOf('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(allowed[0]).toBe('*');
    expect(allowed.slice(1).sort()).toEqual(
      ['!LICENSE', '!migrations', '!package-lock.json', '!package.json', '!src', '!tsconfig.json'].sort(),
    );
    expect(
      lines.filter((line) => /^(ADD|ARG)\b|_KEY|PASSWORD|DATABASE_URL|--mount=type=secret/.test(line)),
    ).toEqual([]);
  });

  test('has a base of a fixed major version, and installs only what is locked, without running its scripts', () => {
    const bases = lines.filter((line) => line.startsWith('FROM'));
    for (const base of bases) expect(base).toMatch(/^FROM node:\d+-alpine( AS \w+)?$/);
    const installs = lines.filter((line) => /\bnpm\b/.test(line));
    expect(installs).not.toEqual([]);
    for (const install of installs) expect(install).toMatch(/^RUN npm ci .*--ignore-scripts/);
    expect(installs.at(-1)).toContain('--omit=dev --omit=optional');
    expect(last.join('\n')).not.toMatch(/^RUN/m);
  });

  test('runs as an ordinary user that owns no file of it, and says whether it is alive', () => {
    expect(last.filter((line) => line.startsWith('USER'))).toEqual(['USER 1000:1000']);
    expect(last.filter((line) => line.includes('--chown'))).toEqual([]);
    expect(last.some((line) => line.startsWith('HEALTHCHECK'))).toBe(true);
  });
});

test('the checks of every change include the published advisories, with no rights but to read', () => {
  const workflow = textOf('.github/workflows/ci.yml');
  expect(workflow).toContain('npm audit --omit=dev');
  expect(workflow).toMatch(/^permissions:\n {2}contents: read$/m);
  expect(workflow).not.toMatch(/pull_request_target|secrets\./);
});
