import type { ApiRequest, Endpoint } from './endpoint.js';
import { type ImportScene, SIMULATED_IMPORTS, type SimulatedImport } from './import-kinds.js';
import { badLine, readUpload, type Upload } from './import-upload.js';
import { ACCOUNT_ID } from './profile-text.js';
import { readQuery } from './query.js';
import { Refusal, withStatus } from './refusal.js';
import { json, type Reply } from './reply.js';
import { formatMicros } from './timestamp.js';

// The CSV imports of the Management API: every one of them in the same way, the differences are in import-kinds.ts.

const USER_ID = 388;

function importEndpoint(what: SimulatedImport): Endpoint {
  return {
    method: 'POST',
    template: what.template,
    answer: (request) => {
      const query = readQuery(request.search, what.query ?? {});
      const upload = readUpload(request);
      checkColumns(what, upload);
      const scene: ImportScene = { request, query, importId: request.world.imports.nextId() };
      take(what, upload, scene);
      const { importTimeLimitRows } = request.world.switchBoard.get();
      if (importTimeLimitRows > 0 && upload.rows.length > importTimeLimitRows)
        throw withStatus(504, 'The import takes too long');
      return answer(what, upload, scene);
    },
  };
}

function checkColumns(what: SimulatedImport, { columns, rows }: Upload): void {
  const unknown = columns.find((column) => !what.columns.includes(column));
  if (unknown !== undefined) throw badLine('1', `unknown column "${unknown}"`);
  const missing = what.required.find((column) => !columns.includes(column));
  if (missing !== undefined) throw badLine('1', `the column "${missing}" is missing`);
  if (what.maxRows !== undefined && rows.length > what.maxRows) throw badLine('N/A', 'too many rows');
}

/** Whether a file with a bad row leaves the rows before it behind is not documented. */
function take(what: SimulatedImport, upload: Upload, scene: ImportScene): void {
  const { imports, switchBoard } = scene.request.world;
  const isWhole = switchBoard.get().importAtomicity === 'whole';
  if (isWhole) for (const row of upload.rows) checkRow(what, row, scene);
  const taken: Upload['rows'] = [];
  const store = () => {
    const { url, search } = scene.request;
    const { fileName, text } = upload;
    const query = Object.fromEntries(search);
    imports.imports.push({ id: scene.importId, path: url, query, fileName, text, rows: taken });
    if (what.replaces) imports.lists.set(url, taken);
  };
  try {
    for (const row of upload.rows) {
      if (!isWhole) checkRow(what, row, scene);
      what.apply?.(row, scene);
      taken.push(row);
    }
  } finally {
    if (taken.length > 0) store();
  }
}

function checkRow(what: SimulatedImport, row: Upload['rows'][number], scene: ImportScene): void {
  const missing = what.required.find((column) => row.cells[column] === undefined);
  if (missing !== undefined) throw badLine(String(row.line), `${missing} is empty`);
  what.check?.(row, scene);
}

function answer(what: SimulatedImport, upload: Upload, { request, importId }: ImportScene): Reply {
  const created = formatMicros(request.world.now());
  const reply = json(
    `{"id":${importId},"created":"${created}","accountId":${ACCOUNT_ID},"userId":${USER_ID},"entity":"${what.entity}","amount":${upload.rows.length}}`,
  );
  return { ...reply, status: what.status ?? 200 };
}

/** Runs `work` once for each key: a repeated request gets the kept answer, whatever the first one was. */
export function onceForKey(request: ApiRequest, work: () => Reply): Reply {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string') return work();
  if (key.length > 255) throw withStatus(400, 'The idempotency key is too long');
  const { imports, switchBoard } = request.world;
  const kept = imports.keptAnswer(key);
  const asked = `${request.url} ${request.body}`;
  if (kept !== undefined) {
    imports.repeated += 1;
    if (kept.request !== asked) throw withStatus(400, 'The idempotency key was used for another request');
    return kept.reply;
  }
  try {
    const reply = work();
    imports.keepAnswer(key, asked, reply);
    return reply;
  } catch (error) {
    if (error instanceof Refusal && switchBoard.get().idempotencyKeeps === 'all')
      imports.keepAnswer(key, asked, {
        status: error.status,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(error.body),
      });
    throw error;
  }
}

export const importEndpoints: readonly Endpoint[] = SIMULATED_IMPORTS.map(importEndpoint);
