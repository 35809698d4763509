import { setMaxListeners } from 'node:events';
import type { Logger } from '../logger.js';
import { Pulse } from './pulse.js';

// Rows of the warehouse are the schedule: each says when it is due and who holds it. Every process takes what is due
// and free, one at a time, runs it beside the others, and sleeps until the next row can become due. So any number of
// replicas share the work without knowing of each other, and one that dies is replaced as soon as its leases expire.

/** Something that was taken from the schedule. */
export interface TakenWork {
  readonly key: string;
  /** Does the work and gives it back; never rejects. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export interface DueLoopOptions {
  /** What is to be done again and again, however long the work at hand takes: at least every `longestWaitMs`. */
  readonly eachRound?: () => Promise<void>;
  /** Takes something that is due, free and not among `running`. */
  readonly take: (running: ReadonlySet<string>) => Promise<TakenWork | undefined>;
  /** Milliseconds until `take` may find more; `undefined`: only what runs now can change that. */
  readonly untilDue: (running: ReadonlySet<string>) => Promise<number | undefined>;
  /** Tells the other replicas that this one takes nothing more. */
  readonly leave: () => Promise<void>;
  readonly mostAtOnce: number;
  /** Also bounds how late an expired lease of another replica is noticed. */
  readonly longestWaitMs: number;
  readonly log: Logger;
}

const SHORTEST_WAIT_MS = 50;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

export class DueLoop {
  private readonly running = new Map<string, Promise<void>>();
  private readonly pulse = new Pulse();

  constructor(private readonly options: DueLoopOptions) {}

  /** Looks at the schedule now: there may be new rows. */
  wake(): void {
    this.pulse.beat();
  }

  /** Runs what is due until `signal` aborts; resolves when the last of it has ended. */
  async run(signal: AbortSignal): Promise<void> {
    // Everything that runs listens; from eleven on Node would suspect a leak.
    setMaxListeners(0, signal);
    const { log, longestWaitMs } = this.options;
    let failures = 0;
    while (!signal.aborted) {
      let waitMs = longestWaitMs;
      try {
        waitMs = (await this.startDue(signal)) ?? longestWaitMs;
        failures = 0;
      } catch (error) {
        failures += 1;
        waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
        const level = failures < 4 ? 'info' : failures < 8 ? 'warn' : 'error';
        log[level]({ err: error, waitMs }, 'schedule could not be read');
      }
      await this.pulse.wait(Math.min(waitMs, longestWaitMs), signal);
    }
    await this.drain();
    await this.leave();
  }

  /**
   * Runs what `take` gives until there is nothing left to do.
   * @throws when the schedule cannot be read
   */
  async runUntil(isDone: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<void> {
    setMaxListeners(0, signal);
    const stop = new AbortController();
    const inherit = () => stop.abort(signal.reason);
    signal.addEventListener('abort', inherit, { once: true });
    setMaxListeners(0, stop.signal);
    try {
      while (!signal.aborted && !(await isDone())) {
        await this.startDue(stop.signal);
        await this.pulse.wait(this.options.longestWaitMs, signal);
      }
    } catch (error) {
      // The schedule cannot be read: nothing may go on behind the back of a program that ends.
      stop.abort();
      throw error;
    } finally {
      signal.removeEventListener('abort', inherit);
      await this.drain();
    }
    await this.leave();
  }

  /** Starts what is due and free; returns the milliseconds until more can become so. */
  private async startDue(signal: AbortSignal): Promise<number | undefined> {
    const { eachRound, take, untilDue, mostAtOnce } = this.options;
    const keys = () => new Set(this.running.keys());
    await eachRound?.();
    while (!signal.aborted && this.running.size < mostAtOnce) {
      const work = await take(keys());
      if (!work) break;
      const ended = work.run(signal).finally(() => {
        this.running.delete(work.key);
        this.pulse.beat();
      });
      this.running.set(work.key, ended);
    }
    // When all places are taken, the end of one is what to wait for. A row that is due but locked has no known time.
    if (this.running.size >= mostAtOnce) return undefined;
    const waitMs = await untilDue(keys());
    return waitMs === undefined ? undefined : Math.max(waitMs, SHORTEST_WAIT_MS);
  }

  private async drain(): Promise<void> {
    await Promise.allSettled(this.running.values());
  }

  private async leave(): Promise<void> {
    const { leave, log } = this.options;
    await leave().catch((error: unknown) =>
      log.info({ err: error }, 'leases could not be given back, other replicas wait for their end'),
    );
  }
}
