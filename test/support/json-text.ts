import fc from 'fast-check';

/** JSON text as no library writes it, with what cleaning has to make of it. */
export interface JsonText {
  readonly text: string;
  /** What the cleaned text parses to. */
  readonly cleaned: unknown;
  /** What has to be reported. */
  readonly reasons: ReadonlySet<string>;
}

const plain = (text: string, value: unknown = JSON.parse(text)): JsonText => ({
  text,
  cleaned: value,
  reasons: new Set(),
});
const odd = (text: string, cleaned: unknown, reason: string): JsonText => ({
  text,
  cleaned,
  reasons: new Set([reason]),
});

// Each piece stands inside the quotes of a string. Halves of surrogate pairs are kept apart, or two of them would meet.
const piece = fc.constantFrom(
  plain('a', 'a'),
  plain('data', 'data'),
  plain('__proto__', '__proto__'),
  plain('\\":', '":'),
  plain('\\\\', '\\'),
  plain('\\\\u0000', '\\u0000'),
  plain('\\n\\/\\t', '\n/\t'),
  plain('\\u00e9', 'é'),
  plain('\\ud83d\\ude00', '😀'),
  plain('😀', '😀'),
  plain('{[,]}-0', '{[,]}-0'),
  odd('\\u0000', '\ufffd', 'NUL character'),
  odd('\\ud800-', '\ufffd-', 'lone surrogate'),
  odd('\\uDC00-', '\ufffd-', 'lone surrogate'),
  odd('\\udc00\\ud800-', '\ufffd\ufffd-', 'lone surrogate'),
  odd('\u0001', '\u0001', 'raw control character'),
  odd('\n', '\n', 'raw control character'),
);

const string: fc.Arbitrary<JsonText> = fc.array(piece, { maxLength: 5 }).map((pieces) => ({
  text: `"${pieces.map(({ text }) => text).join('')}"`,
  cleaned: pieces.map(({ cleaned }) => cleaned).join(''),
  reasons: union(pieces),
}));

const longNumber = `0.${'123456789'.repeat(5)}`;
const number = fc.oneof(
  fc.integer().map((value) => plain(String(value), value)),
  fc.constantFrom(
    plain('1.10'),
    plain('9007199254740993'),
    plain(longNumber),
    plain('-12.5e+3'),
    plain('1E400', Infinity),
    plain('1e-400', 0),
    odd('-0', -0, 'minus zero'),
    odd('-0.00', -0, 'minus zero'),
    odd('-0e7', -0, 'minus zero'),
    odd('1e200000', '1e200000', 'number out of range'),
    odd('-1e-20000', '-1e-20000', 'number out of range'),
  ),
);

const word = fc.constantFrom(plain('true'), plain('false'), plain('null'));
const space = fc.constantFrom('', '', '', ' ', '\n', '\t \r\n');

const { value } = fc.letrec<{ value: JsonText; array: JsonText; object: JsonText }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    string,
    number,
    word,
    tie('array'),
    tie('object'),
  ),
  array: fc
    .tuple(space, fc.array(fc.tuple(tie('value'), space), { maxLength: 5 }))
    .map(([start, items]) => arrayOf(start, items)),
  object: fc
    .tuple(space, fc.array(fc.tuple(string, space, tie('value'), space), { maxLength: 5 }))
    .map(([start, members]) => objectOf(start, members)),
}));

/** Any JSON value. */
export const jsonText: fc.Arbitrary<JsonText> = value;

/** An object with an array of any values under "data", and whatever else. */
export const pageText: fc.Arbitrary<JsonText> = fc
  .tuple(
    space,
    fc.array(fc.tuple(string, space, value, space), { maxLength: 3 }),
    fc.array(fc.tuple(value, space), { maxLength: 6 }),
    fc.array(fc.tuple(string, space, value, space), { maxLength: 3 }),
  )
  .map(([start, before, items, after]) => {
    const isData = ([key]: [JsonText, ...unknown[]]) => key.cleaned === 'data';
    const data: Member = [plain('"data"', 'data'), ' ', arrayOf('', items), ''];
    return objectOf(start, [...before.filter((m) => !isData(m)), data, ...after.filter((m) => !isData(m))]);
  });

type Member = [key: JsonText, afterKey: string, value: JsonText, afterValue: string];

function arrayOf(start: string, items: readonly [JsonText, string][]): JsonText {
  return {
    text: `[${start}${items.map(([item, after]) => item.text + after).join(',')}]`,
    cleaned: items.map(([item]) => item.cleaned),
    reasons: union(items.map(([item]) => item)),
  };
}

function objectOf(start: string, members: readonly Member[]): JsonText {
  const reasons = union(members.flatMap(([key, , item]) => [key, item]));
  // As in the original, before any replacement: two keys may become equal by it.
  const keys = members.map(([key]) => JSON.parse(key.text.replace(/\p{Cc}/gu, escaped)));
  if (new Set(keys).size < keys.length) reasons.add('duplicate key');
  const cleaned: Record<string, unknown> = {};
  for (const [key, , item] of members) {
    Object.defineProperty(cleaned, String(key.cleaned), {
      value: item.cleaned,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  const text = members.map(([key, afterKey, item, after]) => `${key.text}${afterKey}:${item.text}${after}`);
  return { text: `{${start}${text.join(',')}}`, cleaned, reasons };
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function union(parts: readonly JsonText[]): Set<string> {
  return new Set(parts.flatMap(({ reasons }) => [...reasons]));
}
