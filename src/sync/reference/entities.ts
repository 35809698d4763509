import type { ListQuery } from '../../talon-one/list-reading.js';
import type { HistoryColumn, HistoryTable } from '../../warehouse/history-table.js';
import type { RecordKind } from '../../warehouse/quarantine.js';

// The reference data, one entry for each kind. To add one: an entry here, its table in a migration, and a line in
// docs/reference-data.md. Sources: docs/api-facts.md, Other entities.

/** Where the records of an entity are listed. */
export interface EntityList {
  /** Read once for every Application if it has `{applicationId}`, for every campaign if it has `{campaignId}`. */
  readonly path: string;
  /** The most rows that a page may have, where that is less than elsewhere. */
  readonly largestPage?: number;
  readonly query?: ListQuery;
  /** The path leads to a single record. */
  readonly isOne?: boolean;
  /** The list takes no paging. */
  readonly isUnpaged?: boolean;
  /** Only campaigns with this feature have such records. */
  readonly feature?: string;
}

export interface ReferenceEntity {
  /** As the log and the quarantine call it. */
  readonly kind: RecordKind;
  readonly list: EntityList;
  /** Used instead when the server does not know the list. */
  readonly older?: EntityList;
  /** Used instead when TALON_ONE_APPLICATION_IDS names the Applications: the key need not be allowed to list all. */
  readonly named?: EntityList;
  readonly table: HistoryTable;
}

const text = (name: string, member = camel(name)): HistoryColumn => ({ name, member, type: 'text' });
const time = (name: string, member = camel(name)): HistoryColumn => ({ name, member, type: 'timestamptz' });
const bigint = (name: string, member = camel(name)): HistoryColumn => ({ name, member, type: 'bigint' });
const boolean = (name: string, member = camel(name)): HistoryColumn => ({ name, member, type: 'boolean' });
const numeric = (name: string, member = camel(name)): HistoryColumn => ({ name, member, type: 'numeric' });

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

const byApplication = { table: 'talon_one_application', id: 'application_id' };
/** Makes the list count its records, which shows whether a reading is complete. */
const counted: ListQuery = { withTotalResultSize: true };

/** In this order: what refers to something comes after it. */
export const entities: readonly ReferenceEntity[] = [
  {
    kind: 'application',
    list: { path: '/v1/applications' },
    named: { path: '/v1/applications/{applicationId}', isOne: true },
    table: {
      name: 'talon_one_application',
      id: 'application_id',
      isPerApplication: false,
      columns: [
        text('name'),
        text('timezone'),
        text('currency'),
        boolean('sandbox'),
        time('created'),
        time('modified'),
      ],
      // loyaltyPrograms repeats the programs whole; they have tables of their own.
      passing: '^(modified|loyaltyPrograms)$',
      sets: [],
      changedAt: 'modified',
    },
  },
  {
    kind: 'campaign',
    list: { path: '/v1/applications/{applicationId}/campaigns' },
    table: {
      name: 'talon_one_campaign',
      id: 'campaign_id',
      isPerApplication: true,
      columns: [
        text('name'),
        text('state'),
        time('start_time'),
        time('end_time'),
        bigint('active_ruleset_id'),
        time('created'),
        time('updated'),
      ],
      // budgets counts what is used of `limits`, which is content; so do all members that end in Count.
      passing: '^(updated|updatedBy|lastActivity|budgets|.*Count)$',
      sets: ['tags', 'features', 'campaignGroups', 'linkedStoreIds', 'valueMapsIds', 'limits'],
      changedAt: 'updated',
      parent: byApplication,
    },
  },
  {
    // What the loyalty jobs go by stands in talon_one_loyalty_program, as it is now; this is how it came to be so.
    kind: 'loyalty-program',
    list: { path: '/v1/loyalty_programs', isUnpaged: true },
    table: {
      name: 'talon_one_loyalty_program_version',
      id: 'program_id',
      isPerApplication: false,
      columns: [
        text('name'),
        text('title'),
        time('created'),
        text('time_zone', 'timezone'),
        boolean('card_based'),
        boolean('sandbox'),
        boolean('allow_subledger'),
        text('default_validity'),
        text('default_pending'),
        text('join_policy', 'programJoinPolicy'),
        text('tiers_expiration_policy'),
        text('tiers_expire_in'),
        text('tiers_downgrade_policy'),
        text('return_policy'),
      ],
      // These say what may be edited at the moment, which follows from the customers in the program.
      passing: '^can(Update|Upgrade)',
      sets: ['subscribedApplications', 'tiers'],
    },
  },
  {
    kind: 'attribute',
    list: { path: '/v1/attributes' },
    table: {
      name: 'talon_one_attribute',
      id: 'attribute_id',
      isPerApplication: false,
      columns: [text('entity'), text('name'), text('title'), text('type'), time('created')],
      sets: ['suggestions', 'subscribedApplicationsIds', 'subscribedCatalogsIds', 'allowedSubscriptions'],
    },
  },
  {
    kind: 'audience',
    list: { path: '/v1/audiences', query: counted },
    table: {
      name: 'talon_one_audience',
      id: 'audience_id',
      isPerApplication: false,
      columns: [
        text('name'),
        text('integration'),
        text('integration_id'),
        boolean('sandbox'),
        time('created'),
      ],
      // lastUpdate is when the members changed, not the audience.
      passing: '^lastUpdate$',
      sets: ['subscribedApplicationsIds'],
    },
  },
  {
    kind: 'store',
    list: { path: '/v1/applications/{applicationId}/stores', query: counted },
    table: {
      name: 'talon_one_store',
      id: 'store_id',
      isPerApplication: true,
      columns: [text('integration_id'), text('name'), time('created'), time('updated')],
      // The campaigns say the same in linkedStoreIds; linking one to all stores must not make every store anew.
      passing: '^(updated|linkedCampaignIds)$',
      sets: [],
      changedAt: 'updated',
      parent: byApplication,
    },
  },
  {
    kind: 'achievement',
    // Of the account since 2026; older deployments have them by campaign, at most 50 on a page.
    list: { path: '/v2/achievements' },
    older: {
      path: '/v1/applications/{applicationId}/campaigns/{campaignId}/achievements',
      largestPage: 50,
      feature: 'achievements',
    },
    table: {
      name: 'talon_one_achievement',
      id: 'achievement_id',
      isPerApplication: false,
      columns: [bigint('campaign_id'), text('name'), text('title'), numeric('target'), time('created')],
      passing: '^hasProgress$',
      sets: ['subscribedApplications'],
    },
  },
  {
    kind: 'event_type',
    list: { path: '/v1/event_types' },
    table: {
      name: 'talon_one_event_type',
      id: 'event_type_id',
      isPerApplication: false,
      columns: [text('name'), text('title'), time('created')],
      sets: [],
    },
  },
];

/** Read by ID, for campaigns whose active ruleset is not known yet. */
export const rulesetPath = '/v1/applications/{applicationId}/campaigns/{campaignId}/rulesets/{rulesetId}';

export const rulesetTable: HistoryTable = {
  name: 'talon_one_ruleset',
  id: 'ruleset_id',
  isPerApplication: true,
  columns: [bigint('campaign_id'), time('created'), time('activated_at')],
  sets: [],
  parent: { table: 'talon_one_campaign', id: 'campaign_id' },
};
