import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';
import { snapshotEntries } from '../src/sync/loyalty/snapshot-exports.js';

// docs/api-keys.md tells which endpoints a key needs: every one that the program asks, and no other.

const page = readFileSync(join(packageRoot(), 'docs/api-keys.md'), 'utf8');
const listed = new Set([...page.matchAll(/`(?:GET|POST|PUT) (\/v\d[^`]*)`/g)].map((match) => match[1] ?? ''));

/** Paths with placeholders that stand in the program as texts of their own, and those of its table of exports. */
function asked(): Set<string> {
  const source = join(packageRoot(), 'src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const texts = files.flatMap((name) => [
    ...readFileSync(join(source, name), 'utf8').matchAll(/'(?:GET )?(\/v\d\/[^'?\s]*)'/g),
  ]);
  const forms = snapshotEntries.flatMap(({ profile, card }) => [profile, ...(card ? [card] : [])]);
  return new Set([...texts.map((match) => match[1] ?? ''), ...forms.map(({ template }) => template)]);
}

test('every endpoint that the program asks stands on the page of the keys', () => {
  const paths = asked();
  expect(paths.size).toBeGreaterThan(40);
  expect([...paths].filter((path) => !listed.has(path))).toEqual([]);
});

test('the page of the keys lists no endpoint that the program does not ask', () => {
  const paths = asked();
  expect([...listed].filter((path) => !paths.has(path))).toEqual([]);
});
