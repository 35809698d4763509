import { setTimeout as delay } from 'node:timers/promises';
import type { BenchPostgres } from './postgres.js';

const EVERY_MS = 100;

interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly seconds: number;
}

/** The CPU of Postgres over a stretch of time, so that one can ask afterwards what it was between two moments. */
export class CpuTrack {
  private readonly samples: Sample[] = [];
  private isOver = false;
  private readonly done: Promise<void>;

  constructor(private readonly postgres: BenchPostgres) {
    this.done = this.keepSampling();
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.done;
    await this.sample();
  }

  /** Undefined where Postgres cannot be seen. */
  between(from: number, to: number): number | undefined {
    const [start, end] = [this.at(from), this.at(to)];
    return start === undefined || end === undefined ? undefined : end - start;
  }

  private at(moment: number): number | undefined {
    const later = this.samples.findIndex((sample) => sample.at >= moment);
    const next = this.samples[later];
    const previous = this.samples[later - 1];
    if (!next || !previous) return undefined;
    const share = (moment - previous.at) / (next.at - previous.at);
    return previous.seconds + share * (next.seconds - previous.seconds);
  }

  private async keepSampling(): Promise<void> {
    while (!this.isOver && (await this.sample())) await delay(EVERY_MS);
  }

  private async sample(): Promise<boolean> {
    const seconds = await this.postgres.cpuSeconds();
    if (seconds !== undefined) this.samples.push({ at: performance.timeOrigin + performance.now(), seconds });
    return seconds !== undefined;
  }
}
