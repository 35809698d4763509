import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-info.js';

const FILE = join(packageRoot(), 'docs', 'performance.md');
const BEGIN = '<!-- npm run bench -- --write-docs: begin -->';
const END = '<!-- npm run bench -- --write-docs: end -->';

const TABLE = /^(?=### )/m;

/** Replaces these tables in the marked section of docs/performance.md, by their titles; all else stays. */
export async function writeDocs(tables: readonly string[]): Promise<void> {
  const text = await readFile(FILE, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin)
    throw new Error('docs/performance.md has lost the marks of the measured section');
  const titleOf = (table: string) => table.split('\n', 1)[0] ?? '';
  const old = text
    .slice(begin + BEGIN.length, end)
    .trim()
    .split(TABLE);
  const all = new Map(
    [...old.filter((table) => table.startsWith('### ')), ...tables].map((table) => [
      titleOf(table),
      table.trim(),
    ]),
  );
  await writeFile(
    FILE,
    `${text.slice(0, begin + BEGIN.length)}\n\n${[...all.values()].join('\n\n')}\n\n${text.slice(end)}`,
  );
}
