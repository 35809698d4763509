import { expect, test } from 'vitest';
import { LeaseLostError } from '../src/errors.js';
import { readScope, type ScopeCounts } from '../src/sync/reference/read-scope.js';
import { HistoryWriter, type Scope } from '../src/warehouse/history-writer.js';
import { refusal, ServedList, tableOf } from './support/served-list.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();
const campaignTable = tableOf('campaign');
let applications = 0;

/** A list of campaigns that belongs to an Application of its own, and what the warehouse makes of it. */
function campaigns(pageSize = 2) {
  applications += 1;
  const scope = String(applications);
  const list = new ServedList(pageSize);
  const writer = new HistoryWriter(db().warehouse, campaignTable, 'campaign', async () => {});
  const look = (now: string): Promise<ScopeCounts> => {
    list.now = now;
    const { client, address } = list;
    const options = { warehouse: db().warehouse, client, writer, lists: [address], scope };
    return readScope(options, { signal: new AbortController().signal });
  };
  return { list, scope, look, writer, id: (number: number) => applications * 1000 + number };
}

interface CampaignFields {
  readonly name?: string;
  readonly created?: string;
  readonly updated?: string;
  /** Further members as JSON text, beginning with a comma. */
  readonly more?: string;
}

function campaign(id: number, fields: CampaignFields = {}): string {
  const { name = 'Spring', created = '2025-01-01T00:00:00.5Z', updated = created, more = '' } = fields;
  return `{"id":${id},"created":"${created}","updated":"${updated}","name":"${name}","state":"enabled"${more}}`;
}

async function versions(scope: Scope): Promise<string[]> {
  const rows = await db().rows<{ line: string }>(
    `select concat_ws(' ', campaign_id % 1000, name, to_char(valid_from at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'), '-',
       to_char(valid_to at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')) as line
     from talon_one_campaign where application_id = $1 order by campaign_id, valid_from`,
    scope,
  );
  return rows.map((row) => row.line);
}

test('the first version lasts from the creation, a later one from the time of change that the API tells', async () => {
  const { list, look, scope, id } = campaigns();
  list.records = [campaign(id(1), { updated: '2026-01-01T00:00:00Z' })];
  await look('2026-03-01T10:00:00Z');
  list.records = [campaign(id(1), { name: 'Summer', updated: '2026-03-01T10:20:00.25Z' })];
  expect(await look('2026-03-01T11:00:00Z')).toMatchObject({ versions: 1, deleted: 0, isIncomplete: false });
  expect(await versions(scope)).toEqual([
    '1 Spring 2025-01-01T00:00:00 - 2026-03-01T10:20:00',
    '1 Summer 2026-03-01T10:20:00 -',
  ]);
});

test('a change of which the API tells no time lasts from when it was noticed', async () => {
  const { list, look, scope, id } = campaigns();
  const updated = '2026-01-01T00:00:00Z';
  list.records = [campaign(id(1), { updated }), campaign(id(2))];
  await look('2026-03-01T10:00:00Z');
  const future = '2027-01-01T00:00:00Z';
  list.records = [
    campaign(id(1), { updated, name: 'Summer' }),
    campaign(id(2), { updated: future, name: 'Summer' }),
  ];
  await look('2026-03-01T11:00:00Z');
  expect(await versions(scope)).toEqual([
    '1 Spring 2025-01-01T00:00:00 - 2026-03-01T11:00:00',
    '1 Summer 2026-03-01T11:00:00 -',
    '2 Spring 2025-01-01T00:00:00 - 2026-03-01T11:00:00',
    '2 Summer 2026-03-01T11:00:00 -',
  ]);
});

