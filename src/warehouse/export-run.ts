import type { Warehouse } from './warehouse.js';

/** Begins a run of an export; its rows count once `finishExport` was called. Returns its number. */
export async function beginExport(
  warehouse: Warehouse,
  name: string,
  options: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  return warehouse.transaction(async (client) => {
    const { rows } = await client.query<{ export_id: string }>(
      'insert into talon_one_export (export, options) values ($1, $2) returning export_id',
      [name, JSON.stringify(options)],
    );
    return rows[0]?.export_id ?? '';
  });
}

/**
 * Stores some rows in one transaction.
 * @param after number of rows stored before
 * @param rows JSON array of objects
 */
export async function insertExportRows(
  warehouse: Warehouse,
  exportId: string,
  after: number,
  rows: string,
): Promise<void> {
  await warehouse.transaction(async (client) => {
    await client.query(
      `insert into talon_one_export_row (export_id, row_number, payload)
      select $1, $2::bigint + position, row
      from jsonb_array_elements($3::jsonb) with ordinality as page (row, position)`,
      [exportId, after, rows],
    );
  });
}

export async function finishExport(warehouse: Warehouse, exportId: string, rowCount: number): Promise<void> {
  await warehouse.transaction(async (client) => {
    await client.query(
      'update talon_one_export set finished_at = clock_timestamp(), row_count = $2 where export_id = $1',
      [exportId, rowCount],
    );
  });
}
