import type { LoggedRequest, RequestPredicate } from './request-log.js';

export interface Hold {
  /** Settles when the request is there and its answer is being held. */
  readonly held: Promise<LoggedRequest>;
  /** Lets the answer go. Also before the request comes: then nothing is held. */
  release(): void;
}

interface OpenHold {
  predicate: RequestPredicate;
  arrived: (request: LoggedRequest) => void;
  released: Promise<void>;
  release: () => void;
}

/** Answers that a test keeps back, to find its client in an exact phase. The answer is computed before it is held. */
export class Holds {
  private waiting: OpenHold[] = [];
  private readonly open = new Set<OpenHold>();

  next(predicate: RequestPredicate): Hold {
    const { promise: held, resolve: arrived } = deferred<LoggedRequest>();
    const { promise: released, resolve: release } = deferred<void>();
    const hold: OpenHold = { predicate, arrived, released, release: () => release() };
    this.waiting.push(hold);
    this.open.add(hold);
    return { held, release: () => this.release(hold) };
  }

  async pass(request: LoggedRequest): Promise<void> {
    const hold = this.waiting.find((candidate) => candidate.predicate(request));
    if (hold === undefined) return;
    this.waiting = this.waiting.filter((other) => other !== hold);
    hold.arrived(request);
    await hold.released;
  }

  releaseAll(): void {
    for (const hold of [...this.open]) this.release(hold);
  }

  private release(hold: OpenHold): void {
    this.waiting = this.waiting.filter((other) => other !== hold);
    this.open.delete(hold);
    hold.release();
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let settle: (value: T) => void = () => {};
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle(value) };
}
