import { UserError } from '../errors.js';
import { parseInstant } from '../instant.js';
import type { Logger } from '../logger.js';
import { EventList } from '../talon-one/event-list.js';
import { eventPages } from '../talon-one/event-pages.js';
import { readRecords, storedExtent } from '../warehouse/record-reader.js';
import type { Warehouse } from '../warehouse/warehouse.js';
import type { ExportContext, ExportEntry } from './export-entry.js';
import { checkOrder, type OptionValues } from './options.js';
import { pagedRecords } from './paged-records.js';
import { requests } from './program.js';
import { RecentKeys } from './recent-keys.js';
import { type RecordFormat, RecordWriter } from './record-writer.js';
import { UsageError } from './usage-error.js';
import { writeRange } from './write-range.js';

// What Talon.One has no export for: profiles and events, from the copy in the warehouse or from the API.

const PROFILE_COLUMNS = [
  'id',
  'integrationId',
  'created',
  'lastActivity',
  'closedSessions',
  'totalSales',
  'attributes',
  'audienceMemberships',
  'accountId',
  'sandbox',
  'advocateIntegrationId',
];
const EVENT_COLUMNS = [
  'id',
  'created',
  'applicationId',
  'type',
  'profileId',
  'sessionId',
  'storeIntegrationId',
  'integrationId',
  'attributes',
  'effects',
  'storeId',
  'ruleFailureReasons',
];
const BEGINNING = parseInstant('2015-01-01T00:00:00Z') ?? 0n;

export const profiles: ExportEntry = {
  name: 'profiles',
  about: 'customer profiles, from the warehouse or from the API',
  example: '--format ndjson',
  required: [],
  optional: ['application', 'from', 'to', 'sandbox', 'format', 'source'],
  prepare: (values) => {
    checkOrder(values, 'from', 'to');
    if (values.source !== 'api') return fromWarehouse('profile', PROFILE_COLUMNS, values);
    if (values.from !== undefined || values.to !== undefined)
      throw new UsageError(
        '--from and --to need --source warehouse: the API cannot filter profiles by time.',
      );
    if (values.application !== undefined && values.sandbox !== undefined)
      throw new UsageError(
        '--sandbox does not go with --application, which belongs to one environment already.',
      );
    return { source: 'api', run: (context) => profilesOfApi(values, context) };
  },
};

export const events: ExportEntry = {
  name: 'events',
  about: 'events with their effects, from the warehouse or from the API',
  example: '--application 42 --from 2026-11-01 --format ndjson',
  required: [],
  optional: ['application', 'from', 'to', 'format', 'source'],
  prepare: (values) => {
    checkOrder(values, 'from', 'to');
    if (values.source !== 'api') return fromWarehouse('event', EVENT_COLUMNS, values);
    const { application } = values;
    if (application === undefined)
      throw new UsageError(
        '--source api needs --application: the API lists events of one Application at a time.',
      );
    return { source: 'api', run: (context) => eventsOfApi(application, values, context) };
  },
};

function fromWarehouse(kind: 'event' | 'profile', columns: readonly string[], values: OptionValues) {
  if (values.sandbox !== undefined)
    throw new UsageError('--sandbox needs --source api; from the warehouse choose an Application.');
  const run = async ({ warehouse, output, log }: ExportContext): Promise<void> => {
    if (!warehouse) throw new Error('no warehouse is open');
    const { application: applicationId, from, to } = values;
    await checkStored(warehouse, applicationId, log);
    const writer = new RecordWriter(output, formatOf(values), columns, log);
    await readRecords(warehouse, { kind, applicationId, from, to }, (batch) => writer.write(batch));
    await writer.end();
  };
  return { source: 'warehouse', run } as const;
}

/** @throws UserError when there is nothing: a copy that was never made must not pass for an account without customers */
async function checkStored(
  warehouse: Warehouse,
  applicationId: string | undefined,
  log: Logger,
): Promise<void> {
  const extent = await storedExtent(warehouse, applicationId);
  if (extent === 'whole') return;
  if (extent === 'part')
    return log.warn('the daemon has not copied everything yet: this export is a part of what the API has');
  const [what, which] =
    applicationId === undefined
      ? ['No Application is', 'one']
      : [`Application ${applicationId} is not`, 'it'];
  throw new UserError(`${what} in the warehouse: let the daemon copy ${which}, or use --source api.`);
}

async function profilesOfApi(values: OptionValues, context: ExportContext): Promise<void> {
  const { client, output, pageSize, log } = context;
  const writer = new RecordWriter(output, formatOf(values), PROFILE_COLUMNS, log);
  const { application, sandbox } = values;
  const pages = pagedRecords(
    (paging) =>
      application === undefined
        ? client.list('/v1/customers/no_total', {}, { ...paging, sandbox }, requests(context))
        : client.list(
            '/v1/applications/{applicationId}/customers',
            { applicationId: application },
            { ...paging },
            requests(context),
          ),
    pageSize,
    (profile) => (profile as { id?: unknown }).id,
  );
  for await (const page of pages) await writer.write(page);
  await writer.end();
}

/** In the order of `created` where the server sorts; each event once, although pages overlap. */
async function eventsOfApi(application: string, values: OptionValues, context: ExportContext): Promise<void> {
  const { client, output, pageSize, log } = context;
  const writer = new RecordWriter(output, formatOf(values), EVENT_COLUMNS, log);
  const [from, to] = [parseInstant(values.from ?? '') ?? BEGINNING, parseInstant(values.to ?? '')];
  const written = new RecentKeys();
  const list = new EventList(client, application, pageSize);
  // A microsecond earlier: whether `createdAfter` includes its own moment is not documented.
  for await (const { page, lastSync } of eventPages(list, from - 1n, requests(context))) {
    await writeRange(writer, page, { from, to }, written);
    if (page.problems.size > 0)
      log.warn(
        { problems: [...page.problems.values()].slice(0, 3) },
        'records that are no events were left out',
      );
    if (to !== undefined && lastSync !== undefined && lastSync >= to) break;
  }
  await writer.end();
}

function formatOf({ format }: OptionValues): RecordFormat {
  return format === 'ndjson' ? 'ndjson' : 'csv';
}
