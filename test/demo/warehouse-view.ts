import pg from 'pg';

export interface Counts {
  events: number;
  profileSnapshots: number;
  sessionSnapshots: number;
  /** Snapshots that still have to be fetched. */
  owed: number;
  /** The daemon has said of every Application that everything up to some moment is stored. */
  isComplete: boolean;
}

/** One finished cycle, as the daemon records it. */
export interface Cycle {
  owner: string;
  eventsNew: number;
  profileSnapshots: number;
  sessionSnapshots: number;
  requests: number;
}

const NOTHING: Counts = { events: 0, profileSnapshots: 0, sessionSnapshots: 0, owed: 0, isComplete: false };

/** What an analyst sees of the warehouse: a connection that only reads. */
export class WarehouseView {
  private isMigrated = false;
  private lastCycle = '-infinity';

  private constructor(
    private readonly client: pg.Client,
    private readonly watchedId: number,
  ) {}

  /** `watchedId`: the Application whose cycles are told. */
  static async open(url: string, watchedId: number): Promise<WarehouseView> {
    const client = new pg.Client({ connectionString: url, application_name: 'demo' });
    // The query at hand fails as well; an error nobody hears would end the process.
    client.on('error', () => {});
    await client.connect();
    return new WarehouseView(client, watchedId);
  }

  /** Rows of text: as Postgres writes them, no digit lost. */
  async query(text: string, values: readonly unknown[] = []): Promise<Record<string, string | null>[]> {
    const asText = { getTypeParser: () => (value: string) => value };
    const { rows } = await this.client.query<Record<string, string | null>>({
      text,
      values: [...values],
      types: asText as unknown as pg.CustomTypesConfig,
    });
    return rows;
  }

  async row(text: string, values: readonly unknown[] = []): Promise<Record<string, string | null>> {
    return (await this.query(text, values))[0] ?? {};
  }

  async counts(): Promise<Counts> {
    this.isMigrated ||=
      (await this.row(`select to_regclass('talon_one_sync_cursor') as present`)).present !== null;
    if (!this.isMigrated) return NOTHING;
    const row = await this.row(`select (select count(*) from talon_one_event) as events,
      (select count(*) from talon_one_profile_snapshot) as profiles,
      (select count(*) from talon_one_session_snapshot) as sessions,
      (select count(*) from talon_one_owed_snapshot) as owed,
      (select count(*) > 0 and count(*) = count(complete_through) from talon_one_sync_cursor) as complete`);
    return {
      events: Number(row.events),
      profileSnapshots: Number(row.profiles),
      sessionSnapshots: Number(row.sessions),
      owed: Number(row.owed),
      isComplete: row.complete === 't',
    };
  }

  /** Jobs beside the events that are due and have not been done once, or are expected to come into being. */
  async waitingJobs(): Promise<number> {
    const row =
      await this.row(`select count(*) filter (where last_finished_at is null and next_run_at <= clock_timestamp())
        + (count(*) filter (where job like 'loyalty-transactions:%') = 0)::int as waiting
      from talon_one_job`);
    return Number(row.waiting);
  }

  /** Cycles that have finished since the last call. */
  async newCycles(): Promise<Cycle[]> {
    const rows = await this.query(
      `select owner, events_new, profile_snapshots, session_snapshots, requests, finished_at
       from talon_one_sync_cycle where application_id = $2 and finished_at > $1 order by finished_at`,
      [this.lastCycle, this.watchedId],
    );
    this.lastCycle = rows.at(-1)?.finished_at ?? this.lastCycle;
    return rows.map((row) => ({
      owner: row.owner ?? '',
      eventsNew: Number(row.events_new),
      profileSnapshots: Number(row.profile_snapshots),
      sessionSnapshots: Number(row.session_snapshots),
      requests: Number(row.requests),
    }));
  }

  /** Events stored after the newest finished cycle: by one that is under way, or was killed. */
  async eventsSinceLastCycle(): Promise<number> {
    const row = await this.row(
      'select count(*) as events from talon_one_event where application_id = $2 and synced_at > $1',
      [this.lastCycle, this.watchedId],
    );
    return Number(row.events);
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}
