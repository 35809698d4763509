import { describe, expect, test } from 'vitest';
import { problemsOf } from './support/import-units.js';

// A file is corrected once, not once for each kind of mistake.

describe('a header that is not right hides no mistake in the rows', () => {
  test('of an upload: known columns are checked, and what follows from the header is not told again', async () => {
    const points = 'customer,amount,expirydate,validityDuration,note\nanna,x,,,\nbob,1,unlimited,30D,\n';
    expect(await problemsOf('loyalty-points', points)).toEqual([
      expect.stringContaining('line 1, customer: no such column'),
      expect.stringContaining('line 1, note: no such column'),
      'line 2, amount: must be a number above 0, with a point and no thousands separators (it is "x")',
      'line 3, validityDuration: must be empty when expirydate is given (it is "30D")',
    ]);
    expect(await problemsOf('join-dates', 'customerprofileid\nanna\nanna\n')).toEqual([
      expect.stringContaining('line 1, newjoindate: this column is missing'),
      'line 3, customerprofileid: is there twice (it is "anna")',
    ]);
  });

  test('of profiles', async () => {
    const content = 'id,attributes.Age,attributes.Shoe\na,ten,1\nb,1,2,3\n';
    expect(await problemsOf('profiles', content)).toEqual([
      expect.stringContaining('line 1, integrationId: this column is missing'),
      expect.stringContaining('line 1, id: is no column of a profile'),
      expect.stringContaining('line 1, attributes.Shoe: the account has no such attribute'),
      expect.stringContaining('line 2, attributes.Age: must be a number'),
      expect.stringContaining('line 3: the row has 4 cells, the header 3'),
    ]);
  });

  test('of orders', async () => {
    expect(await problemsOf('sessions', 'order,state,total\no-1,paid,1\no-2,,x\n')).toEqual([
      expect.stringContaining('line 1, sessionId: this column is missing'),
      expect.stringContaining('line 1, order: no such column'),
      expect.stringContaining('line 2, state: must be closed or open'),
      expect.stringContaining('line 3, total: must be a number'),
    ]);
    expect(await problemsOf('sessions', 'sessionId,sum,state\no-1,5,paid\no-1,5,\n')).toEqual([
      expect.stringContaining('line 1, sum: no such column'),
      expect.stringContaining('line 2, state: must be closed or open'),
      expect.stringContaining('line 3, sessionId: was there before'),
    ]);
  });

  test('rows are left alone only when the columns cannot be told apart', async () => {
    expect(await problemsOf('profiles', 'integrationId;attributes.Age\na;ten\n')).toHaveLength(1);
  });
});

describe('an order with one mistake is looked at for the others', () => {
  test('attributes, although something else is not as the API wants it', async () => {
    const rows =
      'sessionId,state,attributes.channel,item.sku,item.quantity,item.attributes.size\no-1,paid,web,A,0,ten\n';
    expect(await problemsOf('sessions', rows)).toEqual([
      'line 2, state: must be closed or open: a session cannot be created in another state (it is "paid")',
      'line 2, item.quantity: must be a whole number from 1 (it is "0")',
      'line 2, item.attributes.size: must be a number, with a point and no separators (it is "ten")',
    ]);
    const line =
      '{"sessionId":"o-1","state":"paid","attributes":{"shop":1},"cartItems":[{"sku":"A","attributes":{"size":"x"}}]}';
    expect(await problemsOf('sessions.ndjson', line)).toEqual([
      expect.stringContaining('line 1, state: must be closed or open'),
      'line 1, cartItems.0.quantity: is missing',
      expect.stringContaining('line 1, attributes.shop: the account has no such attribute'),
      expect.stringContaining('line 1, cartItems.0.attributes.size: must be a number'),
    ]);
  });

  test('everything, although there is no cart, or more than one', async () => {
    const rows = 'sessionId,state,total,item.sku,item.quantity\no-1,paid,,,\no-2,paid,x,A,0\n';
    expect(await problemsOf('sessions', rows)).toEqual([
      expect.stringContaining('line 2: the order has no cart'),
      expect.stringContaining('line 2, state: must be closed or open'),
      expect.stringContaining('line 3, total: must be a number'),
      expect.stringContaining('line 3: give one of'),
      expect.stringContaining('line 3, state: must be closed or open'),
      expect.stringContaining('line 3, item.quantity: must be a whole number from 1'),
    ]);
    expect(await problemsOf('sessions.ndjson', '{"sessionId":"o-1","state":"paid"}')).toEqual([
      expect.stringContaining('line 1, state: must be closed or open'),
      'line 1, cartItems: is missing: give cartItems or total',
    ]);
  });
});

