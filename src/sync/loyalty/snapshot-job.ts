import { hasStatus } from '../../talon-one/api-error.js';
import type { CsvRow } from '../../talon-one/csv-exports.js';
import type { NextRun } from '../../warehouse/job.js';
import { readProgram } from '../../warehouse/loyalty-program.js';
import {
  beginSnapshot,
  comingDays,
  finishSnapshot,
  type LoyaltySnapshot,
  type ProgramDay,
  writeSnapshotPage,
} from '../../warehouse/loyalty-snapshot.js';
import { noteQuarantined } from '../cycle-context.js';
import type { JobContext, JobKind, JobResult } from '../job.js';
import { jobsOf, type LoyaltyParts, MISSING_PROGRAM } from './loyalty-parts.js';
import type { SnapshotEntry, SnapshotExport } from './snapshot-exports.js';

/** Reads one kind of export of each loyalty program once a day. */
export class SnapshotJob implements JobKind {
  readonly name: string;
  readonly jobs: readonly string[];
  readonly inOnce = 'if-due';
  /** Talon.One computes balances at each request, which is expensive (docs/api-facts.md, Loyalty). */
  readonly backoff = { firstMs: 60_000, longestMs: 3_600_000 };

  constructor(
    private readonly entry: SnapshotEntry,
    private readonly parts: LoyaltyParts,
  ) {
    this.name = `loyalty-${entry.kind}`;
    this.jobs = jobsOf(this.name, parts);
  }

  async run(context: JobContext): Promise<JobResult> {
    const { warehouse, config } = this.parts;
    const program = await readProgram(warehouse, context.subject);
    if (program.isMissing) return MISSING_PROGRAM;
    const { lease, subject, signal } = context;
    const snapshot = await beginSnapshot(warehouse, lease, subject, this.entry.kind, signal);
    const { projectionDays } = config.loyalty;
    const days =
      this.entry.kind === 'projection'
        ? await comingDays(warehouse, context.subject, projectionDays)
        : [undefined];
    let rows = 0;
    for (const day of days) {
      rows += await this.readEither(program.isCardBased, snapshot, day, context);
    }
    await finishSnapshot(warehouse, snapshot, rows);
    return { next: nextDay(this.parts), figures: { rows } };
  }

  // Whether points are on profiles or on cards is not known when the key may not read the program: the export of the
  // other kind is answered with 400.
  private async readEither(
    isCardBased: boolean | undefined,
    snapshot: LoyaltySnapshot,
    day: ProgramDay | undefined,
    context: JobContext,
  ): Promise<number> {
    const { profile, card } = this.entry;
    if (isCardBased !== undefined)
      return this.read(isCardBased && card ? card : profile, snapshot, day, context);
    try {
      return await this.read(profile, snapshot, day, context);
    } catch (error) {
      if (!hasStatus(error, 400)) throw error;
      return card === undefined ? 0 : this.read(card, snapshot, day, context);
    }
  }

  /** Stores the rows of one file as they arrive; returns how many. */
  private async read(
    { template, required }: SnapshotExport,
    snapshot: LoyaltySnapshot,
    day: ProgramDay | undefined,
    context: JobContext,
  ): Promise<number> {
    const { exports, warehouse } = this.parts;
    const parameters = { loyaltyProgramId: context.subject };
    const query = { endDate: day?.balanceAt };
    let stored = 0;
    for await (const rows of exports.pages({ template, parameters, query, required }, context.requests)) {
      context.signal.throwIfAborted();
      const source = `GET ${template.replace('{loyaltyProgramId}', context.subject)}`;
      const counts = await writeSnapshotPage(warehouse, snapshot, toPage(rows, source), day);
      stored += counts.inserted;
      noteQuarantined(context, counts, source);
    }
    return stored;
  }
}

/** When the exports of a program are due again. */
export function nextDay({ config }: Pick<LoyaltyParts, 'config'>): NextRun {
  return { atHourUtc: config.loyalty.balancesHour };
}

function toPage(rows: readonly CsvRow[], source: string) {
  const text = `{"data":[${rows.map((row) => JSON.stringify(row)).join(',')}]}`;
  return { text, source, problems: new Map<number, string>(), mayChange: false };
}
