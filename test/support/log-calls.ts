import type { Sources } from './source-rules.js';

// The calls of the logger in our sources, read from their text. Good for code that Biome has formatted.

export interface LogCall {
  readonly path: string;
  readonly msg: string;
  /** Fields that are written out in the call. */
  readonly fields: readonly string[];
}

const CALL = /\blog(?:\.(?:trace|debug|info|warn|error|fatal)|\[[^\]]+\])\(/g;

/** @throws Error when the msg of a call is neither a text nor a constant of the same file */
export function logCalls(sources: Sources): LogCall[] {
  return Object.entries(sources).flatMap(([path, text]) => {
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
    return [...code.matchAll(CALL)].flatMap((match) => {
      const list = argumentsAt(code, match.index + match[0].length);
      const last = list.at(-1) ?? '';
      const msgs = textsIn(last).length > 0 ? textsIn(last) : textsIn(constantOf(code, last));
      if (msgs.length === 0)
        throw new Error(`${path}: cannot tell the msg of ${match[0]}${list.join(', ')})`);
      const fields = list.length > 1 ? fieldsOf(list[0] ?? '') : [];
      return msgs.map((msg) => ({ path, msg, fields }));
    });
  });
}

/** The arguments from here to the bracket that closes the call. */
function argumentsAt(code: string, from: number): string[] {
  const list: string[] = [];
  let depth = 0;
  let start = from;
  let quote = '';
  for (let at = from; at < code.length; at += 1) {
    const character = code[at] ?? '';
    if (quote !== '') {
      if (character === '\\') at += 1;
      else if (character === quote) quote = '';
    } else if ('\'"`'.includes(character)) quote = character;
    else if ('([{'.includes(character)) depth += 1;
    else if (depth === 0 && (character === ',' || character === ')')) {
      const argument = code.slice(start, at).trim();
      if (argument !== '') list.push(argument);
      if (character === ')') return list;
      start = at + 1;
    } else if (')]}'.includes(character)) depth -= 1;
  }
  return list;
}

function textsIn(expression: string): string[] {
  return [...expression.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map(
    (one) => one[1] ?? one[2] ?? '',
  );
}

function constantOf(code: string, name: string): string {
  if (!/^\w+$/.test(name)) return '';
  return new RegExp(`const ${name} =([\\s\\S]*?);\\n`).exec(code)?.[1] ?? '';
}

/** Names of the members that an object in braces writes out at its first level, also within `a ? {…} : {…}`. */
function fieldsOf(expression: string): string[] {
  return [...expression.matchAll(/[{,]\s*(\w+)(?=\s*[:,}])/g)].map((match) => match[1] ?? '');
}
