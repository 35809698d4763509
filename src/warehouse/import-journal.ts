import { UserError } from '../errors.js';
import type { Client } from './pool.js';
import { rfc3339 } from './timestamp-text.js';

// What was sent to Talon.One, and what became of it. The state `sent` is committed before a request leaves, so that a
// crash at any moment leaves a row that says so. One process at a time works on an import: like a cursor, its row is
// also its lease, and every write checks the fence.

/** Which file goes where. */
export interface ImportIdentity {
  readonly deployment: string;
  readonly kind: string;
  readonly target: string;
  readonly fileName: string;
  readonly fileHash: string;
  readonly fileBytes: number;
  readonly units: number;
}

export interface PlannedPart {
  readonly part: number;
  readonly firstLine: number;
  readonly lastLine: number;
  readonly units: number;
  readonly contentHash: string;
}

/** The right to work on one import, as long as nobody has raised the fence. */
export interface ImportLease {
  readonly importId: string;
  readonly fence: string;
  readonly leaseMs: number;
}

/** An import that has sent something of what is wanted now. */
export interface EarlierImport {
  readonly importId: string;
  readonly fileName: string;
  readonly startedAt: string;
  readonly finished: boolean;
  /** It was the same file, byte for byte. */
  readonly isSameFile: boolean;
  /** Rows of its longest part. */
  readonly partUnits: number;
}

/** Serialises those who begin an import into the same target, until the end of the transaction. */
export async function lockTarget(client: Client, identity: ImportIdentity): Promise<void> {
  const { deployment, kind, target } = identity;
  await client.query(`select pg_advisory_xact_lock(hashtext('talon_one_import'), hashtext($1))`, [
    JSON.stringify([deployment, kind, target]),
  ]);
}

/**
 * The newest unfinished import of the same file in the same parts, if there is one.
 * @param onlyNewest only if nothing else was imported into the same target since
 */
export async function findUnfinished(
  client: Client,
  identity: ImportIdentity,
  parts: readonly PlannedPart[],
  onlyNewest: boolean,
): Promise<string | undefined> {
  const { rows } = await client.query<{ import_id: string }>(
    `select import_id from talon_one_import i
     where deployment = $1 and kind = $2 and target = $3 and file_hash = $4 and finished_at is null
       and superseded_by is null
       and (select string_agg(content_hash, ',' order by part) from talon_one_import_part p
            where p.import_id = i.import_id) = $5
       and (not $6 or not exists (select from talon_one_import later where later.deployment = $1
            and later.kind = $2 and later.target = $3 and later.import_id > i.import_id))
     order by import_id desc limit 1`,
    [
      identity.deployment,
      identity.kind,
      identity.target,
      identity.fileHash,
      parts.map((part) => part.contentHash).join(','),
      onlyNewest,
    ],
  );
  return rows[0]?.import_id;
}

/**
 * The newest import into the same target that has sent one of these parts, or any part of the same file: cut or mapped
 * otherwise, its parts have other hashes, and still the same rows.
 */
export async function findSentBefore(
  client: Client,
  identity: ImportIdentity,
  parts: readonly PlannedPart[],
): Promise<EarlierImport | undefined> {
  const { rows } = await client.query<{
    import_id: string;
    file_name: string;
    started: string;
    finished: boolean;
    is_same_file: boolean;
    part_units: number;
  }>(
    `select import_id, file_name, ${rfc3339('started_at')} as started, finished_at is not null as finished,
       file_hash = $5 as is_same_file,
       (select max(p.units) from talon_one_import_part p where p.import_id = i.import_id) as part_units
     from talon_one_import i
     where deployment = $1 and kind = $2 and target = $3 and exists (
       select from talon_one_import_part p
       where p.import_id = i.import_id and p.state <> 'planned'
         and (i.file_hash = $5 or p.content_hash = any($4::text[])))
     order by import_id desc limit 1`,
    [
      identity.deployment,
      identity.kind,
      identity.target,
      parts.map((part) => part.contentHash),
      identity.fileHash,
    ],
  );
  const [row] = rows;
  if (!row) return undefined;
  return {
    importId: row.import_id,
    fileName: row.file_name,
    startedAt: row.started,
    finished: row.finished,
    isSameFile: row.is_same_file,
    partUnits: row.part_units,
  };
}

/** An import of which nobody knows what some of its parts have brought about. */
export interface UnsettledImport {
  readonly importId: string;
  readonly fileName: string;
  readonly startedAt: string;
  readonly unsettledParts: number;
}

