import type { Client } from '../../src/warehouse/pool.js';
import type { Warehouse } from '../../src/warehouse/warehouse.js';

interface PlanNode {
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** The same warehouse; `onPlan` is told of every query the most rows that one step of its plan went through. */
export function explainingWarehouse(warehouse: Warehouse, onPlan: (mostRows: number) => void): Warehouse {
  const explaining = async (client: Client, sql: string, values: unknown[]) => {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, format json) ${sql}`,
      values,
    );
    const [plan] = JSON.parse(rows[0]?.['QUERY PLAN'] ?? '[]') as { Plan: PlanNode }[];
    if (plan) onPlan(mostRows(plan.Plan));
    return client.query(sql, values);
  };
  return new Proxy(warehouse, {
    get: (target, name) => {
      if (name !== 'transaction') return Reflect.get(target, name, target);
      return (work: (client: unknown) => Promise<unknown>) =>
        target.transaction((client) =>
          work({ query: (sql: string, values: unknown[]) => explaining(client, sql, values) }),
        );
    },
  });
}

function mostRows({ Plans = [], ...node }: PlanNode): number {
  return Math.max(node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0), ...Plans.map(mostRows));
}
