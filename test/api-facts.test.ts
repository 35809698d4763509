import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';

const root = packageRoot();

test('comments cite only headings that docs/api-facts.md has', () => {
  const page = readFileSync(join(root, 'docs/api-facts.md'), 'utf8');
  const headings = [...page.matchAll(/^## (.+)$/gm)].map((match) => match[1] ?? '');
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const cited = files
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      // A citation may go on in the next line of its comment.
      const text = readFileSync(join(root, 'src', name), 'utf8').replace(/\n\s*(\*|\/\/) /g, ' ');
      return [...text.matchAll(/docs\/api-facts\.md, ([^.;:)]+)/g)].map((match) => match[1] ?? '');
    });
  expect(cited.length).toBeGreaterThan(30);
  expect(cited.filter((words) => !headings.some((heading) => words.startsWith(heading)))).toEqual([]);
});
