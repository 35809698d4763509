import { readFileSync } from 'node:fs';
import pg from 'pg';

/**
 * The script as psql would send it: `:"name"` and `:'name'` replaced outside of $$ … $$, and `\set` lines left out. It
 * stops at the first error, as with ON_ERROR_STOP.
 */
export function renderPsqlScript(path: string, variables: Readonly<Record<string, string>>): string {
  const lines = readFileSync(path, 'utf8').split('\n');
  const text = lines.filter((line) => !/^(\\|\s*--)/.test(line)).join('\n');
  const outside = (part: string) =>
    part.replace(/:(["'])(\w+)\1/g, (_, quote: string, name: string) => {
      const value = variables[name];
      if (value === undefined) throw new Error(`${path} wants the variable ${name}`);
      return quote === '"' ? pg.escapeIdentifier(value) : pg.escapeLiteral(value);
    });
  return text
    .split('$$')
    .map((part, index) => (index % 2 === 0 ? outside(part) : part))
    .join('$$');
}