/** The oldest import into the same target, but for `exceptId`, with a part that was sent and is not settled. */
export async function findUnsettled(
  client: Client,
  { deployment, kind, target }: Pick<ImportIdentity, 'deployment' | 'kind' | 'target'>,
  exceptId: string | undefined,
): Promise<UnsettledImport | undefined> {
  const { rows } = await client.query<{
    import_id: string;
    file_name: string;
    started: string;
    parts: number;
  }>(
    `select import_id, file_name, ${rfc3339('started_at')} as started, unsettled.parts
     from talon_one_import i cross join lateral (
       select count(*)::integer as parts from talon_one_import_part p
       where p.import_id = i.import_id and p.state in ('sent', 'uncertain', 'refused')) unsettled
     where deployment = $1 and kind = $2 and target = $3 and finished_at is null and unsettled.parts > 0
       and ($4::bigint is null or import_id <> $4)
     order by import_id limit 1`,
    [deployment, kind, target, exceptId ?? null],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { import_id: importId, file_name: fileName, started: startedAt, parts: unsettledParts } = row;
  return { importId, fileName, startedAt, unsettledParts };
}

/** Writes a new import with all its parts planned; returns its number. */
export async function insertImport(
  client: Client,
  identity: ImportIdentity,
  parts: readonly PlannedPart[],
): Promise<string> {
  const { rows } = await client.query<{ import_id: string }>(
    `insert into talon_one_import (deployment, kind, target, file_name, file_hash, file_bytes, units, parts)
     values ($1, $2, $3, $4, $5, $6, $7, $8) returning import_id`,
    [
      identity.deployment,
      identity.kind,
      identity.target,
      identity.fileName,
      identity.fileHash,
      identity.fileBytes,
      identity.units,
      parts.length,
    ],
  );
  const importId = rows[0]?.import_id ?? '';
  await client.query(
    `insert into talon_one_import_part (import_id, part, first_line, last_line, units, content_hash)
     select $1, part, "firstLine", "lastLine", units, "contentHash"
     from json_to_recordset($2)
       as p(part integer, "firstLine" bigint, "lastLine" bigint, units integer, "contentHash" text)`,
    [importId, JSON.stringify(parts)],
  );
  return importId;
}

/** Imports of the same file into the same target that were not finished are not gone on with any more. */
export async function supersedeEarlier(
  client: Client,
  { deployment, kind, target, fileHash }: ImportIdentity,
  importId: string,
): Promise<void> {
  await client.query(
    `update talon_one_import set superseded_by = $5
     where deployment = $1 and kind = $2 and target = $3 and file_hash = $4 and import_id < $5
       and finished_at is null and superseded_by is null`,
    [deployment, kind, target, fileHash, importId],
  );
}

/** Takes an import, or says how many milliseconds another process may still hold it. */
export async function takeImport(
  client: Client,
  importId: string,
  owner: string,
  leaseMs: number,
): Promise<ImportLease | { readonly busyMs: number }> {
  const { rows } = await client.query<{ fence: string }>(
    `update talon_one_import set fence = fence + 1, lease_owner = $2,
       lease_expires_at = clock_timestamp() + $3 * interval '1 ms'
     where import_id = $1 and coalesce(lease_expires_at, '-infinity') < clock_timestamp() returning fence`,
    [importId, owner, leaseMs],
  );
  const [taken] = rows;
  if (taken) return { importId, fence: taken.fence, leaseMs };
  const held = await client.query<{ ms: string }>(
    `select ceil(extract(epoch from lease_expires_at - clock_timestamp()) * 1000)::text as ms
     from talon_one_import where import_id = $1`,
    [importId],
  );
  return { busyMs: Math.max(1, Number(held.rows[0]?.ms ?? 1)) };
}

/**
 * Locks the import and renews its lease.
 * @throws UserError when another process has taken it over
 */
export async function renewImport(client: Client, lease: ImportLease): Promise<void> {
  const { rowCount } = await client.query(
    `update talon_one_import set lease_expires_at = clock_timestamp() + $3 * interval '1 ms'
     where import_id = $1 and fence = $2`,
    [lease.importId, lease.fence, lease.leaseMs],
  );
  if (rowCount === 0) throw new UserError('Another process has taken this import over: this one stops.');
}

/** Gives the import back, if it is still ours. */
export async function releaseImport(client: Client, lease: ImportLease): Promise<void> {
  await client.query(
    'update talon_one_import set lease_expires_at = null where import_id = $1 and fence = $2',
    [lease.importId, lease.fence],
  );
}
