import { isDecimal } from './checks.js';
import { type ColumnChoice, hasAllCells, readHeader } from './header.js';
import type { Problems } from './problems.js';
import { SeenIds } from './seen-ids.js';
import { ID_COLUMNS, type SessionColumn, sessionColumn, toObject } from './session-columns.js';
import { placeInFile } from './session-place.js';
import { NOT_A_NUMBER, type SessionAttributeTypes, sessionProblems, totalAsCart } from './session-schema.js';
import type { Assembler, SourceRow, Unit } from './unit.js';

/** More items than the API takes are counted, not kept. */
const KEPT_ITEMS = 1001;

/** The order that is being read: one row, or one for each of its items. */
interface OpenOrder {
  readonly id: string;
  readonly firstLine: number;
  lastLine: number;
  readonly cells: Map<SessionColumn, string>;
  /** Rows that have an item, and the items as JSON. */
  readonly items: SourceRow[];
  readonly itemTexts: string[];
}

/**
 * Past orders in a CSV file. The cart is a JSON column, or consecutive rows with the same ID that have one item each, or a
 * single item made of the total.
 */
export class SessionCsvUnits implements Assembler {
  readonly header = '';
  private readonly seen = new SeenIds();
  private idIndex = -1;
  private width = 0;
  private orderColumns: readonly SessionColumn[] = [];
  private itemColumns: readonly SessionColumn[] = [];
  private isHeaderGood = true;
  private open: OpenOrder | undefined;

  constructor(
    private readonly types: SessionAttributeTypes,
    private readonly choice: ColumnChoice,
    private readonly problems: Problems,
  ) {}

  begin(header: SourceRow): boolean {
    const before = this.problems.count;
    const names = readHeader(header, this.choice, this.problems);
    if (names.length === 0) return false;
    this.width = names.length;
    this.idIndex = names.findIndex((name) => ID_COLUMNS.includes(name?.toLowerCase() ?? ''));
    if (this.idIndex < 0)
      this.problems.add(
        header.firstLine,
        'sessionId',
        '',
        'this column is missing: name one with --map COLUMN=sessionId',
      );
    const columns = names.flatMap((name, index) => this.columnOf(header, name, index));
    this.orderColumns = columns.filter((column) => column.belongsTo === 'order');
    this.itemColumns = columns.filter((column) => column.belongsTo === 'item');
    this.isHeaderGood = this.problems.count === before;
    return true;
  }

  take(row: SourceRow): Unit | undefined {
    if (!hasAllCells(row, this.width, this.problems)) return undefined;
    const id = (row.cells[this.idIndex] ?? '').trim();
    if (this.idIndex >= 0 && this.open?.id === id && this.itemColumns.length > 0) {
      this.goOn(this.open, row);
      return undefined;
    }
    const finished = this.end();
    this.start(id, row);
    return finished;
  }

  end(): Unit | undefined {
    const order = this.open;
    this.open = undefined;
    return order && this.finish(order);
  }

  private columnOf(header: SourceRow, name: string | undefined, index: number): SessionColumn[] {
    if (name === undefined || name === '' || index === this.idIndex) return [];
    const column = sessionColumn(name, index, this.types);
    // For messages as the file calls it, not as --map does.
    if (!('reason' in column)) return [{ ...column, name: cellOf(header, column) }];
    this.problems.add(header.firstLine, name, '', column.reason);
    return [];
  }

  private start(id: string, row: SourceRow): void {
    const line = row.firstLine;
    // Without the column, the header has told it.
    if (this.idIndex >= 0) this.checkId(line, id);
    const cells = new Map(this.orderColumns.map((column) => [column, cellOf(row, column)]));
    this.open = { id, firstLine: line, lastLine: row.lastLine, cells, items: [], itemTexts: [] };
    this.addItem(this.open, row);
  }

  private checkId(line: number, id: string): void {
    if (id === '') this.problems.add(line, 'sessionId', '', 'must not be empty');
    else if (!this.seen.add(id))
      this.problems.add(
        line,
        'sessionId',
        id,
        'was there before: all rows of an order must follow one another',
      );
  }

