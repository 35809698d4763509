import { advanceCursor, type Lease } from '../../src/warehouse/cursor.js';
import { writeEventPage } from '../../src/warehouse/event-writer.js';
import type { Client } from '../../src/warehouse/pool.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';
import { type CopyText, copyByTemporary, copyStraight, copyTextOf } from './copy.js';
import type { PreparedPage } from './pages.js';
import { advanceOf, owedOf, rowsOf } from './parsed-page.js';
import { insertByUnnest, insertRowByRow } from './row-by-row.js';

export const APPLICATION_ID = '1';

/** One way of writing pages, and how many of them make a run of a second or two. */
export interface Contender {
  readonly name: string;
  readonly pages: number;
  /** Before the time is taken, once, and for each page. */
  readonly before?: (warehouse: Warehouse) => Promise<void>;
  readonly prepare?: (page: PreparedPage) => void;
  readonly write: (warehouse: Warehouse, lease: Lease, page: PreparedPage) => Promise<unknown>;
  readonly storesNothing?: true;
  /** The least `writeEventPage` has to be times as fast: what is aimed at, and below which something is broken. */
  readonly aim?: number;
  readonly floor?: number;
}

const copied = new WeakMap<PreparedPage, CopyText>();

export const OURS: Contender = {
  name: 'writeEventPage: one statement a page',
  pages: 20,
  write: (warehouse, lease, page) =>
    writeEventPage(warehouse, { lease, page, advance: advanceOf(page), normalizeEffects: true }),
};

export const CONTENDERS: readonly Contender[] = [
  OURS,
  {
    name: 'COPY straight into the tables (fails where an event is there already)',
    pages: 20,
    aim: 1,
    floor: 0.9,
    write: inTransaction((client, page) => copyStraight(client, APPLICATION_ID, copyTextFrom(page))),
  },
  {
    name: 'the same COPY, its lines made beforehand',
    pages: 20,
    floor: 0.7,
    prepare: (page) => copied.set(page, copyTextFrom(page)),
    write: inTransaction((client, page) =>
      copyStraight(client, APPLICATION_ID, copied.get(page) ?? copyTextFrom(page)),
    ),
  },
  {
    name: 'COPY into temporary tables, then insert',
    pages: 10,
    write: inTransaction((client, page) => copyByTemporary(client, APPLICATION_ID, copyTextFrom(page))),
  },
  {
    name: 'unnest of arrays made in Node',
    pages: 10,
    aim: 2,
    floor: 1.6,
    write: inTransaction((client, page) => {
      const rows = rowsOf(APPLICATION_ID, page);
      return insertByUnnest(client, APPLICATION_ID, rows, owedOf(rows));
    }),
  },
  {
    name: 'row by row, one transaction a page',
    pages: 3,
    floor: 5,
    write: inTransaction((client, page) =>
      insertRowByRow(client, APPLICATION_ID, rowsOf(APPLICATION_ID, page)),
    ),
  },
  {
    name: 'row by row, each its own transaction',
    pages: 1,
    aim: 15,
    floor: 10,
    write: writeAutocommit,
  },
  {
    // How quick this machine is: nothing that goes through jsonb can be faster.
    name: 'yardstick: Postgres only parses the page',
    pages: 20,
    storesNothing: true,
    write: (warehouse, _lease, page) =>
      warehouse.transaction((client) =>
        client.query(`select count(*) from jsonb_array_elements($1::jsonb -> 'data')`, [page.text]),
      ),
  },
];

/** The cursor is moved in the same transaction, as writeEventPage does it. */
function inTransaction(write: (client: Client, page: PreparedPage) => Promise<void>): Contender['write'] {
  return (warehouse, lease, page) =>
    warehouse.transaction(async (client) => {
      await advanceCursor(client, lease, advanceOf(page));
      await write(client, page);
    });
}

/** The cursor is moved once a page, behind its rows. */
async function writeAutocommit(warehouse: Warehouse, lease: Lease, page: PreparedPage): Promise<void> {
  const client = await warehouse.pool.connect();
  try {
    await client.query(`set search_path to "${warehouse.schema}"`);
    await insertRowByRow(client, APPLICATION_ID, rowsOf(APPLICATION_ID, page));
    await advanceCursor(client, lease, advanceOf(page));
  } finally {
    client.release(true);
  }
}

function copyTextFrom(page: PreparedPage): CopyText {
  const rows = rowsOf(APPLICATION_ID, page);
  return copyTextOf(rows, owedOf(rows));
}
