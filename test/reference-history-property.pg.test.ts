import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readScope } from '../src/sync/reference/read-scope.js';
import { HistoryWriter } from '../src/warehouse/history-writer.js';
import { refusal, ServedList, tableOf } from './support/served-list.js';
import { useWarehouse } from './support/warehouse.js';

const db = useWarehouse();

// A list of at most five campaigns lives through hours; in each of them things happen, and then it is looked at, with or
// without trouble. The last look goes well. What the tables then say of any moment must be what was true at that moment,
// as far as the API lets anybody know it.

const IDS = [1, 2, 3, 4, 5] as const;
const happening = fc.record({
  id: fc.constantFrom(...IDS),
  what: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('create', 'rename') },
    fc.constantFrom('rename silently', 'count', 'delete'),
  ),
  name: fc.constantFrom('A', 'B', 'C'),
});
const hour = fc.record({
  happenings: fc.array(happening, { maxLength: 4 }),
  look: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('well', 'well', 'none') },
    fc.constantFrom('cut', 'cut short', 'in another order'),
    // Two readings do not show it: it seems deleted.
    fc.constantFrom(...IDS).map((id) => ({ hidden: id })),
  ),
});

interface Truth {
  created: number;
  updated: number;
  name: string;
  count: number;
  isDeleted: boolean;
  isSeen: boolean;
  /** Names with the minute from which each was true. */
  names: { from: number; name: string }[];
  /** Changes since it was last seen, and whether the API tells when. */
  unseen: { at: number; isTold: boolean }[];
  /** Stretches of minutes in which nobody can know the name. */
  unknowable: { from: number; to: number }[];
}

const START = Date.parse('2026-01-01T00:00:00Z');
const atMinute = (minute: number) => new Date(START + minute * 60_000).toISOString();

class Campaigns {
  readonly all = new Map<number, Truth>();

  happen(minute: number, { id, what, name }: { id: number; what: string; name: string }): void {
    const one = this.all.get(id);
    if (!one) {
      if (what !== 'create') return;
      const names = [{ from: minute, name }];
      const fresh = { created: minute, updated: minute, name, count: 0, isDeleted: false, isSeen: false };
      this.all.set(id, { ...fresh, names, unseen: [], unknowable: [] });
      return;
    }
    if (one.isDeleted || what === 'create') return;
    if (what === 'delete') one.isDeleted = true;
    else if (what === 'count') one.count += 1;
    else {
      const isTold = what === 'rename';
      if (isTold) one.updated = minute;
      one.name = name;
      one.names.push({ from: minute, name });
      one.unseen.push({ at: minute, isTold });
    }
  }

  /** The JSON text of each that exists; the order of the tags differs from one to the next. */
  records(): { id: number; text: string }[] {
    return [...this.all].flatMap(([id, one]) => {
      if (one.isDeleted) return [];
      const tags = (id + one.count) % 2 === 0 ? '["x","y"]' : '["y","x"]';
      const times = `"created":"${atMinute(one.created)}","updated":"${atMinute(one.updated)}"`;
      return [
        {
          id,
          text: `{"id":${id},${times},"name":"${one.name}","tags":${tags},"discountCount":${one.count}}`,
        },
      ];
    });
  }

  /** One change that the API tells the time of is known to the minute; of others, only what they led to. */
  see(id: number, minute: number): void {
    const one = this.all.get(id);
    const first = one?.unseen[0];
    if (one && first) {
      const isKnowable = one.isSeen && one.unseen.length === 1 && first.isTold;
      if (!isKnowable) one.unknowable.push({ from: one.isSeen ? first.at : one.created, to: minute });
      one.unseen = [];
    }
    if (one) one.isSeen = true;
  }

  nameAt(id: number, minute: number): string | undefined {
    const one = this.all.get(id);
    return one?.names.findLast(({ from }) => from <= minute)?.name;
  }
}

