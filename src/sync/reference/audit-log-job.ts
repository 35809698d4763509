import { formatInstant, type Instant, laterOf, parseInstant } from '../../instant.js';
import { EventList, type EventSource } from '../../talon-one/event-list.js';
import { eventPages, oneAhead } from '../../talon-one/event-pages.js';
import type { EventQuery, RequestContext } from '../../talon-one/management.js';
import { writeChanges } from '../../warehouse/change-writer.js';
import { advanceJob } from '../../warehouse/job.js';
import { noteQuarantined } from '../cycle-context.js';

import type { JobContext, JobKind, JobResult } from '../job.js';
import { Reach, startOfWindow } from '../reading.js';
import type { ReferenceOptions } from './options.js';

export interface AuditLogOptions extends ReferenceOptions {
  /** How late a change may become visible. */
  readonly lookback: Instant;
}

/** Before Talon.One existed; it keeps the audit log for 90 days by default (docs/api-facts.md, Retention). */
const BEGINNING: Instant = parseInstant('2015-01-01T00:00:00Z') ?? 0n;

/** Copies the audit log, which is read like events: in the order of `created`, from where the last run came to. */
export function auditLogJob(options: AuditLogOptions): JobKind {
  const name = 'audit-log';
  const list = new EventList(changesOf(options), '', options.pageSize);
  return { name, jobs: [name], inOnce: 'if-due', run: (context) => run(list, options, context) };
}

function changesOf({ client }: ReferenceOptions): EventSource {
  const changes = (_: string, query: EventQuery, context: RequestContext) =>
    client.list('/v1/changes', {}, { ...query }, context);
  return { events: changes, eventsWithTotal: changes };
}

async function run(list: EventList, options: AuditLogOptions, context: JobContext): Promise<JobResult> {
  const { warehouse, lookback, intervalMs } = options;
  const { state, signal, lease } = context;
  let lastSync = parseInstant(String(state.lastSync)) ?? BEGINNING;
  const figures = { pages: 0, changes: 0 };
  const from = startOfWindow({ lastSync }, lookback);
  const reach = new Reach(lookback);
  for await (const eventPage of oneAhead(eventPages(list, from, context.requests))) {
    signal.throwIfAborted();
    lastSync = laterOf(lastSync, reach.of(eventPage) ?? lastSync);
    const reached = { lastSync: formatInstant(lastSync) };
    const counts = await writeChanges(warehouse, eventPage.page, (client) =>
      advanceJob(client, lease, reached),
    );
    noteQuarantined(context, counts, eventPage.page.source);
    if (eventPage.page.source !== '') figures.pages += 1;
    figures.changes += counts.inserted;
  }
  return { next: { inMs: intervalMs }, figures };
}
