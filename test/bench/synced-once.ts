import type { BenchContext } from './benchmark.js';
import { CpuTrack } from './cpu-track.js';
import { type OnceResult, runDaemonOnce } from './daemon-once.js';
import type { BenchWarehouse } from './postgres.js';
import type { SimulatorAddress } from './simulator-process.js';

export interface SyncedOnce extends OnceResult {
  readonly cpu: CpuTrack;
  readonly snapshots: number;
}

/** `talon-one-sync once` into an empty schema, and the proof that everything arrived. */
export async function syncOnce(
  context: BenchContext,
  address: SimulatorAddress,
  events: number,
): Promise<SyncedOnce> {
  const { postgres, signal } = context;
  const target = await postgres.newWarehouse();
  try {
    const cpu = new CpuTrack(postgres);
    const settings = settingsOf(context, address, target);
    const result = await runDaemonOnce(settings, signal).finally(() => cpu.end());
    const stored = await countRows(target.warehouse.pool, target.schema);
    if (stored.events !== events || stored.owed !== 0)
      throw new Error(`${stored.events} of ${events} events stored, ${stored.owed} snapshots owed`);
    return { ...result, cpu, snapshots: stored.snapshots };
  } finally {
    await target.drop();
  }
}

/** Events and snapshots alone, and as many requests as wanted. */
export function settingsOf(
  { postgres }: BenchContext,
  address: SimulatorAddress,
  target: BenchWarehouse,
): Record<string, string> {
  return {
    TALON_ONE_BASE_URL: address.url,
    TALON_ONE_API_KEY: address.apiKey,
    DATABASE_URL: postgres.url,
    WAREHOUSE_SCHEMA: target.schema,
    REQUESTS_PER_SECOND: '0',
    LOYALTY_SYNC: 'false',
    REFERENCE_INTERVAL_MINUTES: '0',
    AUDIT_DELAY_MINUTES: '0',
    HTTP_PORT: '',
  };
}

async function countRows(
  pool: { query(text: string): Promise<{ rows: Record<string, string>[] }> },
  schema: string,
): Promise<{ events: number; snapshots: number; owed: number }> {
  const count = (table: string) => `(select count(*) from ${schema}.${table})`;
  const { rows } =
    await pool.query(`select ${count('talon_one_event')} as events, ${count('talon_one_owed_snapshot')} as owed,
    ${count('talon_one_profile_snapshot')} + ${count('talon_one_session_snapshot')} as snapshots`);
  const { events, snapshots, owed } = rows[0] ?? {};
  return { events: Number(events), snapshots: Number(snapshots), owed: Number(owed) };
}
