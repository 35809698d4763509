import { formatInstant, type Instant, laterOf } from '../../instant.js';
import type { Logger } from '../../logger.js';
import type { Observer } from '../../observer.js';
import type { EventList } from '../../talon-one/event-list.js';
import type { RequestContext } from '../../talon-one/management.js';
import type { RecordListPage } from '../../talon-one/record-list.js';
import { advanceCursor } from '../../warehouse/cursor.js';
import { comparePage, removeEvents, unlistedEvents } from '../../warehouse/event-comparison.js';
import {
  lackingConsequences,
  restoreConsequences,
  type Stretch,
} from '../../warehouse/event-consequences.js';
import { writeEventPage } from '../../warehouse/event-writer.js';
import { databaseTime } from '../../warehouse/owed.js';
import type { Partitions } from '../../warehouse/partitions.js';
import {
  type FindingKind,
  noteVerified,
  type Verification,
  type VerificationCounts,
} from '../../warehouse/verification.js';
import { Progress } from '../reading.js';
import { periodPages } from './period.js';
import { type ShortLeaseOptions, withShortLease } from './short-lease.js';

// Proves that a period is complete:
//
// 1. Read it from the API as a cycle would, page by page.
// 2. Let Postgres compare each page with what is stored. What is missing is stored at once, if that is wanted, by the
//    writer of the cycles and under the Application's lease.
// 3. Whenever the reading is certain to have seen everything up to some moment, look for stored events up to there that
//    were not listed, and for effects and snapshots that stored events lack; note moment and findings in the row of the
//    verification, where it goes on after a crash.
//
// Memory: the IDs between two such moments, a page or two as a rule.

/** Without `isDeep`, of so many payloads one is compared. */
const SAMPLE = 20;
const MOST_EXAMPLES = 20;

export interface VerifyOptions extends ShortLeaseOptions {
  readonly partitions: Partitions;
  readonly normalizeEffects: boolean;
  /** Also replace payloads that differ; default: only what is missing is repaired. */
  readonly replacesDifferent: boolean;
  readonly log: Logger;
  readonly observer?: Observer | undefined;
}

interface ListedEvent {
  readonly id: string;
  readonly created: Instant;
  readonly state: 'same' | 'missing' | 'different';
  readonly isPayloadCompared: boolean;
  readonly isRepaired: boolean;
}

/** Compares what is left of a verification; its findings are in its row afterwards. */
export async function verifyEvents(
  list: EventList,
  verification: Verification,
  options: VerifyOptions,
  context: RequestContext,
): Promise<void> {
  const run = new VerifyRun(verification, options, context.signal);
  const period = { from: verification.reached, to: verification.to };
  if (period.from >= period.to) return;
  await run.begin();
  const { log } = options;
  const progress = new Progress(log);
  for await (const { page, reached } of periodPages(list, period, context)) {
    context.signal.throwIfAborted();
    await run.compare(page);
    if (reached === undefined) continue;
    await run.reach(reached);
    if (progress.isDue()) log.info({ reached: formatInstant(reached), ...run.figures }, 'verifying');
  }
}

class VerifyRun {
  readonly figures = { pages: 0, listed: 0, missing: 0 };
  private readonly listed = new Map<string, ListedEvent>();
  private readonly unusable = new Map<string, boolean>();
  private reached: Instant;
  private pages = 0;
  /** An event of the period has been listed: older ones are kept, so what is not listed from here on is not there. */
  private hasListed: boolean;
  /** Before the pages at hand were asked for, on the clock of Postgres. */
  private askedAt = '';

  constructor(
    private readonly verification: Verification,
    private readonly options: VerifyOptions,
    private readonly signal: AbortSignal,
  ) {
    this.reached = verification.reached;
    this.hasListed = verification.isResumed && verification.reached > verification.from;
  }

  async begin(): Promise<void> {
    this.askedAt = await databaseTime(this.options.warehouse);
  }

  async compare(page: RecordListPage): Promise<void> {
    const { applicationId, isDeep, to, id } = this.verification;
    const { warehouse } = this.options;
    if (page.source !== '') this.pages += 1;
    if (page.data.length === 0) return;
    const oneIn = isDeep ? 1 : SAMPLE;
    const compared = await comparePage(warehouse, page, {
      applicationId,
      from: this.reached,
      to,
      oneIn,
      seed: id,
    });
    const lacking = compared.events.filter((one) => this.isToRepair(one.state));
    const isUnusableNew = compared.unusable.some((one) => !one.isKept);
    const isRepaired = this.verification.repairs && (lacking.length > 0 || isUnusableNew);
    if (isRepaired)
      await this.repair(
        page,
        lacking.filter((one) => one.state === 'different'),
      );
    for (const one of compared.events) {
      const key = `${one.id} ${one.created}`;
      // Read again, what was repaired the first time is there.
      const known = this.listed.get(key);
      if (known && known.state !== 'same') continue;
      this.listed.set(key, { ...one, isRepaired: isRepaired && this.isToRepair(one.state) });
    }
    for (const { raw, isKept } of compared.unusable) this.unusable.set(raw, isKept || isRepaired);
  }