test('counters and the order of sets make no version, but the payload follows them', async () => {
  const { list, look, scope, id } = campaigns();
  const spent = (count: number, tags: string) =>
    `,"couponRedemptionCount":${count},"budgets":[{"action":"setDiscount","limit":5,"counter":${count}}],"tags":${tags},"x":1.10`;
  list.records = [campaign(id(1), { more: spent(1, '["a","b"]') })];
  await look('2026-03-01T10:00:00Z');
  const now = { updated: '2026-03-01T10:30:00Z', more: spent(2, '["b","a"]') };
  list.records = [campaign(id(1), now)];
  expect(await look('2026-03-01T11:00:00Z')).toMatchObject({ versions: 0 });
  expect(await versions(scope)).toEqual(['1 Spring 2025-01-01T00:00:00 -']);
  const isExact =
    'select payload = $2::jsonb and payload::text like $3 from talon_one_campaign where application_id = $1';
  expect(await db().value(isExact, scope, campaign(id(1), now), '%1.10%')).toBe('true');
  const before = await db().value('select xmin from talon_one_campaign where application_id = $1', scope);
  await look('2026-03-01T12:00:00Z');
  expect(await db().value('select xmin from talon_one_campaign where application_id = $1', scope)).toBe(
    before,
  );
});

test('what is gone from two complete readings has ended; a look without trouble is one request a page', async () => {
  const { list, look, scope, id } = campaigns();
  list.records = [1, 2, 3].map((number) => campaign(id(number)));
  await look('2026-03-01T10:00:00Z');
  expect(list.requests).toBe(2);
  list.records = [1, 3].map((number) => campaign(id(number)));
  expect(await look('2026-03-01T11:00:00Z')).toMatchObject({ deleted: 1, versions: 0 });
  expect(list.requests).toBe(4);
  expect(await versions(scope)).toEqual([
    '1 Spring 2025-01-01T00:00:00 -',
    '2 Spring 2025-01-01T00:00:00 - 2026-03-01T11:00:00',
    '3 Spring 2025-01-01T00:00:00 -',
  ]);
});

const records = (ids: readonly number[]) => ids.map((id) => campaign(id));
const cases: readonly {
  name: string;
  serve: (all: readonly string[]) => ServedList['serve'];
}[] = [
  {
    name: 'a list that fails half-way',
    serve: (all) => (skip, size) =>
      skip > 0 ? refusal(500) : { records: all.slice(skip, skip + size), envelope: ',"hasMore":true' },
  },
  {
    name: 'a list that is cut short of its total',
    serve: (all) => () => ({ records: all.slice(0, 2), envelope: `,"totalResultSize":3,"hasMore":false` }),
  },
  {
    name: 'a list that ends with an empty page that promises more',
    serve: (all) => (skip, size) => ({
      records: all.slice(skip, Math.min(2, skip + size)),
      envelope: ',"hasMore":true',
    }),
  },
  {
    name: 'a list whose pages repeat what others leave out',
    serve: (all) => (skip) => ({
      records: skip === 0 ? all.slice(0, 2) : all.slice(1, 2),
      envelope: ',"totalResultSize":3',
    }),
  },
  {
    name: 'a list that serves the same page for ever',
    serve: (all) => () => ({ records: all.slice(0, 2), envelope: '' }),
  },
  {
    name: 'a list with a record that has no ID',
    serve: (all) => () => ({
      records: [...all.slice(0, 2), '{"name":"?"}'],
      envelope: ',"totalResultSize":3',
    }),
  },
  {
    name: 'a single reading that leaves a record out',
    serve: (all) => (skip, size, request) => {
      const shown = request <= 2 + 1 ? all.slice(0, 2) : all;
      return { records: shown.slice(skip, skip + size), envelope: `,"totalResultSize":${shown.length}` };
    },
  },
];

test.each(cases)('$name ends no version', async ({ serve }) => {
  const { list, look, scope, id } = campaigns();
  const all = records([1, 2, 3].map(id));
  list.records = all;
  await look('2026-03-01T10:00:00Z');
  list.serve = serve(all);
  await look('2026-03-01T11:00:00Z').catch(() => {});
  const ended = await versions(scope);
  expect(ended.filter((line) => !line.endsWith('-'))).toEqual([]);
  expect(ended).toHaveLength(3);
});

