import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';

const BLOCK_ROWS = 1_000;
const HEADER =
  'id,firstsession,integrationid,applicationid,profileid,profileintegrationid,created,state,cartitems,discounts,total,attributes,closedat,cancelledat,referral,identifiers,additional_costs,updated,store_integration_id,coupons\n';

/** A server whose export of sessions has as many bytes as it is told, made while it is sent. */
export class CsvServer {
  /** Of the next answers, about. */
  bytes = 0;
  /** Rows of the last answer. */
  rows = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<CsvServer> {
    const server = createServer((_, response) => void self.send(response));
    const self = new CsvServer(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return self;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async send(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'Content-Type': 'application/csv' });
    response.write(HEADER);
    this.rows = 0;
    for (let sent = 0; sent < this.bytes && !response.destroyed; ) {
      const block = this.block();
      sent += block.length;
      if (!response.write(block)) await new Promise<void>((resolve) => response.once('drain', resolve));
    }
    response.end();
    await finished(response).catch(() => {});
  }

  private block(): Buffer {
    const rows = Array.from({ length: BLOCK_ROWS }, (_, index) => rowOf(this.rows + index));
    this.rows += BLOCK_ROWS;
    return Buffer.from(rows.join(''));
  }
}

function rowOf(id: number): string {
  const item = `{""name"":""Rain coat"",""sku"":""SKU${id}"",""quantity"":2,""price"":89.98,""attributes"":{""note"":""a, b\nc""}}`;
  return `${id},false,"ses-${id}",1,${id % 977},"cust-${id % 977}",2026-10-23T07:30:01Z,closed,"[${item},${item}]","{""20% discount"":3.07}",307.46,"{""updateCount"":3}",0001-01-01T00:00:00Z,0001-01-01T00:00:00Z,,"null","{}",2026-10-23T13:40:32Z,"STORE-005","[""COUP-${id}""]"\n`;
}
