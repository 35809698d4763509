import type { SimulatedApplication } from './application.js';
import { CAMPAIGNS, firstCampaign } from './effect-text.js';
import { storeId } from './event-text.js';
import { ACCOUNT_ID } from './profile-text.js';
import { DAY, formatMicros, formatSeconds, type Micros, SECOND } from './timestamp.js';
import { EVENT_TYPES, KIND, RULES, STORES } from './vocabulary.js';

// What an account has configured: the rows that reference lists return, and how each kind is made.

export const REFERENCE_KINDS = [
  'campaign',
  'ruleset',
  'attribute',
  'additionalCost',
  'audience',
  'store',
  'achievement',
  'eventType',
  'collection',
] as const;
export type ReferenceKind = (typeof REFERENCE_KINDS)[number];

/** The members that the API shows, among them `id` and `created`. */
export type ReferenceValues = Record<string, unknown> & { id: number; created: string };

export interface ReferenceScene {
  /** Of the application it belongs to; of the first one for what belongs to the account. */
  application: SimulatedApplication;
  /** Ids of all live or all sandbox Applications. */
  applicationIds: number[];
  /** Counts the rows of a kind within the Application or the account, from 0. */
  index: number;
  now: Micros;
}

interface KindOfReference {
  isPerApplication: boolean;
  /** How many there are before the simulator starts. */
  count: number;
  make: (scene: ReferenceScene) => ReferenceValues;
  /** The endpoint that the audit log names. */
  path: (values: ReferenceValues) => string;
  /** The member that says when a row was last changed, where there is one. */
  modified?: string;
}

const FEATURES = ['coupons', 'referrals', 'loyalty', 'giveaways'];
const RULESETS_PER_CAMPAIGN = 2;

export const KINDS: Record<ReferenceKind, KindOfReference> = {
  campaign: {
    isPerApplication: true,
    count: CAMPAIGNS,
    make: campaign,
    path: ({ applicationId, id }) => `/v1/applications/${applicationId}/campaigns/${id}`,
    modified: 'updated',
  },
  ruleset: {
    isPerApplication: true,
    count: CAMPAIGNS * RULESETS_PER_CAMPAIGN,
    make: ruleset,
    path: ({ campaignId, id }) => `/v1/campaigns/${campaignId}/rulesets/${id}`,
  },
  attribute: {
    isPerApplication: false,
    count: 6,
    make: attribute,
    path: ({ id }) => `/v1/attributes/${id}`,
  },
  additionalCost: {
    isPerApplication: false,
    count: 2,
    make: ({ application, applicationIds, index }) => ({
      ...entity(application, index + 1, index),
      accountId: ACCOUNT_ID,
      name: ['shipping', 'handling'][index] ?? `cost_${index}`,
      title: ['Shipping', 'Handling fee'][index] ?? `Cost ${index}`,
      description: 'A fee',
      subscribedApplicationsIds: applicationIds,
      type: 'session',
    }),
    path: ({ id }) => `/v1/additional_costs/${id}`,
  },
  audience: {
    isPerApplication: false,
    count: 5,
    make: ({ application, applicationIds, index }) => ({
      ...entity(application, index + 1, index),
      accountId: ACCOUNT_ID,
      name: index === MEMBERS_AUDIENCE - 1 ? 'Travel audience' : `Audience ${index + 1}`,
      sandbox: application.sandbox,
      description: '',
      subscribedApplicationsIds: applicationIds,
      createdIn3rdParty: false,
      lastUpdate: formatMicros(application.created + DAY),
    }),
    path: ({ id }) => `/v1/audiences/${id}`,
    modified: 'lastUpdate',
  },
  store: {
    isPerApplication: true,
    count: STORES,
    make: store,
    path: ({ applicationId, id }) => `/v1/applications/${applicationId}/stores/${id}`,
    modified: 'updated',
  },
  achievement: {
    isPerApplication: false,
    count: 9,
    make: achievement,
    path: ({ id }) => `/v2/achievements/${id}`,
  },
  eventType: {
    isPerApplication: false,
    count: EVENT_TYPES.length - KIND.firstCustom,
    make: ({ application, index }) => {
      const name = EVENT_TYPES[KIND.firstCustom + index] ?? `custom_${index}`;
      return { ...entity(application, 20 + index, index), title: titleOf(name), name, description: '' };
    },
    path: ({ id }) => `/v1/event_types/${id}`,
  },
  collection: {
    isPerApplication: true,
    count: 3,
    make: collection,
    path: ({ id }) => `/v1/collections/${id}`,
    modified: 'modified',
  },
};

/** The only audience that profiles are members of. */
export const MEMBERS_AUDIENCE = 2;

function entity(application: SimulatedApplication, id: number, index: number): ReferenceValues {
  return { id, created: formatMicros(application.created + index * 61 * SECOND) };
}

