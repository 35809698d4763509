import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { cleanJson } from '../json/clean.js';
import { beginExport, finishExport, insertExportRows } from '../warehouse/export-run.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { OptionValues } from './options.js';

const PAGE_ROWS = 1000;

/**
 * Stores a complete CSV export as one run, a transaction for each page of rows. Columns are named by the header; a cell
 * beyond it (the documented row of card balances has one) is called `column_9`, a name given twice `name_2`.
 */
export async function loadIntoWarehouse(
  warehouse: Warehouse,
  path: string,
  run: { readonly name: string; readonly options: OptionValues },
  signal: AbortSignal,
): Promise<number> {
  const exportId = await beginExport(warehouse, run.name, run.options);
  let header: string[] | undefined;
  let stored = 0;
  let page: string[] = [];
  const store = async () => {
    if (page.length === 0) return;
    await insertExportRows(warehouse, exportId, stored, fitForJsonb(`[${page.join(',')}]`));
    stored += page.length;
    page = [];
  };
  for await (const cells of recordsOf(path)) {
    signal.throwIfAborted();
    if (header === undefined) {
      header = uniqueNames(cells);
      continue;
    }
    page.push(toObject(header, cells));
    if (page.length === PAGE_ROWS) await store();
  }
  await store();
  await finishExport(warehouse, exportId, stored);
  return stored;
}

function recordsOf(path: string): AsyncIterable<string[]> {
  const parser = parse({ bom: true, relax_quotes: true, relax_column_count: true, skip_empty_lines: true });
  const file = createReadStream(path);
  file.on('error', (error) => parser.destroy(error));
  parser.on('close', () => file.destroy());
  return file.pipe(parser);
}

function uniqueNames(cells: readonly string[]): string[] {
  const count = new Map<string, number>();
  return cells.map((cell) => {
    const name = cell.trim();
    const times = (count.get(name) ?? 0) + 1;
    count.set(name, times);
    return times === 1 ? name : `${name}_${times}`;
  });
}

function toObject(header: readonly string[], cells: readonly string[]): string {
  const members = cells.map(
    (cell, index) => `${JSON.stringify(header[index] ?? `column_${index + 1}`)}:${JSON.stringify(cell)}`,
  );
  return `{${members.join(',')}}`;
}

// The one thing in these texts that jsonb refuses.
function fitForJsonb(rows: string): string {
  return rows.includes('\\u0000') ? cleanJson(rows).text : rows;
}
