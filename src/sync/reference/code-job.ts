import {
  earlierOf,
  floorToSecond,
  formatInstant,
  type Instant,
  laterOf,
  parseInstant,
  SECOND,
} from '../../instant.js';
import { ApiError, isTooMuch } from '../../talon-one/api-error.js';
import { type CodeExport, exportedCodes } from '../../talon-one/code-export.js';
import type { CsvExports } from '../../talon-one/csv-exports.js';
import { type CodeKind, writeCodes } from '../../warehouse/code-writer.js';
import { advanceJob, ensureJobs } from '../../warehouse/job.js';
import { databaseTime } from '../../warehouse/owed.js';
import { noteQuarantined } from '../cycle-context.js';
import type { JobContext, JobKind, JobResult } from '../job.js';
import { Progress } from '../reading.js';
import { applicationsOf, type ReferenceOptions, SOON_MS } from './options.js';

// Coupons and referrals, by the time of their creation: an export of what was created since the last one, stored as it
// arrives. The cursor is the newest `created` that was exported, so no clock but the server's decides. An export that
// the server cannot deliver in one go is halved; the parts that follow grow again.

export interface CodeOptions extends ReferenceOptions {
  readonly exports: CsvExports;
  /** How late a code may become visible. */
  readonly lookback: Instant;
}

export const codePaths: Readonly<Record<CodeKind, string>> = {
  coupon: '/v1/applications/{applicationId}/export_coupons',
  referral: '/v1/applications/{applicationId}/export_referrals',
};

/** Before Talon.One existed. */
const BEGINNING: Instant = parseInstant('2015-01-01T00:00:00Z') ?? 0n;
/** Parts overlap: bounds may be compared in whole seconds, and whether they are inclusive is not documented. */
const MARGIN = 2n * SECOND;
/** A part is not made shorter than this. */
const SHORTEST = 4n * MARGIN;
/** A server that never answers must not be asked for ever shorter parts: eleven years come down to minutes. */
const MOST_CUTS = 20;

/** A failed export has cost the server much. */
const BACKOFF = { firstMs: 30_000, longestMs: 1_800_000 };

/** `coupons` makes a job for each Application, `coupons:42` copies those of one. */
export function codeJob(kind: CodeKind, options: CodeOptions): JobKind {
  const name = `${kind}s`;
  const own = options.wanted === 'all' ? [`${name}:%`] : options.wanted.map((id) => `${name}:${id}`);
  const run = async (context: JobContext): Promise<JobResult> => {
    if (context.subject === '') return makeJobs(name, options, context);
    return new CodeRun(kind, options, context).run();
  };
  return { name, jobs: [name, ...own], inOnce: 'if-due', isAlone: true, backoff: BACKOFF, run };
}

async function makeJobs(name: string, options: CodeOptions, { lease }: JobContext): Promise<JobResult> {
  const applicationIds = await applicationsOf(options);
  await options.warehouse.transaction(async (client) => {
    await advanceJob(client, lease);
    await ensureJobs(
      client,
      applicationIds.map((id) => `${name}:${id}`),
    );
  });
  const inMs = applicationIds.length === 0 ? SOON_MS : options.intervalMs;
  return { next: { inMs }, figures: { applications: applicationIds.length } };
}

/** One run for one Application. */
class CodeRun {
  private readonly figures = { rows: 0, changed: 0, parts: 0 };
  private readonly progress: Progress;
  private createdThrough: Instant;
  /** Halvings since a part was stored. */
  private cuts = 0;

  constructor(
    private readonly kind: CodeKind,
    private readonly options: CodeOptions,
    private readonly context: JobContext,
  ) {
    this.progress = new Progress(context.log);
    this.createdThrough = parseInstant(String(context.state.createdThrough)) ?? BEGINNING;
  }

  async run(): Promise<JobResult> {
    const { lookback, intervalMs } = this.options;
    let from = floorToSecond(this.createdThrough - laterOf(lookback, MARGIN));
    let width: Instant | undefined;
    for (;;) {
      this.context.signal.throwIfAborted();
      const now = await this.now();
      const before = width === undefined || from + width >= now ? undefined : floorToSecond(from + width);
      if (!(await this.exportPart(from, before, now))) {
        width = ((before ?? now) - from) / 2n;
        continue;
      }
      if (before === undefined) return { next: { inMs: intervalMs }, figures: this.figures };
      // The cursor stays at the newest code: `before` is on the database's clock, which may be ahead of the server's.
      from = before - MARGIN;
      width = (width ?? 0n) * 2n;
    }
  }

  /** Stores one part; `false`: it is too much for the server, and can be halved. */
  private async exportPart(from: Instant, before: Instant | undefined, now: Instant): Promise<boolean> {
    const canHalve = (before ?? now) - from >= SHORTEST * 2n && this.cuts < MOST_CUTS;
    const wanted: CodeExport = {
      template: codePaths[this.kind],
      applicationId: this.context.subject,
      createdAfter: formatInstant(from),
      createdBefore: before === undefined ? undefined : formatInstant(before),
      isFinal: (error) => canHalve && isTooMuch(error),
    };
    const rowsBefore = this.figures.rows;
    try {
      await this.store(wanted, now);
      this.figures.parts += 1;
      this.cuts = 0;
      return true;
    } catch (error) {
      const mayBeHalved = isTooMuch(error) || isBrokenOff(error, this.figures.rows > rowsBefore);
      if (!canHalve || !mayBeHalved) throw error;
      this.cuts += 1;
      const { createdAfter, createdBefore } = wanted;
      this.context.log.debug({ createdAfter, createdBefore, err: error }, 'export is too long, halving it');
      return false;
    }
  }

  private async store(wanted: CodeExport, now: Instant): Promise<void> {
    const { warehouse, exports } = this.options;
    const { requests, lease, subject } = this.context;
    let newest = this.createdThrough;
    for await (const page of exportedCodes(exports, wanted, requests)) {
      const counts = await writeCodes(warehouse, this.kind, subject, page, (client) =>
        advanceJob(client, lease),
      );
      noteQuarantined(this.context, counts, page.source);
      this.figures.rows += page.rows;
      this.figures.changed += counts.inserted;
      // The order of the rows is not documented: only a whole part moves the cursor.
      newest = laterOf(newest, page.newest ?? newest);
      this.progress.note(newest, now, { ...this.figures });
    }
    await this.reach(earlierOf(newest, now));
  }

  private async reach(moment: Instant): Promise<void> {
    const { lease } = this.context;
    this.createdThrough = laterOf(this.createdThrough, moment);
    const createdThrough = formatInstant(this.createdThrough);
    await this.options.warehouse.transaction((client) => advanceJob(client, lease, { createdThrough }));
  }

  private async now(): Promise<Instant> {
    return parseInstant(await databaseTime(this.options.warehouse)) ?? 0n;
  }
}

/** The answer broke off. That may be for its length, too, once repeating has not helped. */
function isBrokenOff(error: unknown, hasBegun: boolean): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.code === 'ECONNRESET' || (hasBegun && error.failure === 'body');
}
