import { elementsOf } from '../json/elements.js';
import type { ListPage, Paging } from '../talon-one/management.js';

const EMPTY_PAGE_REPEATS = 2;

/**
 * All records of a list that is read by offset, as raw texts. Rows that appear meanwhile push others onto the next page:
 * what the two pages before have brought is dropped.
 * @param keyOf what tells one record from another
 */
export async function* pagedRecords(
  list: (paging: Paging) => Promise<ListPage>,
  pageSize: number,
  keyOf: (record: unknown) => unknown,
): AsyncGenerator<string[], void> {
  let known: Set<unknown>[] = [];
  let emptyPages = 0;
  for (let skip = 0; ; ) {
    const page = await list({ pageSize, skip });
    const records = elementsOf(page.text, 'data');
    if (records.length === 0) {
      emptyPages += 1;
      // Documented: an empty page ends the list. One that promises more is asked for again before it is believed.
      if (page.hasMore !== true || emptyPages > EMPTY_PAGE_REPEATS) return;
      continue;
    }
    emptyPages = 0;
    const keys = page.data.map(keyOf);
    yield records.filter((_, index) => !known.some((before) => before.has(keys[index])));
    // A record without a key is never taken for another one.
    const hasKey = (key: unknown) => key !== undefined && key !== null;
    known = [new Set(keys.filter(hasKey)), ...known.slice(0, 1)];
    skip += records.length;
    if (isLast(page, skip, pageSize)) return;
  }
}

// A missing hasMore means: go on while the pages are full (talon-one-api section 2.3).
function isLast({ hasMore, total, data }: ListPage, read: number, pageSize: number): boolean {
  if (hasMore !== undefined) return !hasMore;
  return total !== undefined ? read >= total : data.length < pageSize;
}
