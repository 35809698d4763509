import { ApiError, isUnauthorised } from '../talon-one/api-error.js';
import type { ListPage, ManagementClient, SessionQuery } from '../talon-one/management.js';
import { PageSize } from '../talon-one/page-size.js';
import type { CycleContext } from './cycle-context.js';

// A list that cannot be had must not stop the sessions as long as they can be had by ID. Where there is a choice, a page
// that came too late or was too large is asked for once more, with half the size; after that, and after any other
// failure, sessions are asked for by ID. Finding out may have cost two timeouts, so a list is begun again only when so many
// sessions have come by ID that it no longer matters.

/** Requests for a page that may run into its size, where there is a choice. */
const MOST_FAILURES = 2;
/** Sessions by ID until a list is begun again; twice as many after each time that it fails. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 64_000;

/** The session list of one Application, as one server serves it. */
export class SessionPages {
  private readonly size: PageSize;
  private pause = FIRST_PAUSE;
  private byIdUntilTrial = 0;

  constructor(
    private readonly client: ManagementClient,
    fullPageSize: number,
  ) {
    this.size = new PageSize(fullPageSize, 'GET /v1/applications/{applicationId}/sessions');
  }

  /** Rows that the next page is asked for. */
  get pageSize(): number {
    return this.size.now;
  }

  /** Lists have not failed lately. */
  get areServed(): boolean {
    return this.byIdUntilTrial <= 0;
  }

  /** So many sessions have come by ID. */
  noteById(sessions: number): void {
    this.byIdUntilTrial -= sessions;
  }

  /**
   * One page, of the size that the server can deliver; `undefined`: it cannot be had, and there is a choice.
   * @param hasChoice the sessions can be asked for by ID instead
   */
  async page(
    query: Omit<SessionQuery, 'pageSize'>,
    hasChoice: boolean,
    { lease, log, requests }: CycleContext,
  ): Promise<{ page: ListPage; pageSize: number } | undefined> {
    try {
      const answer = await this.size.ask(
        requests,
        (pageSize, asking) => this.client.sessions(lease.applicationId, { ...query, pageSize }, asking),
        hasChoice ? MOST_FAILURES : Infinity,
      );
      this.pause = FIRST_PAUSE;
      return answer;
    } catch (error) {
      if (!hasChoice || !isOfList(error)) throw error;
      const level = this.pause === FIRST_PAUSE ? 'info' : 'warn';
      log[level]({ err: error }, 'sessions cannot be listed, they are asked for by ID');
      this.byIdUntilTrial = this.pause;
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
      return undefined;
    }
  }
}

// A key that is refused, and a network that fails, are no better by ID.
function isOfList(error: unknown): boolean {
  return error instanceof ApiError && error.failure !== 'network' && !isUnauthorised(error);
}