test('a record that comes back was never away, whatever it has become meanwhile', async () => {
  const { list, look, scope, id } = campaigns();
  list.records = [campaign(id(1)), campaign(id(2)), campaign(id(3))];
  await look('2026-03-01T10:00:00Z');
  list.records = [];
  expect(await look('2026-03-01T11:00:00Z')).toMatchObject({ deleted: 3 });
  const told = { name: 'Told', updated: '2026-03-01T12:30:00Z' };
  list.records = [campaign(id(1)), campaign(id(2), { name: 'Untold' }), campaign(id(3), told)];
  await look('2026-03-01T13:00:00Z');
  expect(await versions(scope)).toEqual([
    '1 Spring 2025-01-01T00:00:00 -',
    '2 Spring 2025-01-01T00:00:00 - 2026-03-01T13:00:00',
    '2 Untold 2026-03-01T13:00:00 -',
    '3 Spring 2025-01-01T00:00:00 - 2026-03-01T12:30:00',
    '3 Told 2026-03-01T12:30:00 -',
  ]);
});

test('a record that cannot be stored goes to the quarantine and leaves what is stored of it as it is', async () => {
  const { list, look, scope, id } = campaigns();
  list.records = [campaign(id(1)), campaign(id(2))];
  await look('2026-03-01T10:00:00Z');
  // Deeper than jsonb can go.
  const deep = `,"x":${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  list.records = [campaign(id(1), { more: deep }), campaign(id(2), { name: 'a\\u0000b' })];
  expect(await look('2026-03-01T11:00:00Z')).toMatchObject({
    quarantined: 1,
    versions: 1,
    isIncomplete: false,
  });
  expect(await versions(scope)).toEqual([
    '1 Spring 2025-01-01T00:00:00 -',
    '2 Spring 2025-01-01T00:00:00 - 2026-03-01T11:00:00',
    '2 a\ufffdb 2026-03-01T11:00:00 -',
  ]);
  const kept = 'select string_agg(kind, $2) from talon_one_original_text where application_id = $1';
  expect(await db().value(kept, scope, ',')).toBe('campaign');
});

test('what belongs to an Application ends with it', async () => {
  const { list, look, scope, writer, id } = campaigns();
  list.records = [campaign(id(1))];
  await look('2026-03-01T10:00:00Z');
  expect(await writer.closeOrphans()).toBe(0);
  await db().rows(
    `insert into talon_one_application (application_id, valid_from, valid_to, payload)
     values ($1, '2025-01-01', '2026-01-01', '{}'), ($1, '2026-01-01', '2026-03-01 10:30Z', '{}')`,
    scope,
  );
  expect(await writer.closeOrphans()).toBe(1);
  expect(await versions(scope)).toEqual(['1 Spring 2025-01-01T00:00:00 - 2026-03-01T10:30:00']);
});

test('a run that has lost its lease writes nothing', async () => {
  const { list, look, scope, id } = campaigns();
  list.records = [campaign(id(1)), campaign(id(2))];
  await look('2026-03-01T10:00:00Z');
  await db().rows(
    `insert into talon_one_application (application_id, valid_from, valid_to, payload) values ($1, '2025-01-01', '2026-01-01', '{}')`,
    scope,
  );
  const before = await versions(scope);
  const lost = new HistoryWriter(db().warehouse, campaignTable, 'campaign', async () => {
    throw new LeaseLostError('the job reference-campaign');
  });
  const page = await list.client.one('/v1/things', {}, {}, { signal: new AbortController().signal });
  const text = `{"data":[${campaign(id(1), { name: 'Summer' })}]}`;
  const writes = [
    () => lost.merge({ ...page, text, problems: new Map() }, scope, 0n),
    () => lost.closeMissing(scope, new Set(), 0n),
    () => lost.closeOrphans(),
  ];
  for (const write of writes) await expect(write()).rejects.toThrow(LeaseLostError);
  expect(await versions(scope)).toEqual(before);
});

test('the database itself refuses two versions of one ID at the same time', async () => {
  const { list, look, scope, id } = campaigns();
  list.records = [campaign(id(1))];
  await look('2026-03-01T10:00:00Z');
  const second = db().rows(
    `insert into talon_one_campaign (campaign_id, application_id, valid_from, payload) values ($1, $2, now(), '{}')`,
    id(1),
    scope,
  );
  await expect(second).rejects.toThrow('talon_one_campaign_one_version');
});

test('a loyalty program has a version for each change of its content or tiers, none for the order of lists and what may be edited', async () => {
  const { warehouse } = db();
  const writer = new HistoryWriter(warehouse, tableOf('loyalty-program'), 'loyalty-program', async () => {});
  const list = new ServedList(1);
  const lists = [{ ...list.address, isUnpaged: true }];
  const look = (now: string) => {
    list.now = now;
    const { client } = list;
    return readScope(
      { warehouse, client, writer, lists, scope: undefined },
      { signal: new AbortController().signal },
    );
  };
  const queries: string[] = [];
  list.serve = (skip, pageSize) => {
    queries.push(`${skip} ${pageSize}`);
    return { records: list.records, envelope: `,"totalResultSize":${list.records.length}` };
  };
  const gold = '{"id":2,"name":"Gold","minPoints":500}';
  const program = (id: number, tiers: string, more: string) =>
    `{"id":${id},"created":"2025-01-01T00:00:00Z","name":"points","timezone":"Europe/Berlin","tiers":[${tiers}]${more}}`;
  const silver = '{"id":1,"name":"Silver","minPoints":100.50}';
  const title = ',"title":"Points","subscribedApplications":[1,2],"canUpdateTiers":true';
  list.records = [program(1, `${silver},${gold}`, title), program(2, silver, title)];
  expect(await look('2026-03-01T10:00:00Z')).toMatchObject({ versions: 2, isIncomplete: false });
  const other = ',"title":"Points","subscribedApplications":[2,1],"canUpdateTiers":false';
  list.records = [program(1, `${gold},${silver}`, other), program(2, silver, title)];
  expect(await look('2026-03-01T11:00:00Z')).toMatchObject({ versions: 0 });
  list.records = [program(1, silver, other)];
  expect(await look('2026-03-01T12:00:00Z')).toMatchObject({ versions: 1, deleted: 1 });
  const rows = await db().rows<{ line: string }>(
    `select concat_ws(' ', program_id, title, time_zone, jsonb_array_length(payload -> 'tiers'), payload -> 'canUpdateTiers',
       to_char(valid_from at time zone 'UTC', 'DD"T"HH24'), '-', to_char(valid_to at time zone 'UTC', 'DD"T"HH24')) as line
     from talon_one_loyalty_program_version order by program_id, valid_from`,
  );
  expect(rows.map(({ line }) => line)).toEqual([
    '1 Points Europe/Berlin 2 false 01T00 - 01T12',
    '1 Points Europe/Berlin 1 false 01T12 -',
    '2 Points Europe/Berlin 1 true 01T00 - 01T12',
  ]);
  // It takes no paging, and says no more when asked twice.
  expect(new Set(queries)).toEqual(new Set(['NaN NaN']));
});

test('a list without pages that promises more than it has says nothing about what is deleted', async () => {
  const { warehouse } = db();
  const writer = new HistoryWriter(warehouse, tableOf('loyalty-program'), 'loyalty-program', async () => {});
  const list = new ServedList(1);
  const lists = [{ ...list.address, isUnpaged: true }];
  const look = () =>
    readScope(
      { warehouse, client: list.client, writer, lists, scope: undefined },
      { signal: new AbortController().signal },
    );
  const program = (id: number) => `{"id":${id},"created":"2025-01-01T00:00:00Z","name":"points"}`;
  const records = [program(71), program(72)];
  list.serve = () => ({ records, envelope: ',"totalResultSize":2' });
  await look();
  for (const envelope of [',"totalResultSize":2', ',"hasMore":true']) {
    list.serve = () => ({ records: records.slice(0, 1), envelope });
    expect(await look(), envelope).toMatchObject({ deleted: 0, isIncomplete: true });
  }
});
