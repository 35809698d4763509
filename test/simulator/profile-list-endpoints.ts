import { type ApiRequest, applicationOf, type Endpoint, switchesFor } from './endpoint.js';
import { positionsOf } from './event-list.js';
import { type Envelope, makePage } from './page.js';
import { searchProfiles } from './profile-search.js';
import type { ProfileTable } from './profile-table.js';
import { profileText } from './profile-text.js';
import { PAGING, type Query, readPaging, readQuery } from './query.js';
import { json, type Reply } from './reply.js';

// The lists of profiles (docs/api-facts.md, Profiles): neither has a filter by time, nor `sort`.

const listOfApplication: Endpoint = {
  method: 'GET',
  template: '/v1/applications/{applicationId}/customers',
  answer: (request) => {
    const application = applicationOf(request);
    const declared = { ...PAGING, integrationId: 'text', withTotalResultSize: 'boolean' } as const;
    const query = readQuery(request.search, declared);
    const name = query.get('integrationId');
    const integrationIds = name === undefined ? undefined : new Set([name]);
    const criteria = { profileIds: undefined, integrationIds, attributes: {} };
    const found = searchProfiles(application, criteria, switchesFor(request));
    const withTotal = query.get('withTotalResultSize') === 'true';
    const envelope = { hasMore: !withTotal, totalResultSize: withTotal };
    return pageOf(request, query, application.profiles, found, envelope);
  },
};

const listOfAccount: Endpoint = {
  method: 'GET',
  template: '/v1/customers/no_total',
  answer: (request) => {
    const { world } = request;
    const query = readQuery(request.search, { ...PAGING, sandbox: 'boolean' });
    const profiles = query.get('sandbox') === 'true' ? world.sandbox : world.live;
    world.promoteAll();
    const rows = Array.from({ length: profiles.count }, (_, row) => row).filter((row) =>
      profiles.isVisible(row),
    );
    return pageOf(request, query, profiles, rows, { hasMore: true, totalResultSize: false });
  },
};

function pageOf(
  { world }: ApiRequest,
  query: Query,
  profiles: ProfileTable,
  found: readonly number[],
  envelope: Envelope,
): Reply {
  const switches = world.switchBoard.get();
  const paging = readPaging(query, switches);
  const rows = positionsOf(found.length, 'id', paging).map((position) => found[position] as number);
  const texts = rows.map((row) => profileText(profiles, row, world.style));
  return json(makePage(texts, found.length, paging, switches, envelope));
}

export const profileListEndpoints: readonly Endpoint[] = [listOfApplication, listOfAccount];
