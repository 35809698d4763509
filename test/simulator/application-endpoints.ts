import { applicationText } from './application-text.js';
import { applicationOf, type Endpoint, switchesFor } from './endpoint.js';
import { positionsOf } from './event-list.js';
import { makePage } from './page.js';
import { PAGING, readOrder, readPaging, readQuery } from './query.js';
import { json } from './reply.js';

const listApplications: Endpoint = {
  method: 'GET',
  template: '/v1/applications',
  answer: (request) => {
    const switches = switchesFor(request);
    const query = readQuery(request.search, { ...PAGING, sort: 'text' });
    const paging = readPaging(query, switches);
    const all = [...request.world.applications.values()].sort((a, b) => a.id - b.id);
    const rows = positionsOf(all.length, readOrder(query, switches), paging).flatMap((position) => {
      const application = all[position];
      return application === undefined ? [] : [applicationText(request.world, application)];
    });
    return json(makePage(rows, all.length, paging, switches, { hasMore: false, totalResultSize: true }));
  },
};

const getApplication: Endpoint = {
  method: 'GET',
  template: '/v1/applications/{applicationId}',
  answer: (request) => {
    const application = applicationOf(request);
    readQuery(request.search, {});
    return json(applicationText(request.world, application));
  },
};

export const applicationEndpoints: readonly Endpoint[] = [listApplications, getApplication];
