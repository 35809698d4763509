import { isDecimal, isRfc3339 } from './checks.js';

// Values of custom attributes. Types: `NewAttribute` of the OpenAPI document.

/** Types of the attributes of one entity by name. */
export type AttributeTypes = ReadonlyMap<string, string>;

export const ATTRIBUTE_TYPES = [
  'string',
  'number',
  'boolean',
  'time',
  'location',
  '(list string)',
  '(list number)',
  '(list time)',
  '(list location)',
];

const SEPARATOR = ';';

/** A cell as JSON text of the type; numbers digit for digit. What does not fit becomes a string, and is found there. */
export function attributeText(type: string, cell: string): string {
  const element = listElement(type);
  if (element !== undefined) {
    if (cell.startsWith('[')) return jsonOrString(cell);
    const parts = cell.split(SEPARATOR).map((part) => attributeText(element, part.trim()));
    return `[${parts.join(',')}]`;
  }
  if (type === 'number' && isDecimal(cell)) return cell;
  if (type === 'boolean' && /^(?:true|false)$/i.test(cell)) return cell.toLowerCase();
  if (type === 'location') return jsonOrString(cell);
  return JSON.stringify(cell);
}

/** What is wrong with the value of an attribute; `undefined` when it fits its type. */
export function attributeProblem(type: string, value: unknown): string | undefined {
  if (value === null)
    return 'must not be null: leave it out, the attribute then stays as it is (how to clear one is not documented)';
  const element = listElement(type);
  if (element !== undefined) {
    if (!Array.isArray(value)) return `must be a list: a JSON array, or ${element}s with ; between them`;
    return value.map((item) => attributeProblem(element, item)).find((problem) => problem !== undefined);
  }
  switch (type) {
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number, with a point and no separators';
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'time':
      return typeof value === 'string' && isRfc3339(value)
        ? undefined
        : 'must be an RFC 3339 time with an offset, such as 2026-01-31T00:00:00Z';
    case 'location':
      return typeof value === 'object' && value !== null ? undefined : 'must be a JSON object';
    default:
      return typeof value === 'string' ? undefined : 'must be a text';
  }
}

/** What is wrong with the attributes of one record: pairs of name and reason. */
export function attributeProblems(
  attributes: Readonly<Record<string, unknown>>,
  types: AttributeTypes,
): { name: string; reason: string }[] {
  return Object.entries(attributes).flatMap(([name, value]) => {
    const type = types.get(name);
    const reason = type === undefined ? unknownAttribute(name) : attributeProblem(type, value);
    return reason === undefined ? [] : [{ name, reason }];
  });
}

export function unknownAttribute(name: string): string {
  return `the account has no such attribute: create it in Campaign Manager, or say its type with --type ${name}=string`;
}

function listElement(type: string): string | undefined {
  return /^\(list (\w+)\)$/.exec(type)?.[1];
}

function jsonOrString(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