  private isToRepair(state: ListedEvent['state']): boolean {
    return state === 'missing' || (state === 'different' && this.options.replacesDifferent);
  }

  private async repair(
    page: RecordListPage,
    different: readonly { readonly id: string; readonly created: Instant }[],
  ): Promise<void> {
    const { warehouse, partitions, normalizeEffects, observer } = this.options;
    const { applicationId } = this.verification;
    await partitions.ensure(page.rows.map((row) => row.created));
    await withShortLease(applicationId, this.options, this.signal, async (lease) => {
      const { inserted, quarantined } = await writeEventPage(warehouse, {
        lease,
        page,
        advance: {},
        normalizeEffects,
        prepare: async (client) => {
          if (different.length > 0) await removeEvents(client, applicationId, different);
        },
      });
      observer?.pageStored(applicationId, {
        fresh: inserted,
        repeated: page.data.length - inserted - quarantined,
      });
      return inserted > 0;
    });
  }

  /** Judges what was listed up to `moment`, and keeps the rest for later. */
  async reach(moment: Instant): Promise<void> {
    const to = laterOf(moment, this.reached);
    const judged = [...this.listed].filter(([, one]) => one.created < to);
    const events = judged.map(([, one]) => one);
    const { applicationId, id } = this.verification;
    const { warehouse } = this.options;
    const stretch = { applicationId, from: this.reached, to, storedBefore: this.askedAt };
    const unlisted = to > this.reached ? await unlistedEvents(warehouse, stretch, events) : [];
    const oldest = events.reduce<Instant | undefined>(
      (least, { created }) => (least === undefined || created < least ? created : least),
      undefined,
    );
    const isKept = (created: Instant) => this.hasListed || (oldest !== undefined && created >= oldest);
    const unknown = unlisted.filter((one) => isKept(one.created));
    const lacking = [...this.unusable.values()].filter((isThere) => !isThere).length;
    const consequences = await this.consequences(stretch);
    const counts: VerificationCounts = {
      pages: this.pages,
      listed: events.length + this.unusable.size,
      compared: events.filter((one) => one.isPayloadCompared).length,
      missing: events.filter((one) => one.state === 'missing').length + lacking,
      repaired: events.filter((one) => one.isRepaired).length,
      different: events.filter((one) => one.state === 'different').length,
      unknown: unknown.length,
      notKept: unlisted.length - unknown.length,
      unusable: this.unusable.size,
      lackingSnapshots: consequences.snapshots,
      lackingEffects: consequences.effects,
    };
    const idsOf = (state: ListedEvent['state']) => idsIn(events.filter((one) => one.state === state));
    const examples: Record<FindingKind, string[]> = {
      missing: idsOf('missing'),
      different: idsOf('different'),
      unknown: idsIn(unknown),
    };
    await warehouse.transaction((client) => noteVerified(client, id, { reached: to, counts, examples }));
    this.figures.pages += counts.pages;
    this.figures.listed += counts.listed;
    this.figures.missing += counts.missing;
    this.hasListed ||= oldest !== undefined;
    this.reached = to;
    this.pages = 0;
    this.unusable.clear();
    for (const [key] of judged) this.listed.delete(key);
    await this.begin();
  }

  /** What stored events lack of what is stored with an event; with repairs it is made again. */
  private async consequences(
    stretch: Omit<Stretch, 'normalizeEffects' | 'periodTo'>,
  ): Promise<{ snapshots: number; effects: number }> {
    const { warehouse, normalizeEffects } = this.options;
    if (stretch.to <= stretch.from) return { snapshots: 0, effects: 0 };
    const whole = { ...stretch, periodTo: this.verification.to, normalizeEffects };
    const lacking = await lackingConsequences(warehouse, whole);
    if (!this.verification.repairs || lacking.snapshots + lacking.effects === 0) return lacking;
    await withShortLease(stretch.applicationId, this.options, this.signal, async (lease) => {
      await warehouse.transaction(async (client) => {
        await advanceCursor(client, lease);
        await restoreConsequences(client, whole);
      });
      return lacking.snapshots > 0;
    });
    return lacking;
  }
}

function idsIn(events: readonly { readonly id: string }[]): string[] {
  return events.slice(0, MOST_EXAMPLES).map((one) => one.id);
}
