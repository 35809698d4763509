import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../src/package-info.js';
import { problemsOf, readAs } from './support/import-units.js';

async function texts(name: string, content: string, options = {}): Promise<string[]> {
  const { problems, units } = await readAs(name, content, options);
  expect(problems.lines()).toEqual([]);
  return units.map((unit) => unit.text);
}

test('the worked example of docs/import.md is read as it says', async () => {
  const text = readFileSync(join(packageRoot(), 'docs/import.md'), 'utf8');
  const [customers = '', orders = '', points = ''] = [...text.matchAll(/```csv\n([\s\S]*?)```/g)].map(
    ([, block = '']) => block,
  );
  const map = {
    No: 'integrationId',
    'First order': 'FirstOrder',
    'E-Mail': 'Email',
    Newsletter: 'Newsletter',
  };
  expect(await texts('profiles', customers, { map, ignore: ['Interests'] })).toEqual([
    '{"integrationId":"1001","attributes":{"FirstOrder":"2019-03-02T10:00:00Z","Email":"anna@example.com","Newsletter":true}}',
    '{"integrationId":"1002","attributes":{"Email":"bob@example.com","Newsletter":false}}',
  ]);
  expect(await texts('sessions', orders)).toHaveLength(2);
  expect(await texts('loyalty-points', points)).toHaveLength(2);
});

describe('profiles', () => {
  test('cells become values of the attribute’s type, digit for digit; empty cells leave an attribute alone', async () => {
    const content =
      'Customer No,integrationId,attributes.Age,attributes.Vip,attributes.Since,attributes.Tags,attributes.Scores\n' +
      'Anna,c-1,12345678901234567890.10,TRUE,2026-01-31T00:00:00+01:00,"a; b","[1.50,2]"\n' +
      ',c-2,,,,,\n';
    expect(await texts('profiles', content, { map: { 'Customer No': 'Name' } })).toEqual([
      '{"integrationId":"c-1","attributes":{"Name":"Anna","Age":12345678901234567890.10,"Vip":true,"Since":"2026-01-31T00:00:00+01:00","Tags":["a","b"],"Scores":[1.50,2]}}',
      '{"integrationId":"c-2","attributes":{}}',
    ]);
  });

  test('every value of a wrong type, unknown attribute and doubled or missing ID is told', async () => {
    const content =
      'integrationId,attributes.Age,attributes.Vip,attributes.Since,attributes.Scores\n' +
      'c-1,ten,maybe,yesterday,1;x\nc-1,,,,\n,,,,\n';
    expect(await problemsOf('profiles', content)).toEqual([
      'line 2, attributes.Age: must be a number, with a point and no separators (it is "\\"ten\\"")',
      'line 2, attributes.Vip: must be true or false (it is "\\"maybe\\"")',
      expect.stringContaining('line 2, attributes.Since: must be an RFC 3339 time'),
      expect.stringContaining('line 2, attributes.Scores: must be a number'),
      'line 3, integrationId: is there twice (it is "c-1")',
      'line 4, integrationId: must not be empty',
    ]);
    expect(await problemsOf('profiles', 'id,attributes.Shoe,Name\n1,2,3\n')).toEqual([
      expect.stringContaining('line 1, integrationId: this column is missing'),
      expect.stringContaining('line 1, id: is no column of a profile'),
      expect.stringContaining('line 1, attributes.Shoe: the account has no such attribute'),
      expect.stringContaining('line 1, Name: is no column of a profile: call it attributes.NAME'),
    ]);
  });

  test('lines of JSON are passed on as they are, and checked all the same', async () => {
    const lines = [
      '{"integrationId": "c-1", "attributes": {"Age": 1.10, "Tags": ["ä"]}}',
      '{"integrationId":"c-2"}',
    ];
    expect(await texts('profiles.ndjson', `\ufeff${lines.join('\r\n')}`)).toEqual(lines);
    const bad =
      '{"integrationId":7}\nnot json\n[]\n{"integrationId":"a","attributes":{"Age":"1"},"age":1}\n\n' +
      '{"integrationId":"b","attributes":{"Age":null}}\n';
    expect(await problemsOf('profiles.ndjson', bad)).toEqual([
      'line 1, integrationId: must be a text',
      expect.stringContaining('line 2: is not JSON'),
      'line 3: must be a JSON object, one on each line (it is "[]")',
      'line 4, age: is no member of a profile: there are integrationId and attributes',
      expect.stringContaining('line 4, attributes.Age: must be a number'),
      expect.stringContaining('line 6, attributes.Age: must not be null: leave it out'),
    ]);
  });
});

