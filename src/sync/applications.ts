import { formatInstant, type Instant, parseInstant } from '../instant.js';
import type { Logger } from '../logger.js';
import { hasStatus, isUnauthorised } from '../talon-one/api-error.js';
import type { ManagementClient, RequestContext } from '../talon-one/management.js';
import { type Application, applicationSchema } from '../talon-one/schemas.js';
import { type ApplicationRow, ensureCursors, knownApplications } from '../warehouse/cursor.js';
import type { Warehouse } from '../warehouse/warehouse.js';

export interface ApplicationOptions {
  readonly warehouse: Warehouse;
  readonly client: ManagementClient;
  readonly wanted: 'all' | readonly string[];
  /** Where new cursors begin; `undefined`: when the Application was created. */
  readonly start: Instant | undefined;
  readonly pageSize: number;
  readonly log: Logger;
}

/** Before Talon.One existed: where to begin when the key may not ask when an Application was created. */
const BEGINNING: Instant = parseInstant('2015-01-01T00:00:00Z') ?? 0n;

/**
 * Finds the Applications to sync and makes their cursors. With a list of IDs the API is asked only for those that have
 * no cursor yet, so that a restart costs no request.
 * @returns their IDs
 */
export async function findApplications(
  options: ApplicationOptions,
  context: RequestContext,
): Promise<string[]> {
  const { warehouse, wanted } = options;
  if (wanted === 'all') {
    const rows = (await listAll(options, context)).map((application) => toRow(application, options.start));
    await ensureCursors(warehouse, rows);
    return rows.map((row) => row.id);
  }
  const known = await knownApplications(warehouse, wanted);
  const rows: ApplicationRow[] = [];
  for (const id of wanted) if (!known.has(id)) rows.push(await lookUp(id, options, context));
  await ensureCursors(warehouse, rows);
  return [...wanted];
}

/** Every Application that the key can see. */
export async function listAll(
  options: Pick<ApplicationOptions, 'client' | 'pageSize' | 'log'>,
  context: RequestContext,
): Promise<Application[]> {
  const applications = new Map<number, Application>();
  for (let skip = 0; ; ) {
    const page = await options.client.applications({ pageSize: options.pageSize, skip }, context);
    for (const record of page.data) {
      const parsed = applicationSchema.safeParse(record);
      if (parsed.success) applications.set(parsed.data.id, parsed.data);
      else
        options.log.error(
          { source: page.source, problem: parsed.error.issues[0]?.message },
          'Application passed over',
        );
    }
    skip += page.data.length;
    if (page.data.length === 0 || page.hasMore === false || (page.total !== undefined && skip >= page.total))
      break;
    if (page.hasMore === undefined && page.total === undefined && page.data.length < options.pageSize) break;
  }
  return [...applications.values()];
}

function toRow(application: Application, start: Instant | undefined): ApplicationRow {
  const created = parseInstant(application.created);
  return {
    id: String(application.id),
    name: application.name,
    created,
    start: start ?? created ?? BEGINNING,
  };
}

// Only `created` is needed, and only for a first sync: a key without the right to read Applications can do without.
async function lookUp(
  id: string,
  options: ApplicationOptions,
  context: RequestContext,
): Promise<ApplicationRow> {
  try {
    return toRow(await options.client.application(id, context), options.start);
  } catch (error) {
    if (!isUnauthorised(error) && !hasStatus(error, 404)) throw error;
    const start = options.start ?? BEGINNING;
    options.log.warn(
      { applicationId: Number(id), err: error, start: formatInstant(start) },
      'Application could not be looked up, its sync begins at the start shown',
    );
    return { id, name: undefined, created: undefined, start };
  }
}
