import { hasStatus, isUnauthorised } from '../../talon-one/api-error.js';
import type { ListPage } from '../../talon-one/management.js';
import { firstProblem, programSchema } from '../../talon-one/schemas.js';
import { knownPrograms, settlePrograms, writePrograms } from '../../warehouse/loyalty-program.js';
import { noteQuarantined } from '../cycle-context.js';
import type { JobContext, JobKind, JobResult } from '../job.js';
import type { LoyaltyParts } from './loyalty-parts.js';

const EVERY_MS = 3_600_000;
const PROGRAMS = '/v1/loyalty_programs';

/** Finds the loyalty programs every hour, stores them as they are, and makes the jobs that each of them has. */
export class ProgramsJob implements JobKind {
  readonly name = 'loyalty-programs';
  readonly jobs = [this.name];
  readonly runsAtStart = true;
  readonly inOnce = 'always';

  constructor(
    private readonly parts: LoyaltyParts,
    /** Jobs of one program. */
    private readonly jobsOf: (programId: string, isCardBased: boolean | undefined) => readonly string[],
  ) {}

  async run(context: JobContext): Promise<JobResult> {
    const { programIds } = this.parts.config.loyalty;
    const programs =
      programIds === 'all' ? await this.listAll(context) : await this.lookUp(programIds, context);
    const jobs = [...programs].flatMap(([id, isCardBased]) => this.jobsOf(id, isCardBased));
    await settlePrograms(this.parts.warehouse, context.lease, [...programs.keys()], jobs);
    return { next: { inMs: EVERY_MS }, figures: { programs: programs.size } };
  }

  // The list has no pages (docs/api-facts.md, Lists). One that leaves a known program out may be cut short: whether the
  // program is gone is asked for by its ID.
  private async listAll(context: JobContext): Promise<Map<string, boolean | undefined>> {
    const { client, warehouse } = this.parts;
    const page = await client.list(PROGRAMS, {}, {}, context.requests);
    const listed = await this.store(page, context);
    const known = await knownPrograms(warehouse);
    const absent = await this.lookUp(
      known.filter((id) => !listed.has(id)),
      context,
    );
    return new Map([...listed, ...absent]);
  }

  // A key without the right to read programs can do without: it may read their transactions all the same.
  private async lookUp(
    ids: readonly string[],
    context: JobContext,
  ): Promise<Map<string, boolean | undefined>> {
    const programs = new Map<string, boolean | undefined>(ids.map((id) => [id, undefined]));
    for (const id of ids) {
      try {
        const template = `${PROGRAMS}/{loyaltyProgramId}`;
        const page = await this.parts.client.one(template, { loyaltyProgramId: id }, {}, context.requests);
        for (const [found, isCardBased] of await this.store(page, context)) programs.set(found, isCardBased);
      } catch (error) {
        if (hasStatus(error, 404)) programs.delete(id);
        else if (!isUnauthorised(error)) throw error;
        context.log.warn({ programId: Number(id), err: error }, 'loyalty program could not be looked up');
      }
    }
    return programs;
  }

  /** Stores the programs of an answer; returns for each whether its points are on cards. */
  private async store(page: ListPage, context: JobContext): Promise<Map<string, boolean>> {
    const programs = new Map<string, boolean>();
    const problems = new Map<number, string>();
    for (const [index, record] of page.data.entries()) {
      const parsed = programSchema.safeParse(record);
      if (parsed.success) programs.set(String(parsed.data.id), parsed.data.cardBased === true);
      else problems.set(index, firstProblem(parsed.error));
    }
    const counts = await writePrograms(this.parts.warehouse, context.lease, { ...page, problems });
    noteQuarantined(context, counts, page.source);
    return programs;
  }
}
