import { money } from './amounts.js';
import type { SimulatedApplication } from './application.js';
import { codeExports } from './code-csv.js';
import { type CsvBody, csvRow, csvTime, quoted } from './csv.js';
import { type CsvExport, csvEndpoint, dateFormatOf } from './csv-endpoint.js';
import { hash32 } from './dice.js';
import { effectsExport } from './effect-csv.js';
import { type ApiRequest, applicationOf, type Endpoint } from './endpoint.js';
import { type Query, readTime } from './query.js';
import { inCampaign } from './reference-endpoints.js';
import type { ReferenceValues } from './reference-kinds.js';
import { audienceMembers, collectionItems } from './reference-other-endpoints.js';
import { notFound } from './refusal.js';
import { DAY, formatSeconds, type Micros } from './timestamp.js';
import type { World } from './world.js';
import { formatZoned } from './zoned-time.js';

const APPLICATION = '/v1/applications/{applicationId}';
const CAMPAIGN = `${APPLICATION}/campaigns/{campaignId}`;
/** The pool and the value map that effects and campaigns name. */
const GIVEAWAY_POOL = 7;
const VALUE_MAP = 100;
const GIVEAWAYS = 40;

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
      const format = dateFormatOf(query, switches);
      return {
        header:
          'id,poolid,code,startdate,enddate,attributes,used,importid,created,profileintegrationid,profileid',
        rows: giveawayRows(world, (at) => csvTime(at, format)),
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

/** One profile in three has made some progress. */
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
  const profiles = achievement.sandbox === true ? world.sandbox : world.live;
  const date = (at: Micros): string => formatZoned(at, String(achievement.timezone), 'offset', 'none');
  for (let row = 0; row < profiles.count; row += 1) {
    const h = hash32(world.style.seed, row, achievement.id + 90);
    if (h % 3 > 0 || !profiles.isVisible(row)) continue;
    const start = profiles.created.get(row);
    const progress = h % 11;
    const isDone = progress === 10;
    yield csvRow([
      profiles.integrationId(row),
      String(achievement.title),
      '10.00',
      String(progress),
      isDone ? 'completed' : h % 2 === 0 ? 'inprogress' : 'expired',
      date(start),
      date(start + 31 * DAY),
      isDone ? date(start + DAY) : '',
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

function* giveawayRows(world: World, time: (at: Micros) => string): Generator<string> {
  const profiles = world.live;
  const created = Math.min(...[...world.applications.values()].map((application) => application.created));
  for (let index = 0; index < GIVEAWAYS; index += 1) {
    const h = hash32(world.style.seed, index, 97);
    const isUsed = h % 2 === 0 && profiles.count > 0;
    const profile = h % Math.max(1, profiles.count);
    const fields = [
      ...[String(index + 1), String(GIVEAWAY_POOL), `GIFT-${index}-${h % 9973}`],
      ...[time(created), h % 3 === 0 ? '' : time(created + 365 * DAY)],
    ];
    const rest = [
      ...[String(isUsed), '2', time(created)],
      ...(isUsed ? [profiles.integrationId(profile), profiles.ids.idOf(profile) ?? ''] : ['', '']),
    ];
    yield `${csvRow(fields)},${quoted('{"attribute": "value"}')},${csvRow(rest)}`;
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
