import { expect, test } from 'vitest';
import { Places } from '../src/warehouse/places.js';

/** Asks for places; the list shows who has got one so far. */
function places(size: number): {
  places: Places;
  got: string[];
  ask: (name: string, isUrgent?: boolean) => void;
} {
  const places = new Places(size);
  const got: string[] = [];
  const ask = (name: string, isUrgent = false) => void places.take(isUrgent).then(() => got.push(name));
  return { places, got, ask };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('the last connection is left to what is urgent', async () => {
  const { places: three, got, ask } = places(3);
  for (const name of ['a', 'b', 'c']) ask(name);
  await settled();
  expect(got).toEqual(['a', 'b']);
  ask('renewal', true);
  await settled();
  expect(got).toEqual(['a', 'b', 'renewal']);
  expect(three.waiting).toBe(1);
});

test.each([1, 2])(
  'with %i connections everything may use them all, and what is urgent goes first',
  async (size) => {
    const { places: few, got, ask } = places(size);
    const first = Array.from({ length: size }, (_, index) => `page ${index}`);
    for (const name of [...first, 'next page']) ask(name);
    ask('renewal', true);
    await settled();
    expect(got).toEqual(first);
    few.free();
    await settled();
    expect(got).toEqual([...first, 'renewal']);
    few.free();
    await settled();
    expect(got).toEqual([...first, 'renewal', 'next page']);
    expect(few.waiting).toBe(0);
  },
);

test('of equals the one that came first gets the next place', async () => {
  const { places: four, got, ask } = places(4);
  for (const name of ['a', 'b', 'c', 'd', 'e']) ask(name);
  four.free();
  four.free();
  await settled();
  expect(got).toEqual(['a', 'b', 'c', 'd', 'e']);
});
