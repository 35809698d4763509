import { parseInstant } from '../../instant.js';
import { hasStatus, isUnauthorised } from '../../talon-one/api-error.js';
import { HistoryWriter } from '../../warehouse/history-writer.js';
import { advanceJob } from '../../warehouse/job.js';
import { databaseTime } from '../../warehouse/owed.js';
import type { Client } from '../../warehouse/pool.js';
import { noteRulesetRead, type WantedRuleset, wantedRulesets } from '../../warehouse/reference-reads.js';
import type { JobContext, JobResult } from '../job.js';
import { rulesetPath, rulesetTable } from './entities.js';
import { applicationsOf, type ReferenceOptions } from './options.js';

/**
 * Reads the active rulesets by ID, one request each, but only where a campaign has got another one or was updated. (The
 * list of a campaign's rulesets brings every revision there ever was, deleted ones included.) A key that may not read
 * them keeps nothing else from being read.
 */
export async function readActiveRulesets(
  options: ReferenceOptions,
  context: JobContext,
): Promise<JobResult['figures']> {
  const { warehouse } = options;
  const begin = (client: Client) => advanceJob(client, context.lease);
  const writer = new HistoryWriter(warehouse, rulesetTable, 'ruleset', begin);
  await writer.closeOrphans();
  const figures = { rulesets: 0, rulesetVersions: 0 };
  try {
    for (const ruleset of await wantedRulesets(warehouse, await applicationsOf(options))) {
      context.signal.throwIfAborted();
      figures.rulesetVersions += await readRuleset(ruleset, writer, options, context);
      figures.rulesets += 1;
    }
    await noteRefusal(undefined, warehouse, context);
  } catch (error) {
    if (!isUnauthorised(error)) throw error;
    await noteRefusal(error, warehouse, context);
  }
  return figures;
}

async function readRuleset(
  ruleset: WantedRuleset,
  writer: HistoryWriter,
  { warehouse, client }: ReferenceOptions,
  { requests, lease }: JobContext,
): Promise<number> {
  try {
    const page = await client.one(rulesetPath, { ...ruleset }, {}, requests);
    const readAt = page.serverTime ?? parseInstant(await databaseTime(warehouse)) ?? 0n;
    const counts = await writer.merge({ ...page, problems: new Map() }, ruleset.applicationId, readAt);
    await warehouse.transaction(async (transaction) => {
      await advanceJob(transaction, lease);
      await noteRulesetRead(transaction, ruleset);
    });
    return counts.versions;
  } catch (error) {
    // It has given way to another one meanwhile, which the next reading of the campaign will name.
    if (hasStatus(error, 404)) return 0;
    throw error;
  }
}

/** Says it once, not every hour. */
async function noteRefusal(
  error: unknown,
  warehouse: ReferenceOptions['warehouse'],
  { lease, state, log }: JobContext,
): Promise<void> {
  const rulesetsRefused = error !== undefined;
  if (rulesetsRefused === (state.rulesetsRefused === true)) return;
  if (rulesetsRefused) log.warn({ err: error }, 'the API refuses the key for rulesets, campaigns go without');
  await warehouse.transaction((client) => advanceJob(client, lease, { rulesetsRefused }));
}
