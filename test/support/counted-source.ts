import type { EventSource } from '../../src/talon-one/event-list.js';
import type { ListPage } from '../../src/talon-one/management.js';

export interface SourceCounts {
  requests: number;
  /** At a time. */
  mostUnderWay: number;
  /** Resolves when no request is under way. */
  allEnded(): Promise<void>;
  /** How many requests had been made before the one that `data` is the answer of. */
  begunAs(data: ListPage['data']): number | undefined;
}

/** The same source, with its requests counted. */
export function counted(inner: EventSource): { source: EventSource; counts: SourceCounts } {
  const underWay = new Set<Promise<unknown>>();
  const numbers = new WeakMap<ListPage['data'], number>();
  const counts: SourceCounts = {
    requests: 0,
    mostUnderWay: 0,
    allEnded: async () => {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    begunAs: (data) => numbers.get(data),
  };
  const ask = async (request: Promise<ListPage>): Promise<ListPage> => {
    const number = counts.requests;
    counts.requests += 1;
    underWay.add(request);
    counts.mostUnderWay = Math.max(counts.mostUnderWay, underWay.size);
    try {
      const page = await request;
      numbers.set(page.data, number);
      return page;
    } finally {
      underWay.delete(request);
    }
  };
  const source: EventSource = {
    events: (id, query, context) => ask(inner.events(id, query, context)),
    eventsWithTotal: (id, query, context) => ask(inner.eventsWithTotal(id, query, context)),
  };
  return { source, counts };
}
