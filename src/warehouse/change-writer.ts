import type { Begin } from './history-writer.js';
import { NO_APPLICATION } from './quarantine.js';
import { type RecordPage, type StoreCounts, storePage } from './record-page.js';
import type { Warehouse } from './warehouse.js';

/** Stores a page of the audit log; entries that are stored already change nothing. */
export function writeChanges(warehouse: Warehouse, page: RecordPage, begin: Begin): Promise<StoreCounts> {
  return storePage(warehouse, page, {
    kind: 'change',
    applicationId: NO_APPLICATION,
    fence: begin,
    insert: async (client, text) => (await client.query(INSERT_CHANGES, [text])).rowCount ?? 0,
  });
}

const INSERT_CHANGES = `
  insert into talon_one_change
    (change_id, created, application_id, user_id, management_key_id, entity, payload)
  select (change -> 'id')::bigint, talon_one_instant(change ->> 'created'),
    nullif(talon_one_bigint(change -> 'applicationId'), 0), nullif(talon_one_bigint(change -> 'userId'), 0),
    nullif(talon_one_bigint(change -> 'managementKeyId'), 0), change ->> 'entity', change
  from jsonb_array_elements($1::jsonb -> 'data') as page (change)
  on conflict do nothing`;
