import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/package-info.js';

// The table "What Talon.One's guides describe, and our command" of the README.

/** Codes of the second column that are no commands. */
const TABLE = /^talon_one_\w+$/;
const VARIABLE = /^[A-Z][A-Z_]+=\w+$/;
const OPTION = /^--[a-z-]+( \w+)?$/;

export interface GuideRow {
  readonly procedure: string;
  /** Command lines as they stand there, without the program's name. */
  readonly commands: readonly string[];
  /** Tables and views. */
  readonly tables: readonly string[];
}

/** @throws when the table is gone, or a row has a code that is neither of these */
export function guideTable(): GuideRow[] {
  const page = readFileSync(join(packageRoot(), 'README.md'), 'utf8');
  const [, after = ''] = page.split("### What Talon.One's guides describe, and our command");
  const [table = ''] = after.trim().split('\n\n');
  const own = table.split('\n').slice(2);
  if (own.length === 0) throw new Error('README.md has lost the table of the guides');
  return own.map((line) => {
    const [, procedure = '', ours = ''] = line.split('|');
    const codes = [...ours.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
    return {
      procedure: procedure.trim(),
      tables: codes.filter((code) => TABLE.test(code)),
      commands: codes.filter((code) => ![TABLE, VARIABLE, OPTION].some((other) => other.test(code))),
    };
  });
}
