import type { Paging } from './query.js';
import type { Switches } from './switches.js';

/** A list answer before it becomes text, so that a fault can take rows away and still leave valid JSON. */
export interface Page {
  rows: string[];
  /** Undefined: the member is missing. */
  hasMore: boolean | undefined;
  totalResultSize: number | undefined;
}

export interface Envelope {
  hasMore: boolean;
  totalResultSize: boolean;
}

export function pageParts(page: Page): { start: string; rows: readonly string[]; end: string } {
  const hasMore = page.hasMore === undefined ? '' : `"hasMore":${page.hasMore},`;
  const total = page.totalResultSize === undefined ? '' : `"totalResultSize":${page.totalResultSize},`;
  return { start: `{${total}${hasMore}"data":[`, rows: page.rows, end: ']}' };
}

export function makePage(
  rows: string[],
  total: number,
  paging: Paging,
  switches: Switches,
  envelope: Envelope,
): Page {
  const follows = paging.skip + rows.length < total;
  const isFull = rows.length === paging.pageSize;
  const hasMore = switches.fullPageHasMore === 'always' ? follows || isFull : follows;
  const saysMore = envelope.hasMore && switches.envelope !== 'missing';
  return {
    rows,
    hasMore: saysMore ? hasMore : undefined,
    totalResultSize: envelope.totalResultSize ? total : undefined,
  };
}
