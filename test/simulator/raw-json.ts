// JSON taken apart without reading its numbers: a file that repeats a part of an event has to repeat every digit.

/** The texts of an object's members by name. Throws a SyntaxError for a name that is none. */
export function rawMembers(text: string): Map<string, string> {
  const pairs = pieces(text, '{').map((member) => split(member, ':'));
  return new Map(pairs.map(([name = '', value = '']) => [JSON.parse(name) as string, value]));
}

/** The texts of an array's elements. */
export function rawElements(text: string): string[] {
  return pieces(text, '[');
}

function pieces(text: string, open: '{' | '['): string[] {
  const whole = text.trim();
  return whole.startsWith(open) ? split(whole.slice(1, -1), ',').filter((piece) => piece !== '') : [];
}

/** At separators outside of strings and brackets. */
function split(text: string, separator: ',' | ':'): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') at = endOfString(text, at);
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    else if (character === separator && depth === 0) {
      found.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...found, text.slice(start).trim()];
}

/** Where the closing quote is. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
}
