import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-info.js';

const FILE = join(packageRoot(), 'docs', 'performance.md');

/** Replaces what `npm run bench -- --write-docs` has written; the text around it stays. */
export async function writeDocs(lines: readonly string[]): Promise<void> {
  await replaceSection('bench', lines);
}

/** Replaces the section of docs/performance.md between the marks of this npm script. */
export async function replaceSection(script: string, lines: readonly string[]): Promise<void> {
  const mark = (place: string) => `<!-- npm run ${script} -- --write-docs: ${place} -->`;
  const text = await readFile(FILE, 'utf8');
  const [begin, end] = [text.indexOf(mark('begin')), text.indexOf(mark('end'))];
  if (begin < 0 || end < begin)
    throw new Error(`docs/performance.md has lost the marks of the section of ${script}`);
  const before = text.slice(0, begin + mark('begin').length);
  await writeFile(FILE, `${before}\n\n${lines.join('\n').trim()}\n\n${text.slice(end)}`);
}
