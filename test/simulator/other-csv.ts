import { profilesOf, progressOf } from './achievement-progress.js';
import { money } from './amounts.js';
import type { SimulatedApplication } from './application.js';
import { codeExports, optionalTime } from './code-csv.js';
import { type CsvBody, csvRow, csvTime, quoted } from './csv.js';
import { type CsvExport, csvEndpoint, dateFormatOf } from './csv-endpoint.js';
import { hash32 } from './dice.js';
import { effectsExport } from './effect-csv.js';
import { type ApiRequest, applicationOf, type Endpoint } from './endpoint.js';
import { GIVEAWAY_POOL, giveaways } from './giveaways.js';
import { type Query, readTime } from './query.js';
import { inCampaign } from './reference-endpoints.js';
import type { ReferenceValues } from './reference-kinds.js';
import { audienceMembers, collectionItems } from './reference-other-endpoints.js';
import { notFound } from './refusal.js';
import type { Switches } from './switches.js';
import { formatSeconds } from './timestamp.js';
import { isWithin } from './window.js';
import type { World } from './world.js';

const APPLICATION = '/v1/applications/{applicationId}';
const CAMPAIGN = `${APPLICATION}/campaigns/{campaignId}`;
/** The one that the first campaign names. */
const VALUE_MAP = 100;

const EXPORTS: readonly CsvExport[] = [
  {
    template: '/v2/achievements/{achievementId}/export',
    fileName: 'achievement.csv',
    body: (request, _, { achievementsV2 }) => {
      if (achievementsV2 === '404') throw notFound('Path');
      return achievementBody(request);
    },
  },
  {
    template: `${CAMPAIGN}/achievements/{achievementId}/export`,
    fileName: 'achievement.csv',
    body: (request) => {
      const isInCampaign = inCampaign(request);
      return achievementBody(request, isInCampaign);
    },
  },
  {
    template: '/v1/audiences/{audienceId}/memberships/export',
    fileName: 'audience.csv',
    body: ({ world, path }) => {
      const { profiles, rows } = audienceMembers(world, Number(path.audienceId));
      return column(
        'profileintegrationid',
        rows.map((row) => profiles.integrationId(row)),
      );
    },
  },
  {
    template: '/v1/collections/{collectionId}/export',
    fileName: 'collection.csv',
    body: ({ world, path }) => column('item', collectionItems(world, Number(path.collectionId))),
  },
  {
    template: `${CAMPAIGN}/collections/{collectionId}/export`,
    fileName: 'collection.csv',
    body: (request) => {
      inCampaign(request);
      return column('item', collectionItems(request.world, Number(request.path.collectionId)));
    },
  },
  {
    template: `${CAMPAIGN}/stores/export`,
    fileName: 'stores.csv',
    body: (request) => column('store_integration_id', linkedStores(request)),
  },
  {
    template: `${CAMPAIGN}/stores/budgets/export`,
    fileName: 'budgets.csv',
    filters: { action: ['setDiscount'], period: ['overall', 'daily', 'weekly', 'monthly', 'yearly'] },
    body: (request) => ({
      header: 'store_integration_id,limit',
      rows: linkedStores(request).map((store, index) => csvRow([store, String((index + 1) * 10)])),
    }),
  },
  {
    template: '/v1/giveaways/pools/{poolId}/export',
    fileName: 'giveaways.csv',
    filters: { createdBefore: 'date-time', createdAfter: 'date-time' },
    body: ({ world, path }, query, switches) => {
      if (Number(path.poolId) !== GIVEAWAY_POOL) throw notFound('Pool');
      return {
        header:
          'id,poolid,code,startdate,enddate,attributes,used,importid,created,profileintegrationid,profileid',
        rows: giveawayRows(world, query, switches),
      };
    },
  },
  {
    template: `${CAMPAIGN}/value_maps/{valueMapId}/export`,
    fileName: 'value-map.csv',
    body: (request) => {
      inCampaign(request);
      if (Number(request.path.valueMapId) !== VALUE_MAP) throw notFound('Value map');
      const rows = Array.from({ length: 10 }, (_, index) => csvRow([`sku-${index}`, money(1011 + index)]));
      return { header: 'identifier,value', rows };
    },
  },
  {
    template: `${APPLICATION}/campaign_analytics/export`,
    fileName: 'analytics.csv',
    filters: { campaignIds: 'text', rangeStart: 'date', rangeEnd: 'date' },
    required: ['rangeStart', 'rangeEnd'],
    body: (request, query) => ({
      header:
        'campaign_id,start_date,end_date,revenue,sessions,average_session_value,average_items_per_session,coupons,discounts',
      rows: analyticsRows(request.world, applicationOf(request), query),
    }),
  },
];