describe('past orders', () => {
  test('an order known by its total alone becomes one cart item, and is closed', async () => {
    const content =
      'sessionId,profileId,total,attributes.channel,couponCodes\no-1,c-1,99.90,web,A;B\no-2,,5,,\n';
    const { units } = await readAs('sessions', content);
    expect(units.map(({ id, text, order }) => [id, JSON.parse(text), order])).toEqual([
      [
        'o-1',
        {
          state: 'closed',
          cartItems: [{ sku: 'order-total', name: 'Order total', quantity: 1, price: 99.9 }],
          profileId: 'c-1',
          couponCodes: ['A', 'B'],
          attributes: { channel: 'web' },
        },
        'profile c-1',
      ],
      [
        'o-2',
        { state: 'closed', cartItems: [{ sku: 'order-total', name: 'Order total', quantity: 1, price: 5 }] },
        'session o-2',
      ],
    ]);
    expect(units[0]?.text).toContain('"price":99.90');
  });

  test('items come as consecutive rows of one order, or as a JSON column', async () => {
    const rows =
      'sessionId,profileId,item.sku,item.quantity,item.price,item.attributes.colour\n' +
      'o-1,c-1,A,2,1.50,red\no-1,,B,,2,\no-2,c-1,C,1,3,\n';
    const found = await readAs('sessions', rows);
    expect(found.problems.lines()).toEqual([]);
    expect(
      found.units.map((unit) => [unit.firstLine, unit.lastLine, JSON.parse(unit.text).cartItems]),
    ).toEqual([
      [
        2,
        3,
        [
          { sku: 'A', quantity: 2, price: 1.5, attributes: { colour: 'red' } },
          { quantity: 1, sku: 'B', price: 2 },
        ],
      ],
      [4, 4, [{ sku: 'C', quantity: 1, price: 3 }]],
    ]);
    const column = 'integrationId,cartItems\no-1,"[{""sku"":""A"",""quantity"":1,""price"":1.50}]"\n';
    expect(await texts('sessions', column)).toEqual([
      '{"state":"closed","cartItems":[{"sku":"A","quantity":1,"price":1.50}]}',
    ]);
  });

  test('lines of JSON keep their digits and may give a total', async () => {
    const lines = [
      '{"sessionId":"o-1","profileId":"c-1","cartItems":[{"sku":"A","quantity":1,"price":1.10}]}',
      '{"integrationId":"o-2","total":12.30,"state":"open"}',
    ];
    expect(await texts('sessions.ndjson', lines.join('\n'))).toEqual([
      '{"state":"closed","profileId":"c-1","cartItems":[{"sku":"A","quantity":1,"price":1.10}]}',
      '{"state":"open","cartItems":[{"sku":"order-total","name":"Order total","quantity":1,"price":12.30}]}',
    ]);
  });

  test('what the API would refuse is told with the line of the item', async () => {
    const rows =
      'sessionId,profileId,state,item.sku,item.quantity,item.price\n' +
      'o-1,c-1,closed,A,1,1\no-1,c-2,,,0,x\no-2,,cancelled,B,1,1\no-1,,,C,1,1\no-3,,,,,\n';
    expect(await problemsOf('sessions', rows)).toEqual([
      'line 3, profileId: differs from line 2, where the order begins: leave it empty or repeat it (it is "c-2")',
      'line 3, item.sku: is missing',
      'line 3, item.quantity: must be a whole number from 1 (it is "0")',
      'line 3, item.price: must be a number, with a point and no thousands separators (it is "x")',
      'line 4, state: must be closed or open: a session cannot be created in another state (it is "cancelled")',
      'line 5, sessionId: was there before: all rows of an order must follow one another (it is "o-1")',
      expect.stringContaining('line 6: the order has no cart'),
    ]);
    expect(await problemsOf('sessions', 'sessionId,total,item.sku\no-1,5,A\n')).toEqual([
      expect.stringContaining('give one of: items in rows, cartItems, total'),
    ]);
    const many = `sessionId,item.sku\n${'o-1,A\n'.repeat(1001)}`;
    expect(await problemsOf('sessions', many)).toEqual(['line 2: must have at most 1000 items']);
    const heavy = 'sessionId,item.sku,item.quantity\no-1,A,9999\no-1,B,2\n';
    expect(await problemsOf('sessions', heavy)).toEqual([
      'line 2: must have quantities of at most 10000 together',
    ]);
  });
});
