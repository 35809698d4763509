import { isAway } from './database.js';
import type { Stage } from './stage.js';

// `complete_through` is a promise at every moment, not only at the end: whoever transforms the tables up to it must find
// everything there. So it is looked at while the war goes on.

const EVERY_MS = 300;

// One statement, so that all of it is of one moment.
const CLAIMS = `
  select application_id, to_char(complete_through at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as claimed,
    (select count(*) from talon_one_event e
     where e.application_id = c.application_id and e.created <= c.complete_through) as stored,
    (select count(*) from talon_one_owed_snapshot o
     where o.application_id = c.application_id and o.first_created <= c.complete_through) as owed
  from talon_one_sync_cursor c where complete_through is not null`;

/** Notes every claim that was not true when it was made. */
export class CompletenessWatch {
  readonly falseClaims: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();

  constructor(private readonly stage: Pick<Stage, 'simulator' | 'database'>) {}

  start(): void {
    this.timer = setInterval(() => {
      this.looking = this.looking.then(() => this.look());
      // Told by stop(); until then nobody listens.
      this.looking.catch(() => {});
    }, EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private async look(): Promise<void> {
    const { simulator, database } = this.stage;
    // While Postgres is away nobody can read a claim.
    const rows = await database.attempt(CLAIMS).catch((error: unknown) => {
      if (!isAway(error)) throw error;
      return [];
    });
    for (const { application_id: id, claimed, stored, owed } of rows) {
      const issued = simulator.issuedCount(Number(id), claimed ?? '');
      if (Number(stored) < issued || owed !== '0')
        this.falseClaims.push(
          `Application ${id} claimed to be complete through ${claimed}: ${stored} of ${issued} events, ${owed} snapshots owed`,
        );
    }
  }
}
