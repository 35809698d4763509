import type { Sources } from './source-rules.js';

// SQL takes values as parameters only. Every text that is given to `query(…)`, and every other text in warehouse/ that
// reads like SQL, is looked at: whatever is not written out in the source must be a constant of the file, a quoted
// identifier, or one of the reviewed places. Good for our own sources, which Biome has formatted.

/** The only places where something else is put into SQL, each with what makes it harmless. */
export const REVIEWED: readonly { path: string; expression: string; because: string }[] = [
  {
    path: 'src/warehouse/request-slots.ts',
    expression: 'RATE_NOW',
    because: 'is a constant of granted-rates.ts, made of numbers of ours',
  },
  {
    path: 'src/warehouse/warehouse.ts',
    expression: 'this.opening',
    because: 'is built once, in the constructor, of what stands below',
  },
  {
    path: 'src/warehouse/warehouse.ts',
    expression: 'schema',
    because: 'has been through quoteIdentifier in the line above',
  },
  {
    path: 'src/warehouse/warehouse.ts',
    expression: 'Math.ceil(idleMs)',
    because: 'is a number of ours; `set local` takes no parameters',
  },
  {
    path: 'src/warehouse/warehouse.ts',
    expression: 'limits.statementMs ?? STATEMENT_TIMEOUT_MS',
    because: 'is a number of ours; `set local` takes no parameters',
  },
  {
    path: 'src/warehouse/warehouse.ts',
    expression: 'limits.lockMs ?? LOCK_TIMEOUT_MS',
    because: 'is a number of ours; `set local` takes no parameters',
  },
  {
    path: 'src/warehouse/lease.ts',
    expression: "courtesy(table, '$4', '$6')",
    because: 'is SQL of this file around two parameters and the name of the table',
  },
  {
    path: 'src/warehouse/lease.ts',
    expression: "courtesy(table, '$3', '$4')",
    because: 'is SQL of this file around two parameters and the name of the table',
  },
  {
    path: 'src/warehouse/lease.ts',
    expression: "isPressing ?? 'true'",
    because: 'is SQL of the two tables of leases, a constant of cursor.ts',
  },
  {
    path: 'src/warehouse/event-consequences.ts',
    expression: 'EFFECTS',
    because: 'is a constant of event-writer.ts, the same statement for the same rows',
  },
  {
    path: 'src/warehouse/migrate.ts',
    expression: "readFileSync(join(folder, name), 'utf8')",
    because: 'is a migration: a file of the package',
  },
  {
    path: 'src/warehouse/snapshot-writer.ts',
    expression: 'settled',
    because: 'is the name of a common table expression in this file',
  },
  {
    path: 'src/warehouse/snapshot-writer.ts',
    expression: 'kind',
    because: 'is one of two words, written out in this file',
  },
  {
    path: 'src/warehouse/snapshot-writer.ts',
    expression: 'CARRIES_NEWS',
    because: 'is a condition that is written out in snapshot-news.ts',
  },
  {
    path: 'src/warehouse/lease.ts',
    expression: 'name',
    because: 'is a name of one of the two tables of leases, written out in cursor.ts and job.ts',
  },
  {
    path: 'src/warehouse/lease.ts',
    expression: 'key',
    because: 'is a name of one of the two tables of leases, written out in cursor.ts and job.ts',
  },
  {
    path: 'src/warehouse/lease.ts',
    expression: 'keyType',
    because: 'is a name of one of the two tables of leases, written out in cursor.ts and job.ts',
  },
  {
    path: 'src/warehouse/lease.ts',
    expression: 'dueAt',
    because: 'is a name of one of the two tables of leases, written out in cursor.ts and job.ts',
  },
  {
    path: 'src/warehouse/lease.ts',
    expression: 'columns',
    because: 'is written out in cursor.ts and job.ts',
  },
  {
    path: 'src/warehouse/loyalty-snapshot-sql.ts',
    expression: 'columnList(known)',
    because: 'are names of columns, written out in this file',
  },
  {
    path: 'src/warehouse/loyalty-snapshot-sql.ts',
    expression: 'table',
    because: 'is the name of a table, written out in this file',
  },
  {
    path: 'src/warehouse/loyalty-snapshot.ts',
    expression: 'statement',
    because: 'is written out in loyalty-snapshot-sql.ts',
  },
  {
    path: 'src/warehouse/forget.ts',
    expression: 'statement',
    because: 'is written out in forget-sql.ts',
  },
  {
    path: 'src/warehouse/forget.ts',
    expression: 'noteKeys',
    because: 'is written out in forget-sql.ts',
  },
  {
    path: 'src/warehouse/forget-sql.ts',
    expression: 'table',
    because: 'is the name of a table, written out in this file',
  },
  {
    path: 'src/warehouse/forget-sql.ts',
    expression: 'columns',
    because: 'are names of columns, written out in this file',
  },
  {
    path: 'src/warehouse/forget-sql.ts',
    expression: 'column',
    because: 'is the name of a column, written out in this file',
  },
  {
    path: 'src/warehouse/history-writer.ts',
    expression: 'this.statements.merge',
    because: 'comes from history-table.ts',
  },
  {
    path: 'src/warehouse/history-writer.ts',
    expression: 'this.statements.countMissing',
    because: 'comes from history-table.ts',
  },
  {
    path: 'src/warehouse/history-writer.ts',
    expression: 'this.statements.close',
    because: 'comes from history-table.ts',
  },
  {
    path: 'src/warehouse/history-writer.ts',
    expression: 'closeOrphans',
    because: 'comes from history-table.ts',
  },
  {
    path: 'src/warehouse/embedded/first-connection.ts',
    expression: 'database',
    because: 'is a constant of the file; `create database` takes no parameters',
  },
  {
    path: 'src/warehouse/status.ts',
    expression: 'statement',
    because: 'is one of the constants at the end of the file',
  },
];

