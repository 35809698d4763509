import { parseRfc3339 } from './timestamp.js';
import type { World } from './world.js';

export type AttributeEntity = 'CustomerProfile' | 'CustomerSession' | 'CartItem';

const FITS: Record<string, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  time: (value) => typeof value === 'string' && parseRfc3339(value) !== undefined,
  location: (value) => typeof value === 'object' && value !== null,
};

/** What the API says of an attribute that does not exist or has a value of another type. */
export function attributeFault(
  world: World,
  entity: AttributeEntity,
  name: string,
  value: unknown,
): { title: string; details: string } | undefined {
  const found = world.reference
    .rows('attribute')
    .find(({ values }) => values.entity === entity && values.name === name);
  if (found === undefined)
    return { title: 'Unknown', details: `The attribute "${name}" is not defined on ${entity} entities.` };
  const type = String(found.values.type);
  const element = /^\(list (\w+)\)$/.exec(type)?.[1];
  const fits = FITS[element ?? type] ?? (() => true);
  const isGood = element === undefined ? fits(value) : Array.isArray(value) && value.every(fits);
  return isGood
    ? undefined
    : { title: 'Invalid type', details: `The attribute "${name}" must be of the type ${type}.` };
}
