import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import { forgetProfile, tryToForget } from '../warehouse/forget.js';
import { withWarehouse } from './with-warehouse.js';

export interface ForgetRequest {
  readonly profile: string;
  readonly dryRun?: boolean;
}

/** Blanks everything that the warehouse holds of one customer, for good. The ID is neither logged nor stored. */
export async function forgetCommand(
  { profile, dryRun }: ForgetRequest,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const found = await withWarehouse(config, log, signal, (warehouse) =>
    dryRun ? tryToForget(warehouse, profile) : forgetProfile(warehouse, profile),
  );
  const rows = Object.entries(found.rows).filter(([, count]) => count > 0);
  const width = Math.max(0, ...rows.map(([table]) => table.length));
  const total = rows.reduce((sum, [, count]) => sum + count, 0);
  const lines = [
    `profiles: ${found.profiles}, sessions: ${found.sessions}`,
    ...rows.map(([table, count]) => `${table.padEnd(width)} ${String(count).padStart(8)}`),
    dryRun
      ? `${total} rows would be blanked. Nothing was changed.`
      : `${total} rows blanked. Row ${found.erasureId} of talon_one_erasure keeps this customer from being stored again.`,
  ];
  if (found.profiles === 0)
    lines.push(
      'No profile with this integration ID is stored. If one is found later, run this command again.',
    );
  process.stdout.write(`${lines.join('\n')}\n`);
}
