import { UserError } from '../errors.js';
import type { AttributeTypes } from '../import/attribute-values.js';
import { hasStatus } from '../talon-one/api-error.js';
import type { ImportClient } from '../talon-one/import-client.js';
import type { RequestContext } from '../talon-one/management.js';

/**
 * Types of an entity's attributes: as the account has them, and as the command line adds to them. Whether the API lists
 * built-in attributes too is not documented; the command line can name them.
 * @throws UserError when the key may not read them
 */
export async function attributeTypes(
  client: ImportClient,
  entity: 'CustomerProfile' | 'CustomerSession' | 'CartItem',
  given: AttributeTypes,
  context: RequestContext,
): Promise<AttributeTypes> {
  try {
    const definitions = await client.attributes(entity, context);
    return new Map([...definitions.map(({ name, type }) => [name, type] as const), ...given]);
  } catch (error) {
    if (!hasStatus(error, 401, 403)) throw error;
    throw new UserError(
      'The types of the attributes cannot be read: allow the Management API key (TALON_ONE_API_KEY) the endpoint GET /v1/attributes.',
    );
  }
}