function campaign({ application, index, now }: ReferenceScene): ReferenceValues {
  const id = firstCampaign(application.id) + index;
  const isOver = index % 7 === 3;
  const isArchived = index % 11 === 10;
  const end = application.created + (isOver ? 20 : 400) * DAY;
  return {
    ...entity(application, id, index),
    applicationId: application.id,
    userId: 388,
    name: `Campaign ${id}`,
    description: index % 3 === 0 ? 'All "summer" promotions,\nsecond line' : '',
    startTime: formatSeconds(application.created),
    endTime: formatSeconds(end),
    attributes: { channel: index % 2 === 0 ? 'web' : 'app' },
    state: isArchived ? 'archived' : 'enabled',
    activeRulesetId: rulesetOf(id),
    tags: index % 2 === 0 ? ['summer', 'ünïcode'] : [],
    reevaluateOnReturn: true,
    features: FEATURES.slice(0, 1 + (index % 4)),
    limits: [{ action: 'redeemCoupon', limit: 1000, period: 'yearly', entities: ['Coupon'] }],
    campaignGroups: [1 + (index % 3)],
    type: 'advanced',
    linkedStoreIds: index % 5 === 0 ? [storeId(application.id, 1)] : [],
    budgets: [{ action: 'setDiscount', limit: 1000, counter: index * 10.5 }],
    lastActivity: formatSeconds(application.created + DAY),
    updated: formatMicros(application.created + index * DAY),
    createdBy: 'John Doe',
    updatedBy: 'Jane Doe',
    templateId: 3,
    frontendState: isArchived ? 'archived' : end < now ? 'expired' : 'running',
    storesImported: false,
    valueMapsIds: index === 0 ? [100] : [],
    version: 0,
  };
}

/** As effects name it. */
export function rulesetOf(campaignId: number): number {
  return campaignId - 127;
}

/** Each campaign has an older revision, which the list returns too; `activeRulesetId` names the one that counts. */
function ruleset({ application, index }: ReferenceScene): ReferenceValues {
  const campaignId = firstCampaign(application.id) + Math.floor(index / RULESETS_PER_CAMPAIGN);
  const isOld = index % RULESETS_PER_CAMPAIGN === 0;
  const created = application.created + (isOld ? 0 : DAY);
  return {
    id: rulesetOf(campaignId) - (isOld ? 40 : 0),
    created: formatMicros(created),
    campaignId,
    userId: 388,
    rules: RULES.map((title, position) => ({
      id: `7fa800a8-ac8d-4792-85dc-${String(campaignId * 10 + position).padStart(12, '0')}`,
      title: JSON.parse(`"${title}"`) as string,
      condition: ['and', ['couponValid']],
      effects: [['catch', ['noop'], ['setDiscount', '10% off', ['*', ['.', 'Session', 'Total'], 0.1]]]],
    })),
    strikethroughRules: [],
    bindings: [],
    rbVersion: 'v2',
    activate: true,
    activatedAt: formatMicros(created + SECOND),
  };
}

const ATTRIBUTES = [
  { entity: 'CustomerProfile', name: 'Language', type: 'string' },
  { entity: 'CustomerProfile', name: 'eventCount', type: 'number' },
  { entity: 'CustomerSession', name: 'exchangeRate', type: 'number' },
  { entity: 'CustomerSession', name: 'paymentMethod', type: 'string' },
  { entity: 'Event', name: 'tags', type: '(list string)' },
  { entity: 'Coupon', name: 'test', type: 'string' },
];

function attribute({ application, applicationIds, index }: ReferenceScene): ReferenceValues {
  const known = ATTRIBUTES[index] ?? { entity: 'CartItem', name: `attribute_${index}`, type: 'string' };
  return {
    ...entity(application, 300 + index, index),
    accountId: ACCOUNT_ID,
    ...known,
    ...(known.entity === 'Event' ? { eventType: 'product_review', eventTypeId: 21 } : {}),
    title: titleOf(known.name),
    description: `The ${known.name}, as "we" send it`,
    suggestions: [],
    hasAllowedList: false,
    restrictedBySuggestions: false,
    editable: index !== 0,
    subscribedApplicationsIds: applicationIds,
    subscribedCatalogsIds: [],
    allowedSubscriptions: ['application'],
  };
}

function store({ application, index }: ReferenceScene): ReferenceValues {
  const number = index + 1;
  return {
    ...entity(application, storeId(application.id, number), index),
    name: index % 4 === 0 ? `Store "${number}", Łódź` : `Store ${number}`,
    description: 'A store',
    attributes: { country: 'PL', code: 1234 },
    integrationId: `STORE-${String(number).padStart(3, '0')}`,
    applicationId: application.id,
    updated: formatMicros(application.created + index * SECOND),
    linkedCampaignIds: index % 5 === 0 ? [firstCampaign(application.id)] : [],
  };
}

/** With the members of both versions of the API; each list shows its own. */
function achievement({ application, applicationIds, index }: ReferenceScene): ReferenceValues {
  const id = index + 1;
  return {
    ...entity(application, id, index),
    name: `FreeCoffee10Orders${id}`,
    title: `Coffee "free", ${id}`,
    description: '50% off for every 50th purchase in a year.',
    target: 10,
    period: '1Y',
    recurrencePolicy: 'no_recurrence',
    activationPolicy: 'user_action',
    allowRollbackAfterCompletion: false,
    subscribedApplications: applicationIds,
    campaignId: firstCampaign(application.id) + index,
    userId: 388,
    createdBy: 'John Doe',
    hasProgress: true,
    status: 'active',
    sandbox: application.sandbox,
    timezone: 'Europe/Berlin',
  };
}

/** One of the account, one of the Application, one of its first campaign. */
function collection({ application, applicationIds, index }: ReferenceScene): ReferenceValues {
  const scope = index % 3;
  return {
    ...entity(application, application.id * 1000 + index + 1, index),
    accountId: ACCOUNT_ID,
    modified: formatMicros(application.created + index * SECOND),
    description: 'SKUs, "quoted"',
    subscribedApplicationsIds: scope === 0 ? applicationIds : [],
    name: `Collection ${index + 1}`,
    modifiedBy: 48,
    createdBy: 134,
    ...(scope > 0 ? { applicationId: application.id } : {}),
    ...(scope > 1 ? { campaignId: firstCampaign(application.id) } : {}),
  };
}

function titleOf(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');
}