describe('problems of orders name the column of the file, show the cell, and say what is wanted', () => {
  test('rows of items, lists and JSON in cells', async () => {
    const header = 'No,total,couponCodes,item.sku,Preis,item.additionalCosts,cartItems';
    const rows = [
      'o-1,,A;,,"1,50",,',
      'o-1,,,B,2,"{""shipping"":{""price"":""x""}}",',
      'o-2,"9,90",,,,,',
      'o-3,,,,,,"[{""sku"":7,""quantity"":1,""colour"":1}]"',
      'o-4,,,,,,none',
    ];
    const map = { No: 'sessionId', Preis: 'item.price' };
    expect(await problemsOf('sessions', `${header}\n${rows.join('\n')}\n`, { map })).toEqual([
      'line 2, couponCodes: must not be empty, at 1 (it is "A;")',
      'line 2, item.sku: is missing',
      'line 2, Preis: must be a number, with a point and no thousands separators (it is "1,50")',
      expect.stringContaining(
        'line 3, item.additionalCosts: must be a number, with a point and no thousands separators, at shipping.price (it is',
      ),
      'line 4, total: must be a number, with a point and no thousands separators (it is "9,90")',
      expect.stringContaining('line 5, cartItems: must be a text, at 0.sku (it is "[{'),
      expect.stringContaining(
        'line 5, cartItems: has members that the API does not know: colour, at 0 (it is',
      ),
      'line 6, cartItems: must be a list (it is "none")',
    ]);
  });

  test('lines of JSON', async () => {
    const line =
      '{"sessionId":"o","profileId":"","cartItems":[{"sku":"A","quantity":1,"price":"1,5"}],"colour":1}';
    expect(await problemsOf('sessions.ndjson', line)).toEqual([
      'line 1, profileId: must not be empty (it is "\\"\\"")',
      'line 1, cartItems.0.price: must be a number, with a point and no thousands separators (it is "\\"1,5\\"")',
      'line 1: has members that the API does not know: colour',
    ]);
  });
});

describe('a file that is not UTF-8', () => {
  const latin1 = (text: string) => Buffer.from(text, 'latin1');
  const REASON = 'the file is not UTF-8 text from here on, and the rest was not looked at';

  test('is told the line of the first bad byte, and every problem before it', async () => {
    const text = 'customerprofileid,amount,reason\nanna,x,\n\nbob,1,"two\nlines"\ncarl,1,"a\nfür"\ndora,x,\n';
    expect(await problemsOf('loyalty-points', latin1(text))).toEqual([
      expect.stringContaining('line 2, amount: must be a number'),
      expect.stringContaining(`line 7: ${REASON}`),
    ]);
    const lines = '{"integrationId":7}\n\n{"integrationId":"ä"}\n{"integrationId":7}\n';
    expect(await problemsOf('profiles.ndjson', latin1(lines))).toEqual([
      'line 1, integrationId: must be a text',
      expect.stringContaining(`line 3: ${REASON}`),
    ]);
  });

  test.each([0, 1, 2, 3])('wherever it stands between two chunks (%i)', async (shift) => {
    // 64 KiB are read at a time; ż and 😀 are split by the border.
    const row = `anna,1,${'żó😀'.repeat(20)}\n`;
    const rows = Math.ceil(65_536 / Buffer.byteLength(row));
    const good = `customerprofileid,amount,reason\n${'b'.repeat(shift + 1)},1,\n${row.repeat(rows)}`;
    expect(await problemsOf('loyalty-points', good)).toEqual([]);
    const bytes = Buffer.concat([Buffer.from(good), latin1('fürth,1,\n')]);
    expect(await problemsOf('loyalty-points', bytes)).toEqual([
      expect.stringContaining(`line ${rows + 3}: ${REASON}`),
    ]);
    const whole = Buffer.from(good);
    for (const at of [65_535, 65_536]) {
      const broken = Buffer.from(whole);
      broken[at] = 0xff;
      const line = 1 + whole.subarray(0, at).filter((byte) => byte === 10).length;
      expect(await problemsOf('loyalty-points', broken)).toEqual([
        expect.stringContaining(`line ${line}: ${REASON}`),
      ]);
    }
  });

  test('also when it ends within a character', async () => {
    const cut = Buffer.from('customerprofileid,amount\nanna,1\nbob,ż').subarray(0, -1);
    expect(await problemsOf('loyalty-points', cut)).toEqual([expect.stringContaining(`line 3: ${REASON}`)]);
  });
});
