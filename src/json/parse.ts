/**
 * Parses JSON; raw control characters inside strings, which JSON forbids but some servers let through, are accepted.
 * @throws SyntaxError when the text is not JSON otherwise either (cut short, HTML, empty)
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    if (!/[\u0000-\u001f]/.test(text)) throw error;
    return JSON.parse(escapeControlCharacters(text));
  }
}

/** Escapes every raw control character inside a string; those between tokens are white space or stay an error. */
export function escapeControlCharacters(text: string): string {
  let inString = false;
  let result = '';
  let copied = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) inString = !inString;
    else if (code === 0x5c && inString) at += 1;
    else if (code < 0x20 && inString) {
      result += `${text.slice(copied, at)}\\u${code.toString(16).padStart(4, '0')}`;
      copied = at + 1;
    }
  }
  return result + text.slice(copied);
}
