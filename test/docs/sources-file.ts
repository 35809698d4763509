import type { Catalogue, Column, Relation } from './catalogue.js';

// The sources of dbt. JSON texts are YAML texts too.

/** What says how far the copy has come: the age of the oldest is the age of the data. */
const FRESHNESS: Readonly<Record<string, string>> = {
  talon_one_sync_cursor:
    `select min(coalesce(complete_through, last_sync)) from {{ source('talon_one', 'talon_one_sync_cursor') }} ` +
    `where application_id not in ({{ var('talon_one_ended_applications', 0) }})`,
  // A ledger that was never read to its end is none that could be late: loyalty may be off, or the key not allowed to.
  talon_one_loyalty_program:
    `select coalesce(min(complete_through), now()) from {{ source('talon_one', 'talon_one_loyalty_program') }} ` +
    `where missing_since is null and program_id not in ({{ var('talon_one_ended_loyalty_programs', 0) }})`,
};

/** The file docs/dbt/sources.yml. */
export function sourcesFile({ relations }: Catalogue): string {
  return [
    '# Written by `npm run docs` from the comments and constraints in the database. For dbt 1.10.5 or newer.',
    'version: 2',
    '',
    'sources:',
    '  - name: talon_one',
    '    description: "Copy of Talon.One, kept by talon-one-sync"',
    `    schema: "{{ var('talon_one_schema', 'public') }}"`,
    '    tables:',
    ...relations.flatMap(table),
    '',
  ].join('\n');
}

function table(relation: Relation): string[] {
  const { name, comment, columns, key } = relation;
  const freshness = FRESHNESS[name];
  return [
    `      - name: ${name}`,
    `        description: ${text(comment)}`,
    ...(freshness === undefined
      ? []
      : [
          '        config:',
          '          freshness:',
          '            warn_after: {count: 15, period: minute}',
          '            error_after: {count: 2, period: hour}',
          `          loaded_at_query: ${JSON.stringify(freshness)}`,
        ]),
    ...(key.length > 1
      ? [
          '        data_tests:',
          '          - unique:',
          '              arguments:',
          `                column_name: ${JSON.stringify(`(${key.join(` || '|' || `)})`)}`,
        ]
      : []),
    '        columns:',
    ...columns.flatMap((one) => column(one, relation)),
  ];
}

function column({ name, type, comment, isNotNull, values }: Column, { key }: Relation): string[] {
  const tests = [
    ...(isNotNull ? ['              - not_null'] : []),
    ...(key.length === 1 && key[0] === name ? ['              - unique'] : []),
    ...(values === undefined
      ? []
      : [
          '              - accepted_values:',
          '                  arguments:',
          `                    values: ${JSON.stringify(values)}`,
        ]),
  ];
  return [
    `          - name: ${name}`,
    `            description: ${text(comment)}`,
    `            data_type: ${type}`,
    ...(tests.length > 0 ? ['            data_tests:', ...tests] : []),
  ];
}

/** dbt takes descriptions for templates. */
function text(comment: string): string {
  if (/\{[{%#]/.test(comment)) throw new Error(`dbt would take this for a template: ${comment}`);
  return JSON.stringify(comment);
}
