import type { SimulatedApplication } from './application.js';
import { COUPON_FILTERS, couponMatches, REFERRAL_FILTERS, referralMatches } from './code-filters.js';
import { couponText, referralText } from './code-text.js';
import { type ApiRequest, applicationOf, type Endpoint, switchesFor } from './endpoint.js';
import { positionsOf } from './event-list.js';
import { makePage } from './page.js';
import type { Query } from './query.js';
import { PAGING, type ParameterType, readOrder, readPaging, readQuery } from './query.js';
import { inCampaign } from './reference-endpoints.js';
import { json } from './reply.js';
import type { Switches } from './switches.js';
import type { World } from './world.js';

const CAMPAIGN = '/v1/applications/{applicationId}/campaigns/{campaignId}';

/** Pages of the codes of one campaign. */
function codeList<Code extends { campaignId: number }>(
  name: string,
  filters: Record<string, ParameterType>,
  all: (world: World, application: SimulatedApplication) => Iterable<Code>,
  matcher: (world: World, query: Query, switches: Switches) => (code: Code) => boolean,
  text: (code: Code) => string,
): Endpoint {
  return {
    method: 'GET',
    template: `${CAMPAIGN}/${name}/no_total`,
    answer: (request: ApiRequest) => {
      const application = applicationOf(request);
      inCampaign(request);
      const switches = switchesFor(request);
      const query = readQuery(request.search, { ...PAGING, sort: 'text', ...filters });
      const paging = readPaging(query, switches);
      const matches = matcher(request.world, query, switches);
      const campaignId = Number(request.path.campaignId);
      const found = [...all(request.world, application)].filter(
        (code) => code.campaignId === campaignId && matches(code),
      );
      const rows = positionsOf(found.length, readOrder(query, switches), paging).map((position) =>
        text(found[position] as Code),
      );
      return json(makePage(rows, found.length, paging, switches, { hasMore: true, totalResultSize: false }));
    },
  };
}

export const codeEndpoints: readonly Endpoint[] = [
  codeList(
    'coupons',
    COUPON_FILTERS,
    (world, application) => world.codesOf(application).coupons.all(),
    couponMatches,
    couponText,
  ),
  codeList(
    'referrals',
    { ...REFERRAL_FILTERS, code: 'text', advocate: 'text' },
    (world, application) => world.codesOf(application).referrals.all(),
    referralMatches,
    referralText,
  ),
];
