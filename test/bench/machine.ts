import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { packageVersion } from '../../src/package-info.js';
import type { BenchPostgres } from './postgres.js';

const GIBIBYTE = 1024 ** 3;

/** Where and when was measured, without a name or a path of the machine. */
export function describeMachine(postgres: BenchPostgres): string[] {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown processor';
  const memory = Math.round(totalmem() / GIBIBYTE);
  return [
    `${processors.length} × ${model}, ${memory} GiB, ${type()} ${release()}, load average at the start ${(loadavg()[0] ?? 0).toFixed(1)}`,
    `Node ${process.versions.node}, Postgres ${postgres.version} (${postgres.kind}, default settings), talon-one-sync ${packageVersion()}`,
    new Date().toISOString().slice(0, 10),
  ];
}
