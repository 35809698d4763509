import { expect, test } from 'vitest';
import { withSections } from './bench/docs.js';

const page = (part: string) =>
  `# P\n\ntext\n\n<!-- npm run bench -- --write-docs: begin -->\n\n${part}\n\n<!-- npm run bench -- --write-docs: end -->\n\nafter\n`;

test('measured tables replace those of the same name, new ones follow, and all others stay', () => {
  const before = page('### One\n\nold 1\n\n### Two\n\nold 2');
  expect(withSections(before, 'bench', ['### Two\n\nnew 2\n', '### Three\n\nnew 3'])).toBe(
    page('### One\n\nold 1\n\n### Two\n\nnew 2\n\n### Three\n\nnew 3'),
  );
  expect(() => withSections('# P', 'bench', ['### One'])).toThrow('has lost the marks');
});
