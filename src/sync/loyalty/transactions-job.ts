import { formatInstant, type Instant, laterOf, parseInstant } from '../../instant.js';
import { oneAhead } from '../../talon-one/event-pages.js';
import type { ReadPage } from '../../talon-one/record-list.js';
import { TransactionList, transactionPages } from '../../talon-one/transaction-list.js';
import { readProgram } from '../../warehouse/loyalty-program.js';
import {
  type TransactionPageWrite,
  writeTransactionPage,
} from '../../warehouse/loyalty-transaction-writer.js';
import { noteQuarantined } from '../cycle-context.js';
import type { JobContext, JobKind, JobResult } from '../job.js';
import { Progress, reachedBy, startOfWindow } from '../reading.js';
import { jobsOf, type LoyaltyParts, MISSING_PROGRAM } from './loyalty-parts.js';

/** Before Talon.One existed: where to begin when the key may not ask when a program was created. */
const BEGINNING: Instant = parseInstant('2015-01-01T00:00:00Z') ?? 0n;

/** What one run has stored so far. */
interface TransactionTally {
  pages: number;
  transactionsNew: number;
  transactionsRepeated: number;
  transactionsChanged: number;
}

/** Keeps the ledger of each loyalty program complete, with a cursor of its own in the state of the job. */
export class TransactionsJob implements JobKind {
  readonly name = 'loyalty-transactions';
  readonly jobs: readonly string[];
  readonly inOnce = 'always';
  /** How each program's server behaves. Losing it loses nothing. */
  private readonly lists = new Map<string, TransactionList>();

  constructor(private readonly parts: LoyaltyParts) {
    this.jobs = jobsOf(this.name, parts);
  }

  async run(context: JobContext): Promise<JobResult> {
    const { warehouse, config } = this.parts;
    const program = await readProgram(warehouse, context.subject);
    if (program.isMissing) return MISSING_PROGRAM;
    const lastSync = momentOf(context.state.lastSync) ?? program.created ?? BEGINNING;
    const tally: TransactionTally = {
      pages: 0,
      transactionsNew: 0,
      transactionsRepeated: 0,
      transactionsChanged: 0,
    };
    const reached = await this.readFrom(lastSync, tally, context);
    const figures = { ...tally, lastSync: formatInstant(reached) };
    return { next: { inMs: config.sync.intervalMs }, figures };
  }

  /** Reads to the newest transaction, storing page by page; returns how far it came. */
  private async readFrom(lastSync: Instant, tally: TransactionTally, context: JobContext): Promise<Instant> {
    const from = startOfWindow({ lastSync }, this.parts.config.sync.lookback);
    const progress = new Progress(context.log);
    let reached = lastSync;
    for await (const read of oneAhead(
      transactionPages(this.listOf(context.subject), from, context.requests),
    )) {
      context.signal.throwIfAborted();
      reached = laterOf(reached, reachedBy(read) ?? reached);
      await this.store(read, reached, tally, context);
      if (!read.isCaughtUp) progress.note(reached, read.page.serverTime, { ...tally });
    }
    return reached;
  }

  private async store(
    { page, readUntil, isCaughtUp }: ReadPage,
    reached: Instant,
    tally: TransactionTally,
    context: JobContext,
  ): Promise<void> {
    const complete = isCaughtUp ? (readUntil ?? reached) - this.parts.config.sync.lookback : undefined;
    const write: TransactionPageWrite = {
      lease: context.lease,
      programId: context.subject,
      page,
      state: { lastSync: formatInstant(reached) },
      completeThrough: complete === undefined ? undefined : formatInstant(complete),
    };
    const counts = await writeTransactionPage(this.parts.warehouse, write);
    if (page.source !== '') tally.pages += 1;
    tally.transactionsNew += counts.inserted;
    tally.transactionsChanged += counts.changed;
    tally.transactionsRepeated += page.data.length - counts.inserted - counts.changed - counts.quarantined;
    noteQuarantined(context, counts, page.source);
  }

  private listOf(programId: string): TransactionList {
    const known = this.lists.get(programId);
    if (known) return known;
    const { client, config } = this.parts;
    const created = new TransactionList(client, programId, config.talonOne.pageSize);
    this.lists.set(programId, created);
    return created;
  }
}

function momentOf(value: unknown): Instant | undefined {
  return typeof value === 'string' ? parseInstant(value) : undefined;
}
