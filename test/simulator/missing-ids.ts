import type { MissingIds } from './options.js';

/** The JSON member for an id that may be missing, with its comma: nothing, 0 or null are all to be expected. */
export function idMember(name: string, id: string | null, style: MissingIds, chance: number): string {
  if (id !== null) return `,"${name}":${id}`;
  const form = missingForm(style, chance);
  return form === 'absent' ? '' : `,"${name}":${form === 'zero' ? '0' : 'null'}`;
}

function missingForm(style: MissingIds, chance: number): 'absent' | 'zero' | 'null' {
  if (style === 'documented') return chance % 2 === 0 ? 'absent' : 'zero';
  if (style === 'mixed') return (['absent', 'zero', 'null'] as const)[chance % 3] ?? 'absent';
  return style;
}
