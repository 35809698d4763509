import { type ImportIdentity, type ImportLease, type PlannedPart, renewImport } from './import-journal.js';
import type { Client } from './pool.js';
import { rfc3339 } from './timestamp-text.js';
import type { Warehouse } from './warehouse.js';

// What became of each part of an import.

export type PartState = 'planned' | 'sent' | 'accepted' | 'refused' | 'uncertain';

export interface JournalPart extends PlannedPart {
  readonly state: PartState;
  readonly refusals: number;
  /** RFC 3339; `undefined` before it was sent. */
  readonly sentAt: string | undefined;
  /** Milliseconds since it was last heard of (answered, settled, or else sent), on the clock of Postgres. */
  readonly quietMs: number | undefined;
  readonly answer: string | undefined;
}

/**
 * What a process left in the state `sent` has no answer any more: it goes over to `state`. When its last attempt was made
 * is not known, except that it was before now.
 */
export async function settleAbandoned(
  client: Client,
  lease: ImportLease,
  state: 'planned' | 'uncertain',
): Promise<void> {
  await client.query(
    `update talon_one_import_part set state = $2, answer = 'the program ended before an answer came',
       answered_at = clock_timestamp()
     where import_id = $1 and state = 'sent'`,
    [lease.importId, state],
  );
}

/**
 * Parts of which another import into the same target has had the very same content accepted count as accepted here too.
 * The import is finished when no other is left.
 * @returns how many these are
 */
export async function takeOverAccepted(
  client: Client,
  { deployment, kind, target }: Pick<ImportIdentity, 'deployment' | 'kind' | 'target'>,
  importId: string,
): Promise<number> {
  const { rowCount } = await client.query(
    `update talon_one_import_part mine set state = 'accepted', answered_at = clock_timestamp(),
       answer = 'accepted by import ' || before.import_id
     from (select p.content_hash, min(import_id) as import_id
           from talon_one_import_part p join talon_one_import i using (import_id)
           where i.deployment = $1 and i.kind = $2 and i.target = $3 and import_id <> $4 and p.state = 'accepted'
             and p.content_hash in (select content_hash from talon_one_import_part where import_id = $4)
           group by p.content_hash) before
     where mine.import_id = $4 and mine.state <> 'accepted' and mine.content_hash = before.content_hash`,
    [deployment, kind, target, importId],
  );
  await finishIfDone(client, importId);
  return rowCount ?? 0;
}

async function finishIfDone(client: Client, importId: string): Promise<void> {
  await client.query(
    `update talon_one_import set finished_at = coalesce(finished_at, clock_timestamp())
     where import_id = $1 and not exists (
       select from talon_one_import_part p where p.import_id = $1 and p.state <> 'accepted')`,
    [importId],
  );
}

export async function readParts(client: Client, importId: string): Promise<JournalPart[]> {
  const { rows } = await client.query<{
    part: number;
    first_line: string;
    last_line: string;
    units: number;
    content_hash: string;
    state: PartState;
    refusals: number;
    sent: string | null;
    quiet_ms: string | null;
    answer: string | null;
  }>(
    `select part, first_line, last_line, units, content_hash, state, refusals, ${rfc3339('sent_at')} as sent, answer,
       round(extract(epoch from clock_timestamp() - coalesce(answered_at, sent_at)) * 1000)::text as quiet_ms
     from talon_one_import_part where import_id = $1 order by part`,
    [importId],
  );
  return rows.map((row) => ({
    part: row.part,
    firstLine: Number(row.first_line),
    lastLine: Number(row.last_line),
    units: row.units,
    contentHash: row.content_hash,
    state: row.state,
    refusals: row.refusals,
    sentAt: row.sent ?? undefined,
    quietMs: row.quiet_ms === null ? undefined : Number(row.quiet_ms),
    answer: row.answer ?? undefined,
  }));
}

export interface PartChange {
  readonly state: PartState;
  /** What the API answered; secrets must be gone. */
  readonly answer?: string;
  readonly apiImportId?: number;
  readonly apiAmount?: number;
}

/**
 * Notes what becomes of a part; committed when it resolves.
 * @throws UserError when another process has taken the import over: nothing is written then
 */
export async function notePart(
  warehouse: Warehouse,
  lease: ImportLease,
  part: number,
  change: PartChange,
): Promise<void> {
  await warehouse.transaction(async (client) => {
    await renewImport(client, lease);
    await client.query(
      `update talon_one_import_part set state = $3, answer = $4,
         api_import_id = coalesce($5, api_import_id), api_amount = coalesce($6, api_amount),
         sent_at = case when $3 = 'sent' then clock_timestamp() else sent_at end,
         answered_at = case when $3 = 'sent' then null else clock_timestamp() end,
         refusals = refusals + case when $3 = 'refused' then 1 else 0 end
       where import_id = $1 and part = $2`,
      [
        lease.importId,
        part,
        change.state,
        change.answer?.replaceAll('\0', '').slice(0, 4000) ?? null,
        change.apiImportId ?? null,
        change.apiAmount ?? null,
      ],
    );
    await finishIfDone(client, lease.importId);
  });
}

/** The API's own IDs of everything that is known to have been imported into the same target. */
export async function knownApiImports(
  client: Client,
  identity: Pick<ImportIdentity, 'deployment' | 'kind' | 'target'>,
): Promise<Set<number>> {
  const { rows } = await client.query<{ id: string }>(
    `select p.api_import_id as id from talon_one_import_part p join talon_one_import i using (import_id)
     where i.deployment = $1 and i.kind = $2 and i.target = $3 and p.api_import_id is not null`,
    [identity.deployment, identity.kind, identity.target],
  );
  return new Set(rows.map((row) => Number(row.id)));
}