/** Files whose only work is to write SQL from names of ours: no value ever gets there. */
export const REVIEWED_FILES: readonly { path: string; because: string }[] = [
  {
    path: 'src/warehouse/history-table.ts',
    because:
      'writes the statements of a history table from its entry: names of columns and members in the source',
  },
];

const LOOKS_LIKE_SQL =
  /\bselect\b|\binsert\s+into\b|\bupdate\s+\S+\s+set\b|\bdelete\s+from\b|\b(?:create|alter|drop|grant|truncate)\s+(?:table|schema|index|function|view|database|role)\b|\bset\s+local\b/i;

interface Text {
  readonly start: number;
  readonly end: number;
  /** What stands within `${…}`. */
  readonly interpolations: readonly Part[];
}

interface Part {
  readonly start: number;
  readonly code: string;
}

/** Every violation as one line: file, line, what was put into SQL, and the way out. */
export function brokenSqlRules(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([path, source]) => {
    if (REVIEWED_FILES.some((file) => file.path === path)) return [];
    const code = blankComments(source);
    const parts = [...queryArguments(code), ...looseSql(path, code)];
    const wrong = parts.filter(({ code: expression }) => !isHarmless(path, expression, code));
    const lines = wrong.map(({ start, code: expression }) => {
      const line = code.slice(0, start).split('\n').length;
      return `${path}:${line} puts ${expression} into SQL: values go in as parameters ($1), names through quoteIdentifier`;
    });
    return [...new Set(lines)];
  });
}

