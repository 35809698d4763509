import { apiFaults } from './faults/api-faults.js';
import type { FaultScripts } from './faults/fault.js';
import { postgresFaults } from './faults/postgres-faults.js';
import { replicaFaults } from './faults/replica-faults.js';
import type { Lane } from './schedule.js';

/** Everything the nemesis can do, by what it does it to. */
export const catalogue: Readonly<Record<Lane, FaultScripts>> = {
  'replica 1': replicaFaults(({ replicas }) => replicas[0]),
  'replica 2': replicaFaults(({ replicas }) => replicas[1]),
  api: apiFaults,
  postgres: postgresFaults,
};
