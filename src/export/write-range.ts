import type { Instant } from '../instant.js';
import { elementsOf } from '../json/elements.js';
import type { RecordListPage } from '../talon-one/record-list.js';
import type { RecentKeys } from './recent-keys.js';
import type { RecordWriter } from './record-writer.js';

/** `from` belongs to it, `to` does not; without `to` it has no end. */
export interface Range {
  readonly from: Instant;
  readonly to: Instant | undefined;
}

/** Writes the records of a page that were created within the range, each once, although pages overlap. */
export async function writeRange(
  writer: RecordWriter,
  page: RecordListPage,
  { from, to }: Range,
  written: RecentKeys,
): Promise<void> {
  const texts = elementsOf(page.text, 'data');
  const wanted = page.rows.filter(
    ({ id, created }) => created >= from && (to === undefined || created < to) && written.add(id),
  );
  await writer.write(wanted.map(({ index }) => texts[index] ?? '{}'));
}
