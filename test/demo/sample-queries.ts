import { textTable } from './text-table.js';
import type { WarehouseView } from './warehouse-view.js';

interface SampleQuery {
  readonly question: string;
  readonly sql: string;
}

/** What an analyst may ask first. */
const QUERIES: readonly SampleQuery[] = [
  {
    question: 'Discount by campaign',
    sql: `select campaign_id, count(*) as discounts, round(sum((props ->> 'value')::numeric), 2) as discount
from talon_one_effect
where effect_type = 'setDiscount'
  and (props ->> 'value')::numeric < 1000 -- the simulator also sends amounts of 16 digits, to see them kept
group by campaign_id order by discount desc limit 5;`,
  },
  {
    question: 'Sessions by state',
    sql: `select state, count(*) as sessions, sum(total) as cart_value, round(avg(total), 2) as average
from talon_one_session
group by state order by sessions desc;`,
  },
  {
    question: 'Customers who buy most often',
    sql: `select integration_id, closed_sessions, total_sales, last_activity::date
from talon_one_profile
order by closed_sessions desc, total_sales desc limit 5;`,
  },
];

/** Each query with its answer. */
export async function sampleQueries(warehouse: WarehouseView): Promise<string[]> {
  const lines: string[] = [];
  for (const { question, sql } of QUERIES) {
    const rows = await warehouse.query(sql);
    const names = Object.keys(rows[0] ?? {});
    const columns = names.map((header) => {
      const isNumber = rows.every((row) => /^-?[\d.]+$/.test(row[header] ?? '0'));
      return { header, align: isNumber ? ('right' as const) : ('left' as const) };
    });
    const cells = rows.map((row) => names.map((name) => row[name] ?? ''));
    lines.push(`  ${question}`, '', ...indent(sql), '', ...textTable(columns, cells, '    '), '');
  }
  return lines;
}

function indent(sql: string): string[] {
  return sql.split('\n').map((line) => `    ${line}`);
}
