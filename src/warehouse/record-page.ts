import { monotonicMs, sleep } from '../clock.js';
import { cleanJson } from '../json/clean.js';
import { elementsOf } from '../json/elements.js';
import type { Client } from './pool.js';
import { keepOriginal, quarantine, type RecordKind } from './quarantine.js';
import { isDataRefused, isUniqueViolation } from './sqlstate.js';
import type { Warehouse } from './warehouse.js';

/** One answer of the API on its way into the warehouse. */
export interface RecordPage {
  /** `{"data": [...]}`: the text as it was sent. */
  readonly text: string;
  /** Request that returned it, for the quarantine. */
  readonly source: string;
  /** Why a record cannot be used, by its position in `data`. */
  readonly problems: ReadonlyMap<number, string>;
  /** jsonb may store the text differently without an error (see silent-changes.ts). */
  readonly mayChange: boolean;
}

export interface StoreSteps {
  readonly kind: RecordKind;
  readonly applicationId: string;
  /**
   * First statement of the transaction: locks the row of the lease and renews it. Also the last one of a page that took
   * long, since nobody else could renew the lease meanwhile.
   */
  readonly fence: (client: Client) => Promise<void>;
  /** What comes before the records are inserted. */
  readonly prepare?: (client: Client) => Promise<void>;
  /**
   * Inserts all records of a text `{"data": [...]}` and returns how many rows are new. `whole`: the text is that of the
   * page, and a unique key that refuses it sends it the second way; `parts`: nothing may be refused for being there.
   */
  readonly insert: (client: Client, text: string, way: 'whole' | 'parts') => Promise<number>;
  /** Whether anything is to be kept of a record that needs a second look; default: always. */
  readonly isWanted?: (raw: string) => boolean;
  /** Whether a record that cannot be stored goes to the quarantine; default: always. */
  readonly isQuarantined?: (raw: string) => boolean;
  /** Told of each record that went to the quarantine. */
  readonly refused?: (client: Client, raw: string) => Promise<void>;
}

export interface StoreCounts {
  readonly inserted: number;
  readonly quarantined: number;
}

/** A page that took so long renews the lease at its end. */
const LONG_PAGE_MS = 500;

/**
 * Stores one page in one transaction. The text goes to Postgres whole and is taken apart there: fastest, and the
 * numbers stay as they are. If it holds something that jsonb refuses or would change, the same page goes a second way:
 * each record is cut out of the text and cleaned, and whatever Postgres still refuses is found by halving and put aside.
 */
export async function storePage(
  warehouse: Warehouse,
  page: RecordPage,
  steps: StoreSteps,
): Promise<StoreCounts> {
  if (!page.mayChange && page.problems.size === 0) {
    try {
      const inserted = await underFence(warehouse, steps, (client) =>
        steps.insert(client, page.text, 'whole'),
      );
      return { inserted, quarantined: 0 };
    } catch (error) {
      if (!isDataRefused(error) && !isUniqueViolation(error)) throw error;
    }
  }
  // Before the transaction: it takes seconds for a large page, and a transaction that idles so long is ended.
  const records = await takeApart(page, steps);
  return underFence(warehouse, steps, (client) => storeOneByOne(client, records, page.source, steps));
}

function underFence<T>(
  warehouse: Warehouse,
  { fence, prepare }: StoreSteps,
  write: (client: Client) => Promise<T>,
): Promise<T> {
  return warehouse.transaction(async (client) => {
    await fence(client);
    const fencedMs = monotonicMs();
    await prepare?.(client);
    const written = await write(client);
    if (monotonicMs() - fencedMs > LONG_PAGE_MS) await fence(client);
    return written;
  });
}

interface Candidate {
  readonly raw: string;
  readonly clean: string;
  readonly reasons: readonly string[];
}

interface ApartPage {
  readonly candidates: readonly Candidate[];
  readonly unusable: readonly { readonly raw: string; readonly reason: string }[];
}

/** Records after which other work of the process gets its turn. */
const BREATH = 50;

async function takeApart(page: RecordPage, { isWanted }: StoreSteps): Promise<ApartPage> {
  const candidates: Candidate[] = [];
  const unusable: { raw: string; reason: string }[] = [];
  for (const [index, raw] of elementsOf(page.text, 'data').entries()) {
    if (index % BREATH === 0) await sleep(0);
    if (isWanted?.(raw) === false) continue;
    const reason = page.problems.get(index);
    if (reason !== undefined) unusable.push({ raw, reason });
    else {
      const { text, reasons } = cleanJson(raw);
      candidates.push({ raw, clean: text, reasons });
    }
  }
  return { candidates, unusable };
}

async function storeOneByOne(
  client: Client,
  { candidates, unusable }: ApartPage,
  source: string,
  steps: StoreSteps,
): Promise<StoreCounts> {
  let quarantined = 0;
  const refuse = async (raw: string, reason: string) => {
    if (steps.isQuarantined?.(raw) === false) return;
    quarantined += 1;
    await quarantine(client, { ...steps, reason, raw, source });
    await steps.refused?.(client, raw);
  };
  for (const { raw, reason } of unusable) await refuse(raw, reason);
  const inserted = await insertByHalving(client, candidates, steps, refuse);
  return { inserted, quarantined };
}

async function insertByHalving(
  client: Client,
  candidates: readonly Candidate[],
  steps: StoreSteps,
  refuse: (raw: string, reason: string) => Promise<void>,
): Promise<number> {
  const [first] = candidates;
  if (!first) return 0;
  await client.query('savepoint part');
  try {
    const text = `{"data":[${candidates.map((one) => one.clean).join(',')}]}`;
    const inserted = await steps.insert(client, text, 'parts');
    for (const { raw, clean, reasons } of candidates) {
      if (reasons.length > 0) await keepOriginal(client, { ...steps, clean, reasons, original: raw });
    }
    await client.query('release savepoint part');
    return inserted;
  } catch (error) {
    if (!isDataRefused(error)) throw error;
    await client.query('rollback to savepoint part; release savepoint part');
    if (candidates.length === 1) {
      await refuse(first.raw, error instanceof Error ? error.message : String(error));
      return 0;
    }
    const middle = Math.ceil(candidates.length / 2);
    const head = await insertByHalving(client, candidates.slice(0, middle), steps, refuse);
    return head + (await insertByHalving(client, candidates.slice(middle), steps, refuse));
  }
}
