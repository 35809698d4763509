import { attributeText, unknownAttribute } from './attribute-values.js';
import type { SessionAttributeTypes } from './session-schema.js';

type ValueKind = 'text' | 'number' | 'list' | 'json';

/** One column of a file of orders. */
export interface SessionColumn {
  readonly index: number;
  /** As in the file, for messages. */
  readonly name: string;
  readonly belongsTo: 'order' | 'item';
  /** Member of the session or of the cart item; `attributes` for all attributes. */
  readonly member: string;
  /** Set for an attribute. */
  readonly attribute?: string;
  /** The cell as JSON; what does not fit its kind becomes a string, and is found there. */
  readonly toJson: (cell: string) => string;
}

export const ID_COLUMNS = ['sessionid', 'integrationid'];

const ORDER: Readonly<Record<string, ValueKind>> = {
  profileId: 'text',
  state: 'text',
  storeIntegrationId: 'text',
  couponCodes: 'list',
  referralCode: 'text',
  loyaltyCards: 'list',
  identifiers: 'list',
  additionalCosts: 'json',
  cartItems: 'json',
  total: 'number',
};

const ITEM: Readonly<Record<string, ValueKind>> = {
  sku: 'text',
  name: 'text',
  quantity: 'number',
  price: 'number',
  category: 'text',
  weight: 'number',
  height: 'number',
  width: 'number',
  length: 'number',
  additionalCosts: 'json',
};

const TO_JSON: Readonly<Record<ValueKind, (cell: string) => string>> = {
  text: (cell) => JSON.stringify(cell),
  number: (cell) => attributeText('number', cell),
  list: (cell) => attributeText('(list string)', cell),
  json: (cell) => attributeText('location', cell),
};

/** The column of that name, or what is wrong with it. */
export function sessionColumn(
  name: string,
  index: number,
  types: SessionAttributeTypes,
): SessionColumn | { readonly reason: string } {
  const isItem = name.startsWith('item.');
  const own = isItem ? name.slice('item.'.length) : name;
  const belongsTo = isItem ? 'item' : 'order';
  if (own.startsWith('attributes.')) {
    const attribute = own.slice('attributes.'.length);
    const type = (isItem ? types.item : types.session).get(attribute);
    if (type === undefined) return { reason: unknownAttribute(attribute) };
    const toJson = (cell: string) => attributeText(type, cell);
    return { index, name, belongsTo, member: 'attributes', attribute, toJson };
  }
  const kind = (isItem ? ITEM : ORDER)[own];
  if (kind !== undefined) return { index, name, belongsTo, member: own, toJson: TO_JSON[kind] };
  return {
    reason: `no such column: there are sessionId, ${Object.keys(ORDER).join(', ')}, attributes.NAME, item.${Object.keys(ITEM).join(', item.')}, item.attributes.NAME; --map or --ignore it`,
  };
}

/** JSON object of the cells that are not empty. */
export function toObject(
  columns: readonly SessionColumn[],
  cellOf: (column: SessionColumn) => string,
): string {
  const members: string[] = [];
  const attributes: string[] = [];
  for (const column of columns) {
    const cell = cellOf(column);
    if (cell === '') continue;
    const text = `${JSON.stringify(column.attribute ?? column.member)}:${column.toJson(cell)}`;
    (column.attribute === undefined ? members : attributes).push(text);
  }
  if (attributes.length > 0) members.push(`"attributes":{${attributes.join(',')}}`);
  return `{${members.join(',')}}`;
}
