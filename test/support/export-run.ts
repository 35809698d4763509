import { EXPORTS } from '../../src/export/entries.js';
import type { ExportContext } from '../../src/export/export-entry.js';
import type { OptionValues } from '../../src/export/options.js';
import { Output } from '../../src/export/output.js';
import type { Sink } from '../../src/export/sink.js';
import { createLogger } from '../../src/logger.js';
import { createStreamSender } from '../../src/talon-one/http.js';
import { ManagementClient } from '../../src/talon-one/management.js';
import { unlimitedBudget } from '../../src/talon-one/request-budget.js';
import { clientFor, quickRetry } from './management-client.js';

/** Keeps what is written; one character stands for one byte, so that positions fit. */
class MemorySink implements Sink {
  private bytes = '';

  constructor(private readonly canRewind: boolean) {}

  get position(): number {
    return this.bytes.length;
  }
  get text(): string {
    return Buffer.from(this.bytes, 'latin1').toString('utf8');
  }
  async write(bytes: Buffer): Promise<void> {
    this.bytes += bytes.toString('latin1');
  }
  async rewind(position: number): Promise<boolean> {
    if (!this.canRewind) return position === this.position;
    this.bytes = this.bytes.slice(0, position);
    return true;
  }
  async finish(): Promise<void> {}
  async discard(): Promise<void> {}
}

/**
 * Runs an export within this process and returns what it wrote, and how many rows it counted. Standard output is what
 * cannot be taken back.
 */
export async function runExportHere(
  name: string,
  values: OptionValues,
  parts: Partial<ExportContext>,
  { canRewind = true } = {},
): Promise<{ text: string; rows: number }> {
  const sink = new MemorySink(canRewind);
  const output = new Output(sink, () => {});
  const unasked = () => Promise.reject(new Error('not to be asked'));
  const context: ExportContext = {
    open: unasked,
    client: new ManagementClient(unasked, quickRetry),
    retry: quickRetry,
    warehouse: undefined,
    output,
    now: BigInt(Date.now()) * 1000n,
    pageSize: 1000,
    log: createLogger({ level: 'silent', pretty: false, secrets: [] }),
    signal: new AbortController().signal,
    ...parts,
  };
  const entry = EXPORTS.find((one) => one.name === name);
  if (!entry) throw new Error(`there is no export ${name}`);
  await entry.prepare(values).run(context);
  return { text: sink.text, rows: output.rows };
}

/** The ways to a server, as the command has them. */
export function exportClients(server: {
  url: string;
  apiKey: string;
}): Pick<ExportContext, 'open' | 'client'> {
  const open = createStreamSender({
    baseUrl: server.url,
    apiKey: server.apiKey,
    timeoutMs: 10_000,
    userAgent: 'talon-one-sync/test',
    budget: unlimitedBudget,
  });
  return { open, client: clientFor(server) };
}
