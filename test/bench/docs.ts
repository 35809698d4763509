import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-info.js';

// Measured tables stand in the pages below docs/ between two marks that name the npm script they come from.

const HEADING = /^### .*$/m;

/**
 * Puts sections, each beginning with its `###` heading, into the part of a page below docs/ that this npm script writes:
 * in the place of the one with the same heading, else behind the last. All else stays.
 */
export async function writeSections(
  page: string,
  script: string,
  sections: readonly string[],
): Promise<void> {
  const file = join(packageRoot(), 'docs', page);
  await writeFile(file, withSections(await readFile(file, 'utf8'), script, sections));
}

/** Replaces all that this npm script has written into a page below docs/; the text around it stays. */
export async function replaceSection(page: string, script: string, lines: readonly string[]): Promise<void> {
  const file = join(packageRoot(), 'docs', page);
  await writeFile(
    file,
    replacePart(await readFile(file, 'utf8'), script, () => lines.join('\n')),
  );
}

/** The page with these sections in the part of the script. */
export function withSections(page: string, script: string, sections: readonly string[]): string {
  return replacePart(page, script, (part) => {
    const kept = part.split(/^(?=### )/m).filter((section) => HEADING.test(section));
    const all = new Map([...kept, ...sections].map((section) => [headingOf(section), section.trim()]));
    return [...all.values()].join('\n\n');
  });
}

function replacePart(page: string, script: string, change: (part: string) => string): string {
  const mark = (place: string) => `<!-- npm run ${script} -- --write-docs: ${place} -->`;
  const [begin, end] = [page.indexOf(mark('begin')), page.indexOf(mark('end'))];
  if (begin < 0 || end < begin) throw new Error(`the page has lost the marks of the section of ${script}`);
  const start = begin + mark('begin').length;
  return `${page.slice(0, start)}\n\n${change(page.slice(start, end)).trim()}\n\n${page.slice(end)}`;
}

function headingOf(section: string): string {
  return HEADING.exec(section)?.[0] ?? '';
}
