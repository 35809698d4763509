import type { SimulatedApplication } from './application.js';
import { eventFilter } from './event-content-filter.js';
import { type Order, type Paging, type Query, readOrder, readTime } from './query.js';
import type { Switches } from './switches.js';
import { createdWindow, retentionBound, shuffledTies, type Window } from './window.js';

// How a page is found. The tables keep all visible events ordered by creation, so a window of time is two binary
// searches and a page of it costs nothing but its texts. Only other filters, and the order by id once events came out
// of order, need a list of their own; the newest one is kept for the pages that follow.

export interface SelectedRows {
  rows: number[];
  total: number;
}

export class EventList {
  private kept: { key: string; version: number; rows: Uint32Array } | undefined;
  private requests = 0;

  constructor(private readonly application: SimulatedApplication) {}

  window(query: Query, switches: Switches): Window {
    const { events, now } = this.application;
    const bounds = {
      after: readTime(query, 'createdAfter'),
      before: readTime(query, 'createdBefore'),
      oldest: retentionBound(switches, now()),
    };
    return createdWindow(events.byCreated, (row) => events.created.get(row), bounds, switches);
  }

  select(query: Query, paging: Paging, switches: Switches): SelectedRows {
    this.requests += 1;
    const order = readOrder(query, switches);
    const window = this.window(query, switches);
    const filter = eventFilter(this.application, query);
    const isById = !order.endsWith('created') && !this.application.events.ordersAgree;
    if (filter === undefined && !isById) return this.cut(window, order, paging, switches);
    const rows = this.listOf(query, window, order, filter);
    const positions = positionsOf(rows.length, order, paging);
    return { rows: positions.map((position) => rows[position] as number), total: rows.length };
  }

  private cut(window: Window, order: Order, paging: Paging, switches: Switches): SelectedRows {
    const { events } = this.application;
    const total = window.to - window.from;
    const positions = positionsOf(total, order, paging);
    if (switches.ties === 'id' || !order.endsWith('created')) {
      return { rows: positions.map((position) => events.byCreated.at(window.from + position)), total };
    }
    const salt = switches.ties === 'unstable' ? this.requests : 0;
    const low = window.from + Math.min(...positions);
    const createdOf = (row: number): number => events.created.get(row);
    const rows = shuffledTies(events.byCreated, createdOf, low, low + positions.length, salt);
    return { rows: order.startsWith('-') ? rows.reverse() : rows, total };
  }

  private listOf(
    query: Query,
    window: Window,
    order: Order,
    filter: ((row: number) => boolean) | undefined,
  ): Uint32Array {
    const { events, version } = this.application;
    const isById = !order.endsWith('created');
    const others = [...query].filter(([name]) => name !== 'skip' && name !== 'pageSize');
    const key = JSON.stringify([others, window, isById]);
    if (this.kept?.key === key && this.kept.version === version) return this.kept.rows;
    let rows = events.byCreated.slice(window.from, window.to);
    if (filter !== undefined) rows = rows.filter(filter);
    if (isById) rows.sort((a, b) => events.ids.sortKey(a) - events.ids.sortKey(b) || a - b);
    this.kept = { key, version, rows };
    return rows;
  }
}

/** Where in an ascending list the rows of a page stand. */
export function positionsOf(total: number, order: Order, paging: Paging): number[] {
  const size = Math.max(0, Math.min(paging.pageSize, total - paging.skip));
  const isDescending = order.startsWith('-');
  return Array.from({ length: size }, (_, index) =>
    isDescending ? total - 1 - paging.skip - index : paging.skip + index,
  );
}
