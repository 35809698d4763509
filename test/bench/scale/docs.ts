import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../../src/package-info.js';

const FILE = join(packageRoot(), 'docs', 'scale.md');
const BEGIN = '<!-- npm run bench:scale -- --write-docs: begin -->';
const END = '<!-- npm run bench:scale -- --write-docs: end -->';

/** Replaces the measured section of docs/scale.md; the text around it stays. */
export async function writeScaleDocs(lines: readonly string[]): Promise<void> {
  const text = await readFile(FILE, 'utf8');
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('docs/scale.md has lost the marks of the measured section');
  const before = text.slice(0, begin + BEGIN.length);
  await writeFile(FILE, `${before}\n\n${lines.join('\n').trim()}\n\n${text.slice(end)}`);
}
