import { elementsOf } from '../json/elements.js';
import type { ListPage, Paging } from '../talon-one/management.js';
import { emptyButMore } from '../talon-one/record-list.js';

const EMPTY_PAGE_REPEATS = 2;

/**
 * All records of a list that is read by offset, as raw texts. Rows that appear meanwhile push others onto the next page:
 * what the two pages before have brought is dropped.
 * @param keyOf what tells one record from another
 * @throws ApiError when the list goes empty while it promises more: nobody could tell how much is missing
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
      if (page.hasMore !== true) return;
      emptyPages += 1;
      if (emptyPages > EMPTY_PAGE_REPEATS) throw emptyButMore(page.source);
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

// A missing hasMore means: go on while the pages are full (docs/api-facts.md, Lists).
function isLast({ hasMore, total, data }: ListPage, read: number, pageSize: number): boolean {
  if (hasMore !== undefined) return !hasMore;
  return total !== undefined ? read >= total : data.length < pageSize;
}
