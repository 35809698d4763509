import { applicationOf, type Endpoint, switchesFor } from './endpoint.js';
import { positionsOf } from './event-list.js';
import { makePage } from './page.js';
import { readCriteria, searchProfiles } from './profile-search.js';
import { profileText } from './profile-text.js';
import { PAGING, readPaging, readQuery } from './query.js';
import { notFound } from './refusal.js';
import { json } from './reply.js';

const searchCustomers: Endpoint = {
  method: 'POST',
  template: '/v1/applications/{applicationId}/customer_search',
  answer: (request) => {
    const application = applicationOf(request);
    const switches = switchesFor(request);
    const query = readQuery(request.search, { ...PAGING, withTotalResultSize: 'boolean' });
    const paging = readPaging(query, switches);
    const found = searchProfiles(application, readCriteria(request.body), switches);
    const rows = positionsOf(found.length, 'id', paging).map((position) => found[position] as number);
    const texts = rows.map((row) => profileText(application.profiles, row, application.style));
    const withTotal = query.get('withTotalResultSize') === 'true';
    const envelope = { hasMore: !withTotal, totalResultSize: withTotal };
    return json(makePage(texts, found.length, paging, switches, envelope));
  },
};

const getCustomer: Endpoint = {
  method: 'GET',
  template: '/v1/applications/{applicationId}/customers/{customerId}',
  answer: (request) => {
    const application = applicationOf(request);
    readQuery(request.search, {});
    const row = application.profiles.visibleRowOf(request.path.customerId ?? '');
    if (row < 0) throw notFound('Profile');
    return json(profileText(application.profiles, row, application.style));
  },
};

export const profileEndpoints: readonly Endpoint[] = [searchCustomers, getCustomer];