function column(header: string, values: readonly string[]): CsvBody {
  return { header, rows: values.map((value) => csvRow([value])) };
}

function achievementBody(
  { world, path }: ApiRequest,
  isInScope: (values: ReferenceValues) => boolean = () => true,
): CsvBody {
  const achievement = world.reference.find('achievement', Number(path.achievementId))?.values;
  if (achievement === undefined || !isInScope(achievement)) throw notFound('Achievement');
  return {
    header: 'profileIntegrationID,title,target,progress,status,startDate,endDate,completionDate',
    rows: progressRows(world, achievement),
  };
}

function* progressRows(world: World, achievement: ReferenceValues): Generator<string> {
  const profiles = profilesOf(world, achievement);
  for (let row = 0; row < profiles.count; row += 1) {
    const made = progressOf(world, achievement, row);
    if (made === undefined) continue;
    const { progress, status, start, end, completion } = made;
    const name = profiles.integrationId(row);
    yield csvRow([
      name,
      String(achievement.title),
      '10.00',
      String(progress),
      status,
      start,
      end,
      completion,
    ]);
  }
}

function linkedStores(request: ApiRequest): string[] {
  inCampaign(request);
  const campaignId = Number(request.path.campaignId);
  return request.world.reference
    .rows('store')
    .filter(({ values }) => (values.linkedCampaignIds as number[]).includes(campaignId))
    .map(({ values }) => String(values.integrationId));
}

function* giveawayRows(world: World, query: Query, switches: Switches): Generator<string> {
  const format = dateFormatOf(query, switches);
  const [after, before] = [readTime(query, 'createdAfter'), readTime(query, 'createdBefore')];
  for (const { id, code, created, endsAt, profile } of giveaways(world)) {
    if (!isWithin(created, after, before, switches)) continue;
    const end = optionalTime(endsAt, format, switches);
    const start = [String(id), String(GIVEAWAY_POOL), code, csvTime(created, format), end];
    const owner =
      profile < 0 ? ['', ''] : [world.live.integrationId(profile), world.live.ids.idOf(profile) ?? ''];
    const rest = [String(profile >= 0), '2', csvTime(created, format), ...owner];
    yield `${csvRow(start)},${quoted('{"attribute": "value"}')},${csvRow(rest)}`;
  }
}

/** The first rows have labels instead of ids, and N/A where a number makes no sense. */
function* analyticsRows(world: World, application: SimulatedApplication, query: Query): Generator<string> {
  const wanted = query.get('campaignIds')?.split(',');
  const time = (name: string): string => formatSeconds(readTime(query, name) ?? 0).replace('Z', '+00:00');
  const range = [time('rangeStart'), time('rangeEnd')];
  yield csvRow(['Total', ...range, '751916.88', '5919', '127.03', '3.96', 'N/A', 'N/A']);
  yield csvRow(['Influenced', ...range, '525816.00', '5246', '100.23', '4.46', '374', '47675.73']);
  for (const { values } of world.reference.rows('campaign')) {
    const id = String(values.id);
    if (values.applicationId !== application.id || (wanted !== undefined && !wanted.includes(id))) continue;
    const sessions = 100 + (hash32(values.id, 98) % 3000);
    yield csvRow([id, ...range, money(sessions * 9149), String(sessions), '91.49', '4.62', '247', '8435.65']);
  }
}

export const otherExportEndpoints: readonly Endpoint[] = [effectsExport, ...codeExports, ...EXPORTS].map(
  csvEndpoint,
);
