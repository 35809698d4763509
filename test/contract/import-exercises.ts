import type { AskOptions } from '../simulator/api-client.js';
import type { Run } from './exercise-queries.js';

const PROGRAM = '/v1/loyalty_programs/1';
const CARDS = '/v1/loyalty_programs/2';
const CAMPAIGN = '/v1/applications/1/campaigns/200';
const LATER = '2126-01-01T00:00:00Z';

/** Every upload with a file that it takes. */
const UPLOADS: readonly [path: string, csv: string][] = [
  [
    `${PROGRAM}/import_points?notificationsEnabled=false`,
    'customerprofileid,amount,reason\nanna,10.50,gift\n',
  ],
  [`${PROGRAM}/import_customers_tiers`, `customerprofileid,tiername,expirydate\nanna,Gold,${LATER}\n`],
  [`${PROGRAM}/import_join_dates`, 'customerprofileid,newjoindate\nanna,2024-03-21T07:32:14Z\n'],
  [`${CARDS}/import_cards`, 'identifier,state,customerprofileids\ncontract-card,active,anna;bob\n'],
  [`${CARDS}/import_points`, 'identifier,amount\ncontract-card,5\n'],
  [`${CAMPAIGN}/import_coupons?skipDuplicates=true`, 'value,limitval\nCONTRACT,0\nCONTRACT2,1\n'],
  [`${CAMPAIGN}/import_referrals`, 'code,advocateprofileintegrationid\nREF,anna\n'],
  ['/v1/giveaways/pools/3/import', 'code,attributes\nGIFT,"{""a"":1}"\n'],
  ['/v1/audiences/4/memberships/import', 'profileintegrationid\nanna\n'],
  ['/v1/collections/5/import', 'item\nAdidas\n'],
  [`${CAMPAIGN}/collections/5/import`, 'item\nAdidas\n'],
  ['/v1/attributes/302/allowed_list/import', 'item\na\n'],
  [`${CAMPAIGN}/stores/import`, 'store_integration_id\nSTORE-001\n'],
  [
    `${CAMPAIGN}/stores/budgets/import?action=setDiscount&period=daily`,
    'store_integration_id,limit\nSTORE-001,5\n',
  ],
];

export async function exerciseImports(run: Run): Promise<void> {
  for (const [path, csv] of UPLOADS) await run(path, upload(csv));
  const customerProfiles = [
    { integrationId: 'anna', attributes: { Language: 'german' } },
    { integrationId: 'b' },
  ];
  for (const query of ['', '?silent=yes', '?silent=no'])
    await run(`/v2/customer_profiles${query}`, put({ customerProfiles }));
  const cartItems = [{ sku: 'A', quantity: 1, price: 5.5 }];
  for (const state of ['open', 'closed', 'cancelled']) {
    const customerSession = { profileId: 'anna', state, cartItems, attributes: { exchangeRate: 1.1 } };
    await run('/v2/customer_sessions/order%201', put({ customerSession, responseContent: [] }));
  }
}

/** What the uploads and writes have to refuse. */
export async function refuseImports(run: Run): Promise<void> {
  for (const csv of [
    '',
    'reason\n',
    'customerprofileid,amount,colour\na,1,red\n',
    'customerprofileid,amount\na,x\n',
  ])
    await run(`${PROGRAM}/import_points`, upload(csv));
  await run(`${PROGRAM}/import_points`, { body: 'customerprofileid,amount\n' });
  await run('/v1/loyalty_programs/99/import_points', upload('customerprofileid,amount\na,1\n'));
  await run(
    `${PROGRAM}/import_join_dates`,
    upload('customerprofileid,newjoindate\nnobody,2024-03-21T07:32:14Z\n'),
  );
  const unknown = { customerProfiles: [{ integrationId: 'a', attributes: { unknown: 1 } }] };
  await run('/v2/customer_profiles', put(unknown));
  await run('/v2/customer_profiles', { ...put({ customerProfiles: [] }), integration: false });
  await run('/v2/customer_sessions/s', put({ customerSession: { total: 5 } }));
  await run('/v2/customer_sessions/s', put({ customerSession: { state: 'cancelled' } }));
}

function upload(csv: string): AskOptions {
  const boundary = 'contract-boundary';
  return {
    method: 'POST',
    headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
    body: `--${boundary}\r\nContent-Disposition: form-data; name="upFile"; filename="file.csv"\r\nContent-Type: text/csv\r\n\r\n${csv}\r\n--${boundary}--\r\n`,
  };
}

function put(body: object): AskOptions {
  return { method: 'PUT', integration: true, body };
}
