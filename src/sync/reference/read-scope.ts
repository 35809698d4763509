import { type Instant, parseInstant } from '../../instant.js';
import { hasStatus } from '../../talon-one/api-error.js';
import { type ListAddress, type ReferencePage, readList } from '../../talon-one/list-reading.js';
import type { ManagementClient, RequestContext } from '../../talon-one/management.js';
import type { HistoryWriter, Scope } from '../../warehouse/history-writer.js';
import { databaseTime } from '../../warehouse/owed.js';
import type { Warehouse } from '../../warehouse/warehouse.js';

// What an hourly look at one entity does. Every page is stored as it comes. A record is taken for deleted only if two
// complete readings in a row did not show it: one reading can be cut short in ways that cannot be seen, or shift while
// it goes on. If it was wrong all the same, the record's version opens again as soon as it is seen.

export interface ScopeOptions {
  readonly warehouse: Warehouse;
  readonly client: ManagementClient;
  readonly writer: HistoryWriter;
  /** Together they hold every record of the scope. */
  readonly lists: readonly ListAddress[];
  readonly scope: Scope;
}

export interface ScopeCounts {
  readonly pages: number;
  readonly versions: number;
  readonly deleted: number;
  readonly quarantined: number;
  /** Nothing can be said about deleted records. */
  readonly isIncomplete: boolean;
}

const MOST_READINGS = 3;
const READINGS_TO_DELETE = 2;

/** Brings one scope of one history table up to date. */
export async function readScope(options: ScopeOptions, context: RequestContext): Promise<ScopeCounts> {
  const { writer, scope } = options;
  const seen = new Set<string>();
  const sum = { pages: 0, versions: 0, quarantined: 0 };
  let complete = 0;
  for (let reading = 1; reading <= MOST_READINGS; reading += 1) {
    const result = await readOnce(options, seen, context);
    sum.pages += result.pages;
    sum.versions += result.versions;
    // A later reading meets the same records again.
    sum.quarantined = Math.max(sum.quarantined, result.quarantined);
    if (!result.isComplete) continue;
    complete += 1;
    if ((await writer.countMissing(scope, seen)) === 0) return { ...sum, deleted: 0, isIncomplete: false };
    if (complete < READINGS_TO_DELETE) continue;
    const deleted = await writer.closeMissing(scope, seen, result.readAt);
    return { ...sum, deleted, isIncomplete: false };
  }
  return { ...sum, deleted: 0, isIncomplete: true };
}

interface Reading {
  pages: number;
  versions: number;
  quarantined: number;
  isComplete: boolean;
  /** The server's clock, else the database's, at the last page. */
  readAt: Instant;
}

/** One reading of all lists; adds to `seen` what it meets. */
async function readOnce(
  { warehouse, client, writer, lists, scope }: ScopeOptions,
  seen: Set<string>,
  context: RequestContext,
): Promise<Reading> {
  const started = parseInstant(await databaseTime(warehouse)) ?? 0n;
  const reading: Reading = { pages: 0, versions: 0, quarantined: 0, isComplete: true, readAt: started };
  const store = async (page: ReferencePage) => {
    context.signal.throwIfAborted();
    reading.readAt = page.serverTime ?? started;
    const counts = await writer.merge(page, scope, reading.readAt);
    for (const id of counts.ids) seen.add(id);
    reading.versions += counts.versions;
    reading.quarantined += counts.quarantined;
    if (counts.nameless > 0) reading.isComplete = false;
  };
  for (const list of lists) {
    try {
      const { pages, isComplete } = await readList(client, list, context, store);
      reading.pages += pages;
      if (!isComplete) reading.isComplete = false;
    } catch (error) {
      // One of many has gone since they were looked up: its records are told by nobody now.
      if (!hasStatus(error, 404) || lists.length === 1) throw error;
      reading.isComplete = false;
    }
  }
  return reading;
}
