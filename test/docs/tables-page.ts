import type { Catalogue, Relation } from './catalogue.js';

interface Group {
  readonly title: string;
  readonly names: RegExp;
}

// In the order of the page; a relation stands in the first group that its name fits.
const GROUPS: readonly Group[] = [
  {
    title: 'Views for analysts',
    names:
      /^(session_history|cart_item|effect_standing|coupon_redemption|discount|discount_movement|loyalty_movement|campaign_performance|custom_event|event_context)$/,
  },
  { title: 'Events and effects', names: /^(event|effect|effect_with_names)$/ },
  { title: 'Customers and sessions', names: /^(profile|session)(_snapshot)?$/ },
  { title: 'Loyalty', names: /^loyalty_/ },
  {
    title: 'Reference data',
    names:
      /^(application|campaign|ruleset|attribute|audience|store|achievement|event_type|change|coupon|referral)$/,
  },
  { title: 'Exports and imports', names: /^(latest_)?(export|import)(_|$)/ },
  {
    title: 'State of the sync',
    names:
      /^(sync_.*|verification|replica|once_run|job|owed_snapshot|quarantine|original_text|request_.*|granted_rate|migration)$/,
  },
  { title: 'Erasure', names: /^erasure/ },
  // What nobody has given a place yet.
  { title: 'More tables', names: /./ },
];

/** The page docs/tables.md. */
export function tablesPage({ relations, routines }: Catalogue): string {
  const rest = [...relations];
  const groups = GROUPS.map(({ title, names }) => {
    const own = rest.filter(({ name }) => names.test(name.slice('talon_one_'.length)));
    for (const relation of own) rest.splice(rest.indexOf(relation), 1);
    return { title, relations: own };
  }).filter(({ relations: own }) => own.length > 0);
  return [
    '# Tables',
    '',
    'Every table, view, function and column, as the comments in the database say it (`\\d+` in psql). This page and its drawing',
    'are written by `npm run docs`; what is not here is not there. [queries.md](queries.md) answers business questions with',
    'these tables, [dbt.md](dbt.md) makes them sources of dbt.',
    '',
    '![How the tables belong together](tables.svg)',
    '',
    'The drawing has the tables that are joined most, each with its key (bold) and the columns that lead to another. Nothing is',
    'declared as a foreign key: rows come in the order in which the API gives them. Campaigns, rulesets, stores and event types',
    'are kept with their history: join by ID and by time, as [reference-data.md](reference-data.md) shows. `talon_one_profile`',
    'and `talon_one_session` are the newest snapshot of each.',
    '',
    ...groups.map(({ title }) => `- [${title}](#${title.toLowerCase().replaceAll(' ', '-')})`),
    '- [Functions](#functions)',
    '',
    ...groups.flatMap(({ title, relations: own }) => [`## ${title}`, '', ...own.flatMap(section)]),
    '## Functions',
    '',
    '| function | |',
    '|---|---|',
    ...routines.map(({ call, comment }) => `| \`${cell(call)}\` | ${cell(comment)} |`),
    '',
  ].join('\n');
}

function section({ name, isView, comment, columns, key }: Relation): string[] {
  const kind = isView ? 'View' : 'Table';
  const keyText = key.length > 0 ? `, key ${key.map((column) => `\`${column}\``).join(', ')}` : '';
  return [
    `### ${name}`,
    '',
    `${kind}${keyText}. ${cell(comment)}.`,
    '',
    '| column | type | |',
    '|---|---|---|',
    ...columns.map((one) => {
      const type = `${one.type}${one.isNotNull ? ', not null' : ''}`;
      return `| \`${one.name}\` | ${type} | ${cell(one.comment)} |`;
    }),
    '',
  ];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