type Look = 'well' | 'none' | 'cut' | 'cut short' | 'in another order' | { readonly hidden: number };

/** Serves the campaigns as this look demands, two on a page. */
function serveFor(look: Look, campaigns: Campaigns, minute: number): ServedList['serve'] {
  const records = campaigns.records();
  return (skip, size, request) => {
    if (look === 'cut' && skip > 0) return refusal(500);
    const hidden = typeof look === 'object' ? look.hidden : undefined;
    const turned = look === 'in another order' && request % 2 === 0 ? [...records].reverse() : records;
    const shown = turned.filter(({ id }) => id !== hidden).slice(skip, skip + size);
    for (const { id } of shown) campaigns.see(id, minute);
    const isShort = look === 'cut short';
    const total = records.length - (records.some(({ id }) => id === hidden) ? 1 : 0);
    const envelope = isShort
      ? `,"totalResultSize":${total + 1},"hasMore":false`
      : `,"totalResultSize":${total}`;
    return { records: shown.map(({ text }) => text), envelope };
  };
}

const STRUCTURE = `
  select count(*) filter (where valid_to is distinct from next_from and next_from is not null)::int as gaps,
    count(*) filter (where valid_to is null)::int as open,
    coalesce(array_agg(campaign_id::int order by campaign_id) filter (where valid_to is null), '{}') as alive,
    count(*) filter (where before = name)::int as repeated
  from (
    select *, lead(valid_from) over one as next_from, lag(name) over one as before
    from talon_one_campaign window one as (partition by campaign_id order by valid_from)
  ) as version`;

test('whatever happens and fails, versions have no gap, and a join by time gives what was true then', async () => {
  const writer = new HistoryWriter(db().warehouse, tableOf('campaign'), 'campaign', async () => {});
  const property = fc.asyncProperty(fc.array(hour, { minLength: 2, maxLength: 8 }), async (hours) => {
    await db().rows('truncate talon_one_campaign');
    const campaigns = new Campaigns();
    const list = new ServedList(2);
    const look = async (how: Look, minute: number) => {
      list.serve = serveFor(how, campaigns, minute);
      list.now = atMinute(minute);
      const { client, address } = list;
      const options = { warehouse: db().warehouse, client, writer, lists: [address], scope: '1' };
      await readScope(options, { signal: new AbortController().signal });
    };
    for (const [index, { happenings, look: how }] of hours.entries()) {
      for (const [order, one] of happenings.entries()) campaigns.happen(index * 60 + order * 10 + 5, one);
      if (how !== 'none') await look(how, index * 60 + 59).catch(() => {});
    }
    const end = hours.length * 60 + 59;
    await look('well', end);

    const alive = campaigns.records().map(({ id }) => id);
    const [structure] = await db().rows(STRUCTURE);
    expect(structure).toEqual({ gaps: 0, open: alive.length, alive: alive.sort(), repeated: 0 });
    const asked: { id: number; minute: number; name: string | null }[] = [];
    for (const id of alive) {
      const one = campaigns.all.get(id);
      for (let minute = 0; one && minute <= end; minute += 5) {
        if (one.unknowable.some(({ from, to }) => minute >= from && minute < to)) continue;
        asked.push({ id, minute, name: campaigns.nameAt(id, minute) ?? null });
      }
    }
    const wrong = await db().rows(
      `select a.*, c.name as stored from json_to_recordset($1) as a (id bigint, minute int, name text)
       left join talon_one_campaign c on c.campaign_id = a.id
         and $2::timestamptz + minute * interval '1 minute' >= c.valid_from
         and $2::timestamptz + minute * interval '1 minute' < coalesce(c.valid_to, 'infinity')
       where c.name is distinct from a.name`,
      JSON.stringify(asked),
      atMinute(0),
    );
    expect(wrong).toEqual([]);
  });
  await fc.assert(property, { numRuns: 60 });
});
