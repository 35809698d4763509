import { formatInstant, type Instant, laterOf, parseInstant } from '../../instant.js';
import { oneAhead } from '../../talon-one/event-pages.js';
import type { RecordListPage } from '../../talon-one/record-list.js';
import { TransactionList, transactionPages } from '../../talon-one/transaction-list.js';
import { advanceJob, type JobState } from '../../warehouse/job.js';
import { readProgram } from '../../warehouse/loyalty-program.js';
import { writeTransactionPage } from '../../warehouse/loyalty-transaction-writer.js';
import { noteQuarantined } from '../cycle-context.js';
import type { JobContext, JobKind, JobResult } from '../job.js';
import { Progress, Reach, startOfWindow } from '../reading.js';
import { changedByEvents, type EventRange, eventRange } from './changed-by-events.js';
import { jobsOf, type LoyaltyParts, MISSING_PROGRAM } from './loyalty-parts.js';
import { WaitingRereads } from './waiting-rereads.js';

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
  /** What is remembered of each program's server. Losing it loses nothing. */
  private readonly readers = new Map<string, { list: TransactionList; rereads: WaitingRereads }>();

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
    const events = await eventRange(warehouse, context, config.sync.lookback);
    const reached = await this.readFrom(lastSync, tally, context);
    await this.readAgain(events, tally, context);
    const figures = { ...tally, lastSync: formatInstant(reached) };
    return { next: { inMs: config.sync.intervalMs }, figures };
  }

  /** Reads to the newest transaction, storing page by page; returns how far it came. */
  private async readFrom(lastSync: Instant, tally: TransactionTally, context: JobContext): Promise<Instant> {
    const { lookback } = this.parts.config.sync;
    const from = startOfWindow({ lastSync }, lookback);
    const reach = new Reach(lookback);
    const progress = new Progress(context.log);
    let reached = lastSync;
    const { list } = this.readerOf(context.subject);
    for await (const read of oneAhead(transactionPages(list, from, context.requests))) {
      context.signal.throwIfAborted();
      reached = laterOf(reached, reach.of(read) ?? reached);
      const readTo = reach.closeAt ?? read.readUntil ?? reached;
      const complete = read.isCaughtUp ? readTo - lookback : undefined;
      await this.store(read.page, { reached, complete }, tally, context);
      if (!read.isCaughtUp) progress.note(reached, read.page.serverTime, { ...tally });
    }
    return reached;
  }

  private async store(
    page: RecordListPage,
    { reached, complete }: { reached: Instant; complete: Instant | undefined },
    tally: TransactionTally,
    context: JobContext,
  ): Promise<void> {
    const completeThrough = complete === undefined ? undefined : formatInstant(complete);
    await this.write(page, { lastSync: formatInstant(reached) }, completeThrough, tally, context);
  }

  private async write(
    page: RecordListPage,
    state: JobState,
    completeThrough: string | undefined,
    tally: TransactionTally,
    context: JobContext,
  ): Promise<void> {
    const { lease, subject: programId } = context;
    const write = { lease, programId, page, state, completeThrough };
    const counts = await writeTransactionPage(this.parts.warehouse, write);
    if (page.source !== '') tally.pages += 1;
    tally.transactionsNew += counts.inserted;
    tally.transactionsChanged += counts.changed;
    tally.transactionsRepeated += page.data.length - counts.inserted - counts.changed - counts.quarantined;
    noteQuarantined(context, counts, page.source);
  }

  /** Reads older transactions again that may have changed. */
  private async readAgain(events: EventRange, tally: TransactionTally, context: JobContext): Promise<void> {
    const { warehouse } = this.parts;
    const { rereads } = this.readerOf(context.subject);
    for await (const { uuids, marks } of changedByEvents(warehouse, context.subject, events)) {
      await this.readByUuid(uuids, tally, context);
      await warehouse.transaction((client) => advanceJob(client, context.lease, { eventMarks: marks }));
    }
    await this.readByUuid(await rereads.due(context), tally, context);
    rereads.settle();
  }

  private async readByUuid(
    uuids: readonly string[],
    tally: TransactionTally,
    context: JobContext,
  ): Promise<void> {
    const { list } = this.readerOf(context.subject);
    for await (const page of list.byUuids(uuids, context.requests)) {
      await this.write(page, {}, undefined, tally, context);
    }
  }

  private readerOf(programId: string): { list: TransactionList; rereads: WaitingRereads } {
    const known = this.readers.get(programId);
    if (known) return known;
    const { client, config, warehouse } = this.parts;
    const list = new TransactionList(client, programId, config.talonOne.pageSize);
    const created = { list, rereads: new WaitingRereads(warehouse, list) };
    this.readers.set(programId, created);
    return created;
  }
}

function momentOf(value: unknown): Instant | undefined {
  return typeof value === 'string' ? parseInstant(value) : undefined;
}
