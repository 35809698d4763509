import { ApiError, hasStatus } from '../../talon-one/api-error.js';
import type { ListAddress } from '../../talon-one/list-reading.js';
import { HistoryWriter, type Scope } from '../../warehouse/history-writer.js';
import { advanceJob } from '../../warehouse/job.js';
import type { Client } from '../../warehouse/pool.js';
import { campaignsWithFeature } from '../../warehouse/reference-reads.js';
import { noteQuarantined } from '../cycle-context.js';
import type { JobContext, JobKind, JobResult } from '../job.js';
import type { EntityList, ReferenceEntity } from './entities.js';
import { applicationsOf, type ReferenceOptions, SOON_MS } from './options.js';
import { readScope, type ScopeCounts } from './read-scope.js';

/** More to do in the same run, once the lists have been read; returns its figures. */
export type Afterwards = (options: ReferenceOptions, context: JobContext) => Promise<JobResult['figures']>;

/** Keeps the history of one kind of reference data up to date. */
export function entityJob(
  entity: ReferenceEntity,
  options: ReferenceOptions,
  afterwards?: Afterwards,
): JobKind {
  const name = `reference-${entity.kind.replaceAll('_', '-')}`;
  const run = async (context: JobContext): Promise<JobResult> => {
    const applicationIds = await applicationsOf(options);
    const { figures, failures } = await readEntity(entity, options, applicationIds, context);
    const more = await afterwards?.(options, context);
    if (failures.length > 0) throw failures[0];
    const inMs = applicationIds.length === 0 ? SOON_MS : options.intervalMs;
    return { next: { inMs }, figures: { ...figures, ...more } };
  };
  return { name, jobs: [name], inOnce: 'if-due', run };
}

interface EntityRun {
  readonly figures: Record<string, number>;
  /** Of the parts that could not be read. */
  readonly failures: readonly ApiError[];
}

/** Reads every part, also when the API refuses one or fails at it: an Application must not hold up the others. */
async function readEntity(
  entity: ReferenceEntity,
  options: ReferenceOptions,
  applicationIds: readonly string[],
  context: JobContext,
): Promise<EntityRun> {
  const begin = (client: Client) => advanceJob(client, context.lease);
  const writer = new HistoryWriter(options.warehouse, entity.table, entity.kind, begin);
  const figures = { pages: 0, versions: 0, deleted: 0, incomplete: 0, unknown: 0 };
  const failures: ApiError[] = [];
  for (const part of await partsOf(entity, options, applicationIds)) {
    const counts = await readPart(entity, part, writer, options, applicationIds, context).catch(
      (error: unknown) => {
        if (!(error instanceof ApiError) || context.signal.aborted) throw error;
        return error;
      },
    );
    if (counts instanceof ApiError) {
      failures.push(counts);
      continue;
    }
    figures.pages += counts?.pages ?? 0;
    figures.versions += counts?.versions ?? 0;
    figures.deleted += counts?.deleted ?? 0;
    if (counts?.isIncomplete) figures.incomplete += 1;
    if (counts === undefined) figures.unknown += 1;
    noteQuarantined(context, { inserted: 0, quarantined: counts?.quarantined ?? 0 }, entity.list.path);
  }
  figures.deleted += await writer.closeOrphans();
  return { figures, failures };
}

/** `undefined`: the server knows neither the list nor its older form, or not the Application. */
async function readPart(
  entity: ReferenceEntity,
  { scope, lists }: Part,
  writer: HistoryWriter,
  options: ReferenceOptions,
  applicationIds: readonly string[],
  { requests }: JobContext,
): Promise<ScopeCounts | undefined> {
  const read = (from: readonly ListAddress[]) =>
    readScope({ ...options, writer, lists: from, scope }, requests).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
      return undefined;
    });
  const counts = await read(lists);
  if (counts !== undefined || entity.older === undefined) return counts;
  return read(await listsOf(entity.older, options, applicationIds));
}

interface Part {
  readonly scope: Scope;
  readonly lists: readonly ListAddress[];
}

/** A list of an Application concerns its rows only, so that one that cannot be read holds up no other. */
async function partsOf(
  entity: ReferenceEntity,
  options: ReferenceOptions,
  applicationIds: readonly string[],
): Promise<Part[]> {
  const list = options.wanted === 'all' ? entity.list : (entity.named ?? entity.list);
  if (!list.path.includes('{applicationId}')) {
    return [{ scope: undefined, lists: await listsOf(list, options, applicationIds) }];
  }
  return Promise.all(
    applicationIds.map(async (id) => ({ scope: id, lists: await listsOf(list, options, [id]) })),
  );
}

async function listsOf(
  list: EntityList,
  { warehouse, pageSize: fullSize }: ReferenceOptions,
  applicationIds: readonly string[],
): Promise<ListAddress[]> {
  const { feature, largestPage = fullSize } = list;
  const address = { ...list, pageSize: Math.min(fullSize, largestPage) };
  if (!list.path.includes('{applicationId}')) return [{ ...address, parameters: {} }];
  if (feature === undefined) {
    return applicationIds.map((applicationId) => ({ ...address, parameters: { applicationId } }));
  }
  const campaigns = await campaignsWithFeature(warehouse, applicationIds, feature);
  return campaigns.map(({ applicationId, campaignId }) => ({
    ...address,
    parameters: { applicationId, campaignId },
  }));
}