function isHarmless(path: string, expression: string, code: string): boolean {
  const [, constant] = /^([A-Z][A-Z_]*)(?:\[[\w.]+\])?$/.exec(expression) ?? [];
  if (constant !== undefined && new RegExp(`^(?:export )?const ${constant}\\b`, 'm').test(code)) return true;
  if (/^quoteIdentifier\([\w.]+\)$/.test(expression) || /^rfc3339\('[^']*'\)$/.test(expression)) return true;
  if (/^settle\('\w+', '\w+'\)$/.test(expression)) return true;
  return REVIEWED.some((place) => place.path === path && place.expression === expression);
}

/** What is not written out in the first arguments of `query(…)`. */
function queryArguments(code: string): Part[] {
  return [...code.matchAll(/\.query\b/g)].flatMap(({ index }) => {
    let at = index + '.query'.length;
    if (code[at] === '<') at = endOf(code, at, '<', '>');
    return code[at] === '(' ? notWrittenOut(code, at + 1) : [];
  });
}

/** What is not written out in other texts that read like SQL. */
function looseSql(path: string, code: string): Part[] {
  if (!path.startsWith('src/warehouse/')) return [];
  return textsOf(code)
    .filter(({ start, end }) => LOOKS_LIKE_SQL.test(code.slice(start, end)))
    .flatMap((text) => {
      const before = /([\w.)\]]+) \+\s*$/.exec(code.slice(0, text.start));
      const method = /^\s*\.\w+\(/.exec(code.slice(text.end));
      return [
        ...notWrittenOut(code, text.start),
        ...(before?.[1] ? [{ start: text.start, code: before[1] }] : []),
        ...(method ? [{ start: text.start, code: `…${method[0].trim()}…)` }] : []),
      ];
    });
}

/** The interpolations and the operands of an expression that is a text, or texts joined by `+`. */
function notWrittenOut(code: string, from: number): Part[] {
  const parts: Part[] = [];
  for (let at = from; ; ) {
    at += /^\s*/.exec(code.slice(at))?.[0].length ?? 0;
    const text = textAt(code, at);
    const end = text ? text.end : endOfOperand(code, at);
    if (text) parts.push(...text.interpolations);
    else parts.push({ start: at, code: code.slice(at, end).trim() });
    const plus = /^\s*\+/.exec(code.slice(end));
    if (!plus) {
      const rest = /^\s*([.?][^\n]*)/.exec(text ? code.slice(end) : '');
      return rest?.[1] ? [...parts, { start: end, code: `…${rest[1]}` }] : parts;
    }
    at = end + plus[0].length;
  }
}

function endOfOperand(code: string, from: number): number {
  for (let at = from; at < code.length; at += 1) {
    const text = textAt(code, at);
    if (text) at = text.end - 1;
    else if (code[at] === '(') at = endOf(code, at, '(', ')') - 1;
    else if (code[at] === '[') at = endOf(code, at, '[', ']') - 1;
    else if (/[,;)+\]}]/.test(code[at] ?? '')) return at;
  }
  return code.length;
}

/** Every text in the code, those within interpolations included. */
function textsOf(code: string, from = 0, to = code.length): Text[] {
  const texts: Text[] = [];
  for (let at = from; at < to; at += 1) {
    const text = textAt(code, at);
    if (!text) continue;
    texts.push(text);
    for (const { start, code: inner } of text.interpolations)
      texts.push(...textsOf(code, start, start + inner.length));
    at = text.end - 1;
  }
  return texts;
}

/** The text in quotes that begins here. */
function textAt(code: string, start: number): Text | undefined {
  const quote = code[start];
  if (quote !== "'" && quote !== '"' && quote !== '`') return undefined;
  const interpolations: Part[] = [];
  for (let at = start + 1; at < code.length; at += 1) {
    if (code[at] === '\\') at += 1;
    else if (code[at] === quote) return { start, end: at + 1, interpolations };
    else if (quote === '`' && code.startsWith('${', at)) {
      const end = endOf(code, at + 1, '{', '}');
      interpolations.push({ start: at + 2, code: code.slice(at + 2, end - 1) });
      at = end - 1;
    }
  }
  return undefined;
}

/** Position after the bracket that closes the one at `start`. */
function endOf(code: string, start: number, opening: string, closing: string): number {
  let depth = 0;
  for (let at = start; at < code.length; at += 1) {
    const text = textAt(code, at);
    if (text) at = text.end - 1;
    else if (code[at] === opening) depth += 1;
    else if (code[at] === closing && code[at - 1] !== '=') depth -= 1;
    if (depth === 0) return at + 1;
  }
  return code.length;
}

// Lines keep their numbers.
function blankComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}
