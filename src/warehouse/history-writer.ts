import { formatInstant, type Instant } from '../instant.js';
import { parseJson } from '../json/parse.js';
import { type HistoryStatements, type HistoryTable, statementsFor } from './history-table.js';
import type { Client } from './pool.js';
import { NO_APPLICATION, type RecordKind } from './quarantine.js';
import { type RecordPage, storePage } from './record-page.js';
import type { Warehouse } from './warehouse.js';

/** First statement of every transaction: locks the lease, or throws. */
export type Begin = (client: Client) => Promise<void>;

/** Where records were read: those of one Application, or of the whole account. */
export type Scope = string | undefined;

export interface MergeCounts {
  /** IDs of the records that the page held, also of those that went to the quarantine. */
  readonly ids: readonly string[];
  /** Records whose ID cannot be told. */
  readonly nameless: number;
  /** Rows that are new: first versions and later ones. */
  readonly versions: number;
  readonly quarantined: number;
}

/** Writes one history table; every transaction begins with `begin`. */
export class HistoryWriter {
  private readonly statements: HistoryStatements;

  constructor(
    private readonly warehouse: Warehouse,
    private readonly table: HistoryTable,
    private readonly kind: RecordKind,
    private readonly begin: Begin,
  ) {
    this.statements = statementsFor(table);
  }

  /** Stores what a page says of its records; `readAt` is the server's clock when it was read. */
  async merge(page: RecordPage, scope: Scope, readAt: Instant): Promise<MergeCounts> {
    const { passing, sets } = this.table;
    const ids: string[] = [];
    let nameless = 0;
    const counts = await storePage(this.warehouse, page, {
      kind: this.kind,
      applicationId: scope ?? NO_APPLICATION,
      fence: this.begin,
      prepare: async () => {
        ids.length = 0;
        nameless = 0;
      },
      insert: async (client, text) => {
        const { rows } = await client.query<{ ids: string[]; versions: number }>(this.statements.merge, [
          scope,
          text,
          formatInstant(readAt),
          passing,
          sets,
        ]);
        for (const id of rows[0]?.ids ?? []) ids.push(id);
        return rows[0]?.versions ?? 0;
      },
      refused: async (_client, raw) => {
        const id = (parseJson(raw) as { id?: unknown } | null)?.id;
        if (Number.isSafeInteger(id)) ids.push(String(id));
        else nameless += 1;
      },
    });
    return { ids, nameless, versions: counts.inserted, quarantined: counts.quarantined };
  }

  /** How many records of the scope are valid and not among those seen. */
  async countMissing(scope: Scope, seen: ReadonlySet<string>): Promise<number> {
    return this.warehouse.transaction(async (client) => {
      const { rows } = await client.query<{ missing: number }>(this.statements.countMissing, [
        scope,
        [...seen],
      ]);
      return rows[0]?.missing ?? 0;
    });
  }

  /** Ends what is valid in the scope and was not seen; returns how many. */
  async closeMissing(scope: Scope, seen: ReadonlySet<string>, goneAt: Instant): Promise<number> {
    return this.warehouse.transaction(async (client) => {
      await this.begin(client);
      const parameters = [scope, [...seen], formatInstant(goneAt)];
      return (await client.query(this.statements.close, parameters)).rowCount ?? 0;
    });
  }

  /** Ends what belongs to a record that has ended; returns how many. */
  async closeOrphans(): Promise<number> {
    const { closeOrphans } = this.statements;
    if (closeOrphans === undefined) return 0;
    return this.warehouse.transaction(async (client) => {
      await this.begin(client);
      return (await client.query(closeOrphans)).rowCount ?? 0;
    });
  }
}
