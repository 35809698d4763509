import type { Config } from '../config.js';
import { messageOf } from '../errors.js';
import { formatInstant, parseInstant } from '../instant.js';
import { type SnapshotEntry, snapshotEntries } from '../sync/loyalty/snapshot-exports.js';
import { isUnauthorised } from '../talon-one/api-error.js';
import type { RequestContext } from '../talon-one/management.js';
import { programSchema } from '../talon-one/schemas.js';
import type { Api } from './context.js';
import type { Finding } from './finding.js';

const PROGRAMS = '/v1/loyalty_programs';
/** Nothing was created since: the answer is as small as can be. */
const FAR_FUTURE = formatInstant(parseInstant('2099-01-01T00:00:00Z') ?? 0n);

interface Program {
  readonly id: string;
  readonly isCardBased: boolean;
}

/**
 * Tries the endpoints of loyalty. What is refused is a note: the daemon passes it over and copies the rest.
 */
export async function checkLoyalty(config: Config, api: Api, context: RequestContext): Promise<Finding[]> {
  if (!config.loyalty.isOn) return [];
  const findings: Finding[] = [];
  const programs = await findPrograms(config, api, context, findings);
  for (const { id } of programs) {
    const query = { startDate: FAR_FUTURE, pageSize: 1, skip: 0 };
    await attempt(findings, `GET ${PROGRAMS}/${id}/transactions`, () =>
      api.client.loyaltyTransactions(id, query, context),
    );
  }
  // Rights are by endpoint: one program of each kind tells, and exports can be large.
  for (const isCardBased of [false, true]) {
    const program = programs.find((one) => one.isCardBased === isCardBased);
    if (program) await checkExports(program, api, context, findings);
  }
  return findings;
}

async function findPrograms(
  { loyalty }: Config,
  { client }: Api,
  context: RequestContext,
  findings: Finding[],
): Promise<Program[]> {
  const programs: Program[] = [];
  const paths = loyalty.programIds === 'all' ? [''] : loyalty.programIds.map((id) => `/${id}`);
  for (const path of paths) {
    await attempt(findings, `GET ${PROGRAMS}${path}`, async () => {
      const page =
        path === ''
          ? await client.list(PROGRAMS, {}, {}, context)
          : await client.one(
              `${PROGRAMS}/{loyaltyProgramId}`,
              { loyaltyProgramId: path.slice(1) },
              {},
              context,
            );
      for (const record of page.data) {
        const parsed = programSchema.safeParse(record);
        if (parsed.success)
          programs.push({ id: String(parsed.data.id), isCardBased: parsed.data.cardBased === true });
      }
    });
  }
  return programs;
}

async function checkExports(
  { id, isCardBased }: Program,
  { exports }: Api,
  context: RequestContext,
  findings: Finding[],
): Promise<void> {
  const formOf = ({ profile, card }: SnapshotEntry) => (isCardBased ? card : profile);
  const forms = new Map(
    snapshotEntries.flatMap((entry) => {
      const form = formOf(entry);
      return form ? [[form.template, form]] : [];
    }),
  );
  for (const { template, required } of forms.values()) {
    const parameters = { loyaltyProgramId: id };
    await attempt(findings, `GET ${template.replace('{loyaltyProgramId}', id)}`, async () => {
      // The rest of the file is not read.
      for await (const _rows of exports.pages({ template, parameters, query: {}, required }, context)) break;
    });
  }
}

async function attempt(findings: Finding[], what: string, request: () => Promise<unknown>): Promise<void> {
  try {
    await request();
    findings.push({ what, state: 'ok', found: 'answers' });
  } catch (error) {
    const isRefused = isUnauthorised(error);
    findings.push({
      what,
      state: 'note',
      found: isRefused ? 'the API refuses the key for this endpoint' : messageOf(error),
      advice: isRefused
        ? 'This part of loyalty is not copied: allow the endpoint for the key in Campaign Manager, or set LOYALTY_SYNC=false.'
        : 'The daemon tries it again; what stands above says whether the API can be reached at all.',
    });
  }
}