  private goOn(order: OpenOrder, row: SourceRow): void {
    order.lastLine = row.lastLine;
    for (const column of this.orderColumns) {
      const cell = cellOf(row, column);
      if (cell === '' || cell === order.cells.get(column)) continue;
      const reason = `differs from line ${order.firstLine}, where the order begins: leave it empty or repeat it`;
      this.problems.add(row.firstLine, column.name, cell, reason);
    }
    this.addItem(order, row);
  }

  private addItem(order: OpenOrder, row: SourceRow): void {
    const item = toObject(this.itemColumns, (column) => cellOf(row, column));
    if (item === '{}' || order.items.length >= KEPT_ITEMS) return;
    const quantity = this.itemColumns.find(({ member }) => member === 'quantity');
    const isOne = quantity === undefined || cellOf(row, quantity) === '';
    order.itemTexts.push(isOne ? `{"quantity":1,${item.slice(1)}` : item);
    order.items.push(row);
  }

  private finish(order: OpenOrder): Unit | undefined {
    const cart = this.cartOf(order);
    const cells = (column: SessionColumn) => order.cells.get(column) ?? '';
    const others = this.orderColumns.filter(
      ({ member }) => !['cartItems', 'total', 'state'].includes(member),
    );
    const rest = toObject(others, cells).slice(1, -1);
    const state = this.cell(order, 'state') || 'closed';
    const text = `{"state":${JSON.stringify(state)},"cartItems":${cart.text}${rest === '' ? '' : `,${rest}`}}`;
    this.checkSession(order, JSON.parse(text));
    if (!cart.isGood) return undefined;
    const profileId = this.cell(order, 'profileId');
    const { id, firstLine, lastLine } = order;
    return {
      firstLine,
      lastLine,
      id,
      text,
      order: profileId === '' ? `session ${id}` : `profile ${profileId}`,
    };
  }

  private checkSession(order: OpenOrder, session: unknown): void {
    const { orderColumns, itemColumns } = this;
    const orderCell = (column: SessionColumn) => order.cells.get(column) ?? '';
    const items = order.items.map((row) => ({
      line: row.firstLine,
      cell: (column: SessionColumn) => cellOf(row, column),
    }));
    const rows = { firstLine: order.firstLine, orderColumns, itemColumns, orderCell, items };
    for (const { path, reason } of sessionProblems(session, this.types)) {
      const { line, column, value, within } = placeInFile(path, rows);
      this.problems.add(line, column, value, within === '' ? reason : `${reason}, at ${within}`);
    }
  }

  /** The cart as JSON. When it is not good, that is told, and the text is only for checking what else is there. */
  private cartOf(order: OpenOrder): { text: string; isGood: boolean } {
    const total = this.cell(order, 'total');
    const column = this.orderColumns.find(({ member }) => member === 'cartItems');
    const json = this.cell(order, 'cartItems');
    const isNumber = total === '' || isDecimal(total);
    if (!isNumber) {
      const name = this.orderColumns.find(({ member }) => member === 'total')?.name ?? 'total';
      this.problems.add(order.firstLine, name, total, NOT_A_NUMBER);
    }
    const carts = [
      ...(order.items.length > 0 ? [`[${order.itemTexts.join(',')}]`] : []),
      ...(json === '' || !column ? [] : [column.toJson(json)]),
      ...(total === '' ? [] : [isNumber ? totalAsCart(total) : '[]']),
    ];
    const [text = '[]'] = carts;
    if (carts.length === 1) return { text, isGood: isNumber };
    // A column of the cart that is called otherwise: the header has told it.
    const isExpected = this.isHeaderGood || this.itemColumns.length > 0 || column !== undefined;
    const reason =
      carts.length === 0
        ? 'the order has no cart: give its items (item.sku, … or cartItems) or its total'
        : 'give one of: items in rows, cartItems, total (the API computes the total from the items)';
    if (carts.length > 1 || isExpected) this.problems.add(order.firstLine, '', '', reason);
    return { text, isGood: false };
  }

  private cell(order: OpenOrder, member: string): string {
    const column = this.orderColumns.find((candidate) => candidate.member === member);
    return column === undefined ? '' : (order.cells.get(column) ?? '');
  }
}

function cellOf(row: SourceRow, column: SessionColumn): string {
  return (row.cells[column.index] ?? '').trim();
}
