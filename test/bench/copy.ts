import type { Client } from '../../src/warehouse/pool.js';
import { EFFECT_COLUMNS, EVENT_COLUMNS, type EventRows, OWED_AGAIN, type Row } from './parsed-page.js';

/** Rows in the text format of COPY. */
export interface CopyText {
  readonly events: Buffer;
  readonly effects: Buffer;
  /** JSON: COPY knows no conflicts. */
  readonly owed: string;
}

export function copyTextOf(rows: readonly EventRows[], owed: readonly Row[]): CopyText {
  return {
    events: linesOf(rows.map((row) => row.event)),
    effects: linesOf(rows.flatMap((row) => row.effects)),
    owed: JSON.stringify(owed),
  };
}

/** COPY into the tables themselves. An event that is there already fails the whole page. */
export async function copyStraight(client: Client, applicationId: string, text: CopyText): Promise<void> {
  await copyIn(client, `copy talon_one_event (${EVENT_COLUMNS}) from stdin`, text.events);
  await copyIn(client, `copy talon_one_effect (${EFFECT_COLUMNS}) from stdin`, text.effects);
  await client.query(INSERT_OWED, [applicationId, text.owed]);
}

/** COPY into temporary tables and from there, so that events that are there already are passed over. */
export async function copyByTemporary(client: Client, applicationId: string, text: CopyText): Promise<void> {
  await client.query(
    `create temporary table new_event on commit drop as select ${EVENT_COLUMNS} from talon_one_event with no data;
     create temporary table new_effect on commit drop as select ${EFFECT_COLUMNS} from talon_one_effect with no data`,
  );
  await copyIn(client, `copy new_event (${EVENT_COLUMNS}) from stdin`, text.events);
  await copyIn(client, `copy new_effect (${EFFECT_COLUMNS}) from stdin`, text.effects);
  await client.query(
    `insert into talon_one_event (${EVENT_COLUMNS}) select * from new_event on conflict do nothing;
     insert into talon_one_effect (${EFFECT_COLUMNS}) select * from new_effect on conflict do nothing`,
  );
  await client.query(INSERT_OWED, [applicationId, text.owed]);
}

const INSERT_OWED = `insert into talon_one_owed_snapshot as o (application_id, kind, id, event_id, first_created)
  select $1, one ->> 0, (one -> 1)::bigint, (one -> 2)::bigint, (one ->> 3)::timestamptz
  from jsonb_array_elements($2) as owed (one) ${OWED_AGAIN}`;

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function linesOf(rows: readonly Row[]): Buffer {
  const cell = (value: string | number | null) =>
    value === null ? '\\N' : String(value).replace(/[\\\n\r\t]/g, (sign) => ESCAPES[sign] ?? sign);
  return Buffer.from(rows.map((row) => `${row.map(cell).join('\t')}\n`).join(''));
}

/** What pg calls of a query that it carries out (its own are in pg/lib/query.js). */
interface Connection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

const CHUNK = 64 * 1024;

/** Sends `data` through one COPY … FROM STDIN: pg knows the messages, but has no method for it. */
function copyIn(client: Client, statement: string, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const ignore = () => {};
    const query = {
      submit: (connection: Connection) => connection.query(statement),
      handleCopyInResponse: (connection: Connection) => {
        for (let at = 0; at < data.length; at += CHUNK)
          connection.sendCopyFromChunk(data.subarray(at, at + CHUNK));
        connection.endCopyFrom();
      },
      handleError: reject,
      handleReadyForQuery: () => resolve(),
      handleCommandComplete: ignore,
    };
    client.query(query as never);
  });
}
