import type { Catalogue } from './catalogue.js';

// The entity diagram: boxes in columns, and between the columns a gap in which the lines run, each on a lane of its own, so
// that no line crosses a box. Which table stands where, and what leads where, is said here; what they hold, by Postgres.

/** Columns of the drawing, from left to right, and the tables of each from the top. */
const LAYOUT: readonly (readonly string[])[] = [
  ['sync_cursor', 'application', 'store', 'event_type'],
  ['event', 'session_snapshot', 'profile_snapshot'],
  ['effect', 'coupon', 'loyalty_transaction'],
  ['campaign', 'ruleset', 'loyalty_program'],
];

/** `from.column > to.column`: each row of the one names a row of the other. */
const LINKS: readonly string[] = [
  'event.application_id > sync_cursor.application_id',
  'event.application_id > application.application_id',
  'event.store_integration_id > store.integration_id',
  'event.type > event_type.name',
  'effect.event_id > event.event_id',
  'event.session_id > session_snapshot.session_id',
  'event.profile_id > profile_snapshot.profile_id',
  'session_snapshot.profile_id > profile_snapshot.profile_id',
  'effect.triggered_by_coupon > coupon.coupon_id',
  'loyalty_transaction.session_integration_id > session_snapshot.integration_id',
  'loyalty_transaction.profile_integration_id > profile_snapshot.integration_id',
  'effect.campaign_id > campaign.campaign_id',
  'effect.ruleset_id > ruleset.ruleset_id',
  'coupon.campaign_id > campaign.campaign_id',
  'loyalty_transaction.campaign_id > campaign.campaign_id',
  'loyalty_transaction.program_id > loyalty_program.program_id',
  'ruleset.campaign_id > campaign.campaign_id',
];

const CHARACTER = 7.3;
const LINE = 20;
const HEADER = 28;
const PADDING = 10;
const LANE = 14;
const MARGIN = 20;
const BETWEEN = 28;

interface Box {
  readonly name: string;
  readonly column: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly rows: readonly { readonly name: string; readonly isKey: boolean }[];
}

interface End {
  readonly table: string;
  readonly column: string;
}

interface Link {
  readonly from: End;
  readonly to: End;
  /** The gap on the right of this column of the drawing. */
  readonly gap: number;
}

/** @throws Error when a table or column of the drawing is not in the database */
export function entityDiagram({ relations }: Catalogue): string {
  const links = LINKS.map(readLink);
  const boxes = placeBoxes(relations, links);
  const width = Math.max(...boxes.map((box) => box.x + box.width)) + MARGIN;
  const height = Math.max(...boxes.map((box) => box.y + box.height)) + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">`,
    '<title id="title">How the tables belong together</title>',
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    ...links.map((link) => drawLink(link, links, boxes)),
    ...boxes.flatMap(drawBox),
    '</svg>',
    '',
  ].join('\n');
}

const STYLE = [
  '.page{fill:#fff}.box{fill:#f6f8fa;stroke:#57606a}.head{fill:#dbe7f5;stroke:#57606a}.link{fill:none;stroke:#0550ae;stroke-width:1.3}.end{fill:#0550ae}',
  'text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328}.name,.key{font-weight:700}',
  '@media (prefers-color-scheme:dark){.page{fill:#0d1117}.box{fill:#161b22;stroke:#8b949e}.head{fill:#1f3350;stroke:#8b949e}.link{stroke:#79c0ff}.end{fill:#79c0ff}text{fill:#e6edf3}}',
].join('');

function readLink(text: string): Link {
  const [from, to] = text.split(' > ').map((end): End => {
    const [table = '', column = ''] = end.split('.');
    return { table, column };
  });
  if (!from || !to) throw new Error(`not a link: ${text}`);
  const [a, b] = [columnOf(from.table), columnOf(to.table)];
  if (Math.abs(a - b) > 1) throw new Error(`${text}: the tables stand too far from each other`);
  return { from, to, gap: Math.min(a, b) };
}

function columnOf(table: string): number {
  const column = LAYOUT.findIndex((tables) => tables.includes(table));
  if (column < 0) throw new Error(`${table} has no place in the drawing`);
  return column;
}

function placeBoxes(relations: Catalogue['relations'], links: readonly Link[]): Box[] {
  const boxes: Box[] = [];
  let x = MARGIN;
  LAYOUT.forEach((tables, column) => {
    let y = MARGIN;
    const contents = tables.map((table) => rowsOf(table, relations, links));
    const longest = Math.max(
      ...tables.map((table) => table.length + 'talon_one_'.length),
      ...contents.flat().map((row) => row.name.length),
    );
    const width = Math.ceil(longest * CHARACTER) + 2 * PADDING;
    tables.forEach((name, index) => {
      const rows = contents[index] ?? [];
      const height = HEADER + rows.length * LINE + PADDING / 2;
      boxes.push({ name, column, x, y, width, height, rows });
      y += height + BETWEEN;
    });
    const lanes = links.filter(({ gap }) => gap === column).length;
    x += width + (lanes + 1) * LANE;
  });
  return boxes;
}

function rowsOf(table: string, relations: Catalogue['relations'], links: readonly Link[]): Box['rows'] {
  const relation = relations.find(({ name }) => name === `talon_one_${table}`);
  if (!relation) throw new Error(`there is no talon_one_${table}`);
  const linked = links.flatMap(({ from, to }) => [from, to]).filter((end) => end.table === table);
  const missing = linked.find((end) => !relation.columns.some(({ name }) => name === end.column));
  if (missing) throw new Error(`talon_one_${table} has no column ${missing.column}`);
  return relation.columns
    .filter(({ name }) => relation.key.includes(name) || linked.some((end) => end.column === name))
    .map(({ name }) => ({ name, isKey: relation.key.includes(name) }));
}

function drawBox({ name, x, y, width, height, rows }: Box): string[] {
  return [
    `<rect class="box" x="${x}" y="${y}" width="${width}" height="${height}" rx="5"/>`,
    `<rect class="head" x="${x}" y="${y}" width="${width}" height="${HEADER - 4}" rx="5"/>`,
    `<text class="name" x="${x + PADDING}" y="${y + 16}">talon_one_${name}</text>`,
    ...rows.map((row, index) => {
      const place = `x="${x + PADDING}" y="${y + HEADER + index * LINE + 14}"`;
      return `<text${row.isKey ? ' class="key"' : ''} ${place}>${row.name}</text>`;
    }),
  ];
}

/** From the one column into the lane, along it, and into the other. */
function drawLink(link: Link, links: readonly Link[], boxes: readonly Box[]): string {
  const inGap = links.filter(({ gap }) => gap === link.gap);
  const left = boxes.find(({ column }) => column === link.gap);
  const gapX = (left?.x ?? 0) + (left?.width ?? 0);
  const laneX = gapX + (inGap.indexOf(link) + 1) * LANE;
  const [from, to] = [anchor(link.from, link.gap, boxes), anchor(link.to, link.gap, boxes)];
  return `<path class="link" d="M${from.x} ${from.y}H${laneX}V${to.y}H${to.x}"/><circle class="end" cx="${to.x}" cy="${to.y}" r="4"/>`;
}

function anchor(end: End, gap: number, boxes: readonly Box[]): { x: number; y: number } {
  const box = boxes.find(({ name }) => name === end.table);
  if (!box) throw new Error(`${end.table} has no place in the drawing`);
  const row = box.rows.findIndex(({ name }) => name === end.column);
  const y = box.y + HEADER + row * LINE + 10;
  return { x: box.column === gap ? box.x + box.width : box.x, y };
}
