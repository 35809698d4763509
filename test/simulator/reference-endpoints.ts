import { type ApiRequest, applicationOf, type Endpoint } from './endpoint.js';
import type { ReferenceValues } from './reference-kinds.js';
import {
  contains,
  equals,
  includes,
  type ReferenceItem,
  type ReferenceList,
  referenceItem,
  referenceList,
  times,
} from './reference-list.js';
import { notFound } from './refusal.js';

const APPLICATION = '/v1/applications/{applicationId}';
const CAMPAIGN = `${APPLICATION}/campaigns/{campaignId}`;
export const CAMPAIGN_STATES = [
  'enabled',
  'disabled',
  'archived',
  'scheduled',
  'running',
  'expired',
  'staged',
];

const LISTS: readonly ReferenceList[] = [
  {
    template: `${APPLICATION}/campaigns`,
    kind: 'campaign',
    envelope: 'total',
    scope: inApplication,
    filters: {
      campaignState: { type: CAMPAIGN_STATES, matches: isInState },
      name: contains('name'),
      tags: {
        type: 'texts',
        matches: (values, _, { request }) =>
          request.search.getAll('tags').every((tag) => (values.tags as string[]).includes(tag)),
      },
      ...times('created', 'created'),
      ...times('start', 'startTime'),
      ...times('end', 'endTime'),
      campaignGroupId: includes('campaignGroups'),
      templateId: equals('templateId', 'integer'),
      storeId: includes('linkedStoreIds'),
    },
  },
  { template: `${CAMPAIGN}/rulesets`, kind: 'ruleset', envelope: 'total', scope: inCampaign },
  {
    template: '/v1/attributes',
    kind: 'attribute',
    envelope: 'total',
    filters: {
      entity: equals('entity'),
      applicationIds: {
        type: 'text',
        matches: (values, wanted) =>
          wanted.split(',').some((id) => (values.subscribedApplicationsIds as number[]).includes(Number(id))),
      },
      loyaltyProgramIds: { type: 'text', matches: () => false },
      type: equals('type'),
      kind: {
        type: ['builtin', 'custom'],
        matches: ({ editable }, wanted) => (editable === true) === (wanted === 'custom'),
      },
      search: contains('name', 'title', 'description'),
    },
  },
  { template: '/v1/additional_costs', kind: 'additionalCost', envelope: 'total' },
  { template: '/v1/audiences', kind: 'audience', envelope: 'either' },
  {
    template: `${APPLICATION}/stores`,
    kind: 'store',
    envelope: 'either',
    scope: inApplication,
    filters: {
      campaignId: includes('linkedCampaignIds'),
      name: contains('name'),
      integrationId: contains('integrationId'),
      query: contains('name', 'integrationId'),
    },
  },
  {
    template: '/v2/achievements',
    kind: 'achievement',
    envelope: 'hasMore',
    defaultPageSize: 50,
    scope: isBeta,
    without: ['campaignId'],
    filters: { title: contains('title'), applicationId: includes('subscribedApplications') },
  },
  {
    template: `${CAMPAIGN}/achievements`,
    kind: 'achievement',
    envelope: 'hasMore',
    defaultPageSize: 50,
    maximumPageSize: 50,
    isUnsorted: true,
    scope: inCampaign,
    // Older: other states, and of one campaign alone.
    without: ['status', 'subscribedApplications', 'sandbox', 'timezone'],
    filters: { title: contains('title') },
  },
  {
    template: '/v1/event_types',
    kind: 'eventType',
    envelope: 'total',
    filters: { name: contains('name'), includeOldVersions: { type: 'boolean', matches: () => true } },
  },
  {
    template: '/v1/collections',
    kind: 'collection',
    envelope: 'either',
    scope: () => (values) => values.applicationId === undefined,
    filters: { name: contains('name') },
  },
  {
    template: `${APPLICATION}/collections`,
    kind: 'collection',
    envelope: 'either',
    scope: (request) => {
      const { id } = applicationOf(request);
      return (values) => values.applicationId === id && values.campaignId === undefined;
    },
    filters: { name: contains('name') },
  },
  {
    template: `${CAMPAIGN}/collections`,
    kind: 'collection',
    envelope: 'either',
    scope: inCampaign,
    filters: { name: contains('name') },
  },
];

const ITEMS: readonly ReferenceItem[] = [
  { template: CAMPAIGN, kind: 'campaign', placeholder: 'campaignId', scope: inApplication },
  {
    template: `${CAMPAIGN}/rulesets/{rulesetId}`,
    kind: 'ruleset',
    placeholder: 'rulesetId',
    scope: inCampaign,
  },
  { template: '/v1/attributes/{attributeId}', kind: 'attribute', placeholder: 'attributeId' },
  {
    template: `${APPLICATION}/stores/{storeId}`,
    kind: 'store',
    placeholder: 'storeId',
    scope: inApplication,
  },
  {
    template: '/v2/achievements/{achievementId}',
    kind: 'achievement',
    placeholder: 'achievementId',
    scope: isBeta,
    without: ['campaignId'],
  },
  { template: '/v1/collections/{collectionId}', kind: 'collection', placeholder: 'collectionId' },
  {
    template: `${CAMPAIGN}/collections/{collectionId}`,
    kind: 'collection',
    placeholder: 'collectionId',
    scope: inCampaign,
  },
];

function inApplication(request: ApiRequest): (values: ReferenceValues) => boolean {
  const { id } = applicationOf(request);
  return (values) => values.applicationId === id;
}

/** The campaign has to exist, in the Application of the path. */
export function inCampaign(request: ApiRequest): (values: ReferenceValues) => boolean {
  const application = applicationOf(request);
  const id = Number(request.path.campaignId);
  const campaign = request.world.reference.find('campaign', id);
  if (campaign?.values.applicationId !== application.id) throw notFound('Campaign');
  return (values) => values.campaignId === id;
}

/** Closed beta: a deployment may not have it. */
function isBeta(request: ApiRequest): () => boolean {
  if (request.world.switchBoard.get().achievementsV2 === '404') throw notFound('Path');
  return () => true;
}

/** Documented for exports: enabled campaigns are the scheduled, running and expired ones. */
export function isInState({ state, frontendState }: ReferenceValues, wanted: string): boolean {
  return wanted === 'enabled' ? state === 'enabled' : frontendState === wanted;
}

export const referenceEndpoints: readonly Endpoint[] = [
  ...LISTS.map(referenceList),
  ...ITEMS.map(referenceItem),
];
