import { entities } from '../../src/sync/reference/entities.js';
import { ApiError } from '../../src/talon-one/api-error.js';
import type { ListAddress } from '../../src/talon-one/list-reading.js';
import { ManagementClient } from '../../src/talon-one/management.js';
import type { HistoryTable } from '../../src/warehouse/history-table.js';
import type { RecordKind } from '../../src/warehouse/quarantine.js';
import { quickRetry } from './management-client.js';
import { moment } from './warehouse.js';

// A list of the API as a test wants it: pages, envelopes, and everything that can go wrong between two of them.

export interface ServedPage {
  /** JSON texts. */
  readonly records: readonly string[];
  /** Members of the envelope beside `data`, as JSON text beginning with a comma. */
  readonly envelope: string;
}

export class ServedList {
  /** The records, in the order of the list. */
  records: readonly string[] = [];
  /** The server's clock. */
  now = '2026-03-01T00:00:00Z';
  /** How a page is served; default: with a true total. */
  serve: (skip: number, pageSize: number, request: number) => ServedPage | Error = (skip, pageSize) => ({
    records: this.records.slice(skip, skip + pageSize),
    envelope: `,"totalResultSize":${this.records.length}`,
  });
  /** Requests so far. */
  requests = 0;
  readonly address: ListAddress;

  constructor(pageSize: number) {
    this.address = { path: '/v1/things', parameters: {}, pageSize };
  }

  readonly client = new ManagementClient(
    async ({ query = {} }) => {
      this.requests += 1;
      const served = this.serve(Number(query.skip), Number(query.pageSize), this.requests);
      if (served instanceof Error) throw served;
      const text = `{"data":[${served.records.join(',')}]${served.envelope}}`;
      return { status: 200, text, serverTime: moment(this.now) };
    },
    { ...quickRetry, retries: 0 },
  );
}

/** A failure that no repetition mends. */
export function refusal(status: number): ApiError {
  return new ApiError(`answered with ${status}`, { failure: 'status', endpoint: 'GET /v1/things', status });
}

export function tableOf(kind: RecordKind): HistoryTable {
  const entity = entities.find((one) => one.kind === kind);
  if (!entity) throw new Error(`no entry for ${kind}`);
  return entity.table;
}
