import { momentWords } from './words.js';

/** HTML that is safe to be put into HTML. */
export class Markup {
  constructor(readonly text: string) {}
}

type Part = Markup | string | number | null | undefined | false | readonly (Markup | string)[];

/** A template of HTML: everything that is put into it is escaped, unless it is Markup itself. */
export function html(texts: TemplateStringsArray, ...parts: Part[]): Markup {
  return new Markup(texts.reduce((whole, text, index) => whole + toText(parts[index - 1]) + text));
}

function toText(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(toText).join('');
  return escapeHtml(String(part));
}

/** A moment (RFC 3339, UTC) for people and for programs. */
export function time(moment: string): Markup {
  return html`<time datetime="${moment}">${momentWords(moment)}</time>`;
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
