import { parseInstant } from '../../src/instant.js';
import type { EventPage } from '../../src/warehouse/event-writer.js';
import { startSimulator } from '../simulator/simulator.js';

const PAGE_SIZE = 1000;

export interface PreparedPage extends EventPage {
  readonly lastCreated: string;
}

/** Pages of invented events as the API sends them, in memory. */
export async function preparePages(count: number): Promise<PreparedPage[]> {
  const simulator = await startSimulator({ history: { events: count * PAGE_SIZE } });
  try {
    const [applicationId = 0] = simulator.applicationIds;
    const events = [...simulator.issuedEvents(applicationId)];
    return Array.from({ length: count }, (_, index) => {
      const page = events.slice(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
      return {
        text: `{"hasMore":true,"data":[${page.map((event) => event.text).join(',')}]}`,
        source: 'benchmark',
        problems: new Map(),
        mayChange: false,
        rows: page.map(({ id, created }) => ({ id: id ?? 0, created: parseInstant(created) ?? 0n })),
        lastCreated: page.at(-1)?.created ?? '',
      };
    });
  } finally {
    await simulator.stop();
  }
}
