import { hash32 } from './dice.js';
import { applicationOf, type Endpoint, switchesFor } from './endpoint.js';
import { positionsOf } from './event-list.js';
import { makePage, type Page } from './page.js';
import type { ProfileTable } from './profile-table.js';
import { profileText } from './profile-text.js';
import {
  PAGING,
  type ParameterType,
  type Query,
  readOrder,
  readPaging,
  readQuery,
  readTime,
  requireParameters,
} from './query.js';
import type { Change } from './reference.js';
import { MEMBERS_AUDIENCE, type ReferenceKind } from './reference-kinds.js';
import { envelopeOf, type ReferenceList } from './reference-list.js';
import { notFound } from './refusal.js';
import { json } from './reply.js';
import type { Switches } from './switches.js';
import { formatMicros } from './timestamp.js';
import { isWithin } from './window.js';
import type { World } from './world.js';

// Lists whose rows are not rows of reference tables: they are computed from what else there is.

interface ComputedList<Row> {
  template: string;
  envelope: ReferenceList['envelope'];
  isUnsorted?: true;
  filters?: Record<string, ParameterType>;
  /** In the order of ids. */
  select: (request: Parameters<Endpoint['answer']>[0], query: Query, switches: Switches) => readonly Row[];
  text: (row: Row, world: World, query: Query) => string;
}

function computedList<Row>(list: ComputedList<Row>): Endpoint {
  return {
    method: 'GET',
    template: list.template,
    answer: (request) => {
      const switches = switchesFor(request);
      const query = readQuery(request.search, {
        ...PAGING,
        ...(list.isUnsorted === true ? {} : { sort: 'text' }),
        ...(list.envelope === 'either' ? { withTotalResultSize: 'boolean' } : {}),
        ...list.filters,
      });
      const paging = readPaging(query, switches);
      const found = list.select(request, query, switches);
      const rows = positionsOf(found.length, readOrder(query, switches), paging).map((position) =>
        list.text(found[position] as Row, request.world, query),
      );
      return json(makePage(rows, found.length, paging, switches, envelopeOf(list.envelope, query)));
    },
  };
}

const changes: ComputedList<Change> = {
  template: '/v1/changes',
  envelope: 'either',
  filters: {
    applicationId: 'integer',
    entityPath: 'text',
    userId: 'integer',
    createdBefore: 'date-time',
    createdAfter: 'date-time',
    managementKeyId: 'integer',
    includeOld: 'boolean',
  },
  select: ({ world }, query, switches) => {
    const [after, before] = [readTime(query, 'createdAfter'), readTime(query, 'createdBefore')];
    const path = query.get('entityPath')?.toLowerCase();
    const isNumber = (name: 'applicationId' | 'userId' | 'managementKeyId', change: Change): boolean =>
      !query.has(name) || String(change[name] ?? '') === query.get(name);
    const found = world.reference
      .changes()
      .filter(
        (change) =>
          isNumber('applicationId', change) &&
          isNumber('userId', change) &&
          isNumber('managementKeyId', change) &&
          (path === undefined || change.entity.toLowerCase().includes(path)) &&
          isWithin(change.created, after, before, switches),
      );
    // A test may have given times that do not follow the ids.
    return readOrder(query, switches).endsWith('created')
      ? found.sort((a, b) => a.created - b.created || a.id - b.id)
      : found;
  },
  text: (change, world, query) => {
    const { id, created, applicationId, userId, managementKeyId, entity, old } = change;
    return JSON.stringify({
      id,
      created: formatMicros(created, world.style.digits),
      userId,
      ...(applicationId === 0 ? {} : { applicationId }),
      entity,
      ...(query.get('includeOld') === 'false' ? {} : { old }),
      new: change.new,
      ...(managementKeyId === undefined ? {} : { managementKeyId }),
    });
  },
};

const memberships: ComputedList<{ profiles: ProfileTable; row: number }> = {
  template: '/v1/audiences/{audienceId}/memberships',
  envelope: 'hasMore',
  filters: { profileQuery: 'text' },
  select: ({ world, path }, query) => {
    const { profiles, rows } = audienceMembers(world, Number(path.audienceId));
    const wanted = query.get('profileQuery');
    return rows
      .filter((row) => wanted === undefined || profiles.integrationId(row).includes(wanted))
      .map((row) => ({ profiles, row }));
  },
  text: ({ profiles, row }, world) => profileText(profiles, row, world.style),
};

/** The visible members, of the environment that the audience belongs to. */
export function audienceMembers(
  world: World,
  audienceId: number,
): { profiles: ProfileTable; rows: number[] } {
  const audience = world.reference.find('audience', audienceId);
  if (audience === undefined) throw notFound('Audience');
  world.promoteAll();
  const profiles = audience.values.sandbox === true ? world.sandbox : world.live;
  const rows = Array.from({ length: audienceId === MEMBERS_AUDIENCE ? profiles.count : 0 }, (_, row) => row);
  return {
    profiles,
    rows: rows.filter((row) => profiles.isVisible(row) && isMember(row, world.style.seed)),
  };
}

/** The same third of the profiles that say so themselves. */
function isMember(row: number, seed: number): boolean {
  return hash32(seed, row, 63) % 3 === 0;
}

const items: ComputedList<string> = {
  template: '/v1/collections/{collectionId}/items',
  envelope: 'hasMore',
  isUnsorted: true,
  select: ({ world, path }) => collectionItems(world, Number(path.collectionId)),
  text: (item) => JSON.stringify({ item }),
};

const COLLECTION_ITEMS = 25;

export function collectionItems(world: World, collectionId: number): string[] {
  requireRow(world, 'collection', collectionId);
  return Array.from({ length: COLLECTION_ITEMS }, (_, index) =>
    index % 9 === 4 ? `SKU "${index}", large\nsecond line` : `SKU-${collectionId}-${index}`,
  );
}

function requireRow(world: World, kind: ReferenceKind, id: number): void {
  if (world.reference.find(kind, id) === undefined) throw notFound(kind);
}

/** Documented: the distinct types of the events that the Application has recorded. */
const applicationEventTypes: ComputedList<string> = {
  template: '/v1/applications/{applicationId}/event_types',
  envelope: 'total',
  select: (request) => {
    const { events } = applicationOf(request);
    const types = new Set<string>();
    for (const row of events.byId.slice(0, events.byId.length)) types.add(events.type(row));
    return [...types].sort();
  },
  text: (type) => JSON.stringify(type),
};

const audienceAnalytics: Endpoint = {
  method: 'GET',
  template: '/v1/audiences/analytics',
  answer: ({ world, search }) => {
    const query = readQuery(search, { sort: 'text', audienceIds: 'text' });
    requireParameters(query, ['audienceIds']);
    const rows = (query.get('audienceIds') ?? '').split(',').map((id) => {
      const { length } = audienceMembers(world, Number(id)).rows;
      return JSON.stringify({ audienceId: Number(id), membersCount: length });
    });
    const page: Page = { rows, hasMore: false, totalResultSize: undefined };
    return json(page);
  },
};

export const otherReferenceEndpoints: readonly Endpoint[] = [
  computedList(changes),
  audienceAnalytics,
  computedList(memberships),
  computedList(items),
  computedList(applicationEventTypes),
];
