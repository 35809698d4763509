// JSON taken apart without reading its numbers: a file that repeats a part of an event has to repeat every digit.

/** The texts of an object's members by name. Throws a SyntaxError for a name that is none. */
export function rawMembers(text: string): Map<string, string> {
  return new Map(
    pieces(text, '{').map((member) => {
      const colon = member.indexOf(':', endOfString(member, 0));
      return [JSON.parse(member.slice(0, colon)) as string, member.slice(colon + 1).trim()];
    }),
  );
}

/** The texts of an array's elements. */
export function rawElements(text: string): string[] {
  return pieces(text, '[');
}

/** At the commas outside of strings and inner brackets. */
function pieces(text: string, open: '{' | '['): string[] {
  const start = text.indexOf(open);
  const found: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at >= 0 && at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth > 1 || (depth === 1 && character !== ',')) continue;
    found.push(text.slice(from, at).trim());
    from = at + 1;
    if (depth === 0) break;
  }
  return found.filter((piece) => piece !== '');
}

/** Where the closing quote is. */
function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

/** By an odd number of backslashes. */
function isEscaped(text: string, quote: number): boolean {
  let before = quote;
  while (text[before - 1] === '\\') before -= 1;
  return (quote - before) % 2 === 1;
}
