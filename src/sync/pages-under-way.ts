/** What a request answered, with whatever belongs to it. */
type Ask<Answer> = (skip: number, signal: AbortSignal) => Promise<Answer>;

interface Asked<Answer> {
  readonly skip: number;
  readonly answer: Promise<Answer>;
}

/** The pages of one list in their order, those behind the one at hand asked for meanwhile. */
export class PagesUnderWay<Answer> {
  private asked: Asked<Answer>[] = [];
  private readonly controller = new AbortController();
  private readonly stop = () => this.controller.abort(this.signal.reason);

  /**
   * @param ask makes the request for the page at this offset; is called in the order of the pages
   * @param pageSize rows of a full page, as things stand
   */
  constructor(
    private readonly ask: Ask<Answer>,
    private readonly pageSize: () => number,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener('abort', this.stop, { once: true });
  }

  /**
   * The page at this offset. What was asked for with the expectation of another one is thrown away.
   * @param ahead how many full pages are expected behind it, that may be asked for at once
   */
  at(skip: number, ahead: number): Promise<Answer> {
    this.signal.throwIfAborted();
    if (this.asked[0]?.skip !== skip) this.asked = [];
    const pageSize = this.pageSize();
    for (let next = skip + this.asked.length * pageSize; this.asked.length <= ahead; next += pageSize) {
      const answer = this.ask(next, this.controller.signal);
      // Looked at when its turn comes; without this a failure in the meantime would count as unhandled.
      answer.catch(() => {});
      this.asked.push({ skip: next, answer });
    }
    const [first] = this.asked.splice(0, 1);
    if (!first) throw new RangeError('ahead must not be negative');
    return first.answer;
  }

  /** Gives up what is under way. */
  end(): void {
    this.signal.removeEventListener('abort', this.stop);
    this.controller.abort();
  }
}
