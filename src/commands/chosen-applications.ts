import type { Config } from '../config.js';
import { UserError } from '../errors.js';
import { type CursorReach, readReaches } from '../warehouse/cursor.js';
import type { Warehouse } from '../warehouse/warehouse.js';

/**
 * Where the Applications stand that a command is about: the one that was named, or all that are copied.
 * @throws UserError when there is none
 */
export async function chosenApplications(
  warehouse: Warehouse,
  named: string | undefined,
  { talonOne: { applicationIds } }: Config,
): Promise<CursorReach[]> {
  const wanted = named === undefined ? applicationIds : [named];
  const found = await readReaches(warehouse, wanted === 'all' ? undefined : wanted);
  if (found.length > 0) return found;
  const what = named === undefined ? 'No Application is' : `Application ${named} is not`;
  throw new UserError(`${what} copied yet: "talon-one-sync once" copies them.`);
}
