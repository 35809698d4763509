const MINUS_ZERO = /-0(?:\.0*)?(?:[eE][+-]?\d+)?\s*[,\]}]/;
const KEY_END = /"\s*:/g;

/**
 * Whether a text may hold something that `jsonb` stores differently without a word: minus zero or a key given twice.
 * (What `jsonb` refuses needs no search: Postgres says so itself.) Runs over every page, so it is two plain searches
 * and a count; a false alarm costs time, a miss would cost exactness.
 * @param value what the text was parsed to
 */
export function mayChangeInJsonb(text: string, value: unknown): boolean {
  return MINUS_ZERO.test(text) || mayRepeatKeys(text, value);
}

// Each key of the text ends in a quote and a colon, and parsing keeps one of each name per object. So equal counts
// prove that none was there twice; a surplus can also be a quote and a colon inside a string.
function mayRepeatKeys(text: string, value: unknown): boolean {
  let ends = 0;
  KEY_END.lastIndex = 0;
  while (KEY_END.test(text)) ends += 1;
  return ends !== countKeys(value);
}

// A stack of its own instead of recursion: the depth is the server's choice. `for in` is the fastest way here, and
// what JSON.parse builds has no inherited keys.
function countKeys(value: unknown): number {
  let count = 0;
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const item = rest.pop();
    if (Array.isArray(item)) {
      for (const child of item) if (child !== null && typeof child === 'object') rest.push(child);
    } else if (item !== null && typeof item === 'object') {
      for (const key in item) {
        count += 1;
        const child = (item as Record<string, unknown>)[key];
        if (child !== null && typeof child === 'object') rest.push(child);
      }
    }
  }
  return count;
}
