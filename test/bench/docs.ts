import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-info.js';

const FILE = join(packageRoot(), 'docs', 'performance.md');
const BEGIN = '<!-- npm run bench -- --write-docs: begin -->';
const END = '<!-- npm run bench -- --write-docs: end -->';
const HEADING = /^### .*$/m;

/**
 * Puts sections, each beginning with its `###` heading, into the marked part of docs/performance.md: in the place of the
 * one with the same heading, else behind the last. Others and the text around the part stay.
 */
export async function writeDocs(sections: readonly string[]): Promise<void> {
  await writeFile(FILE, withSections(await readFile(FILE, 'utf8'), sections));
}

/** The page with these sections in its marked part. */
export function withSections(page: string, sections: readonly string[]): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin)
    throw new Error('docs/performance.md has lost the marks of the measured section');
  const part = page.slice(begin + BEGIN.length, end);
  const kept = part.split(/^(?=### )/m).filter((section) => HEADING.test(section));
  const all = new Map([...kept, ...sections].map((section) => [headingOf(section), section.trim()]));
  const text = [...all.values()].join('\n\n');
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}

function headingOf(section: string): string {
  return HEADING.exec(section)?.[0] ?? '';
}
