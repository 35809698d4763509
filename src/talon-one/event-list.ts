import { formatInstant, type Instant, parseInstant } from '../instant.js';
import { hasStatus } from './api-error.js';
import type { EventQuery, ListPage, RequestContext } from './management.js';
import { RecordList, type RecordRange, type RecordRow } from './record-list.js';
import { eventSchema, firstProblem } from './schemas.js';

/** Where a list comes from: the events of an Application, or anything else with `id`, `created` and the same query. */
export interface EventSource {
  events(applicationId: string, query: EventQuery, context: RequestContext): Promise<ListPage>;
  /** The older form, tried when the server does not know the current one. */
  eventsWithTotal(applicationId: string, query: EventQuery, context: RequestContext): Promise<ListPage>;
}

/** Values for `sort`, the best first; which fields a server accepts is not documented (docs/api-facts.md, Lists). */
const SORTS = ['created', 'id', undefined] as const;
/** More than one, for the newest may be a record that is no event. */
const NEWEST_ROWS = 10;

/**
 * The event list of one Application as one server serves it. Remembers what that server turned out to understand:
 * the form of the list, the sort, whether its filter is as precise as its timestamps.
 */
export class EventList extends RecordList {
  private form: 'no-total' | 'with-total' = 'no-total';
  private sort = 0;
  /** `createdAfter` is compared in microseconds, until shown otherwise. */
  isFine = true;
  /** `sort=created` has been seen to order the list. */
  isOrderProven = false;

  constructor(
    private readonly client: EventSource,
    readonly applicationId: string,
    fullPageSize: number,
  ) {
    super('GET /v1/applications/{applicationId}/events', fullPageSize);
  }

  /** The list is asked for in the order of `created`; otherwise pages can only be read as frozen windows. */
  get isSortedByCreated(): boolean {
    return SORTS[this.sort] === 'created';
  }

  /** The newest usable event, to see whether sorting is honoured; `undefined` when the server does not tell. */
  async newest(after: Instant, context: RequestContext): Promise<RecordRow | undefined> {
    const query = { createdAfter: formatInstant(after), pageSize: NEWEST_ROWS, skip: 0, sort: '-created' };
    try {
      const page = await this.fetchForm(query, context);
      return this.inspect(page, true).rows[0];
    } catch (error) {
      if (hasStatus(error, 400)) return undefined;
      throw error;
    }
  }

  protected override read(record: unknown): { id: number; created: Instant } | string {
    const parsed = eventSchema.safeParse(record);
    if (!parsed.success) return firstProblem(parsed.error);
    const created = parseInstant(parsed.data.created);
    return created === undefined ? 'created: must be an RFC 3339 time' : { id: parsed.data.id, created };
  }

  // A refused sort is answered with 400; so is any other mistake, which then stays after the last fallback.
  protected override async fetch(
    range: RecordRange,
    pageSize: number,
    context: RequestContext,
  ): Promise<ListPage> {
    let refusal: unknown;
    for (let sort = this.sort; sort < SORTS.length; sort += 1) {
      try {
        const page = await this.fetchForm(
          {
            createdAfter: formatInstant(range.after),
            createdBefore: range.before === undefined ? undefined : formatInstant(range.before),
            pageSize,
            skip: range.skip,
            sort: SORTS[sort],
          },
          context,
        );
        // Never back: of answers under way together, none may pass for sorted by what another one was sorted by.
        this.sort = Math.max(this.sort, sort);
        return page;
      } catch (error) {
        if (!hasStatus(error, 400)) throw error;
        refusal ??= error;
      }
    }
    throw refusal;
  }

  // A server that is upgraded, or a balancer between two versions, may change the form at any time.
  private async fetchForm(query: EventQuery, context: RequestContext): Promise<ListPage> {
    try {
      return await this.fetchAs(this.form, query, context);
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
      const other = this.form === 'no-total' ? 'with-total' : 'no-total';
      const page = await this.fetchAs(other, query, context).catch((second: unknown) => {
        // Neither form exists: the Application is unknown, as the first answer says.
        throw hasStatus(second, 404, 405) ? error : second;
      });
      this.form = other;
      return page;
    }
  }

  private fetchAs(form: typeof this.form, query: EventQuery, context: RequestContext): Promise<ListPage> {
    return form === 'no-total'
      ? this.client.events(this.applicationId, query, context)
      : this.client.eventsWithTotal(this.applicationId, query, context);
  }
}
