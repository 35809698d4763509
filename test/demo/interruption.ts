import { DemoError, InterruptedError } from './demo-error.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * One signal for everything that waits. It aborts with the first Ctrl-C, SIGTERM or SIGHUP, when nobody reads the output any
 * more, and with an error that nobody else heard, so that cleaning up follows in every case. Later signals change
 * nothing: npm hands the same Ctrl-C on a second time, and what is left to do is short and must not be cut.
 */
export class Interruption {
  private readonly controller = new AbortController();

  constructor() {
    for (const name of SIGNALS) process.on(name, this.interrupt);
    process.stdout.on('error', this.interrupt);
    process.on('uncaughtException', this.fail);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Ends whatever is going on with this error. */
  readonly fail = (error: unknown): void => {
    this.controller.abort(error instanceof Error ? error : new DemoError(String(error)));
  };

  dispose(): void {
    for (const name of SIGNALS) process.off(name, this.interrupt);
    process.off('uncaughtException', this.fail);
  }

  private readonly interrupt = (): void => {
    this.controller.abort(new InterruptedError('interrupted'));
  };
}
