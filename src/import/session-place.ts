import type { SessionColumn } from './session-columns.js';

/** One order of a CSV file: the cells of its own columns, and a row for each item. */
export interface OrderRows {
  readonly firstLine: number;
  readonly orderColumns: readonly SessionColumn[];
  readonly itemColumns: readonly SessionColumn[];
  readonly orderCell: (column: SessionColumn) => string;
  readonly items: readonly ItemRow[];
}

export interface ItemRow {
  readonly line: number;
  readonly cell: (column: SessionColumn) => string;
}

/** Where in the file something is that is wrong with the session made of it. */
export interface Place {
  readonly line: number;
  /** As the file calls it; empty when it is no single cell. */
  readonly column: string;
  readonly value: string;
  /** Path within the cell, where it holds JSON or a list. */
  readonly within: string;
}

/** @param path of the session as it would be sent, such as `['cartItems', 2, 'price']` */
export function placeInFile(path: readonly (string | number)[], order: OrderRows): Place {
  const [member, index, ...ofItem] = path;
  const item = member === 'cartItems' && typeof index === 'number' ? order.items[index] : undefined;
  if (item) return placeOfCell(ofItem, order.itemColumns, item.line, item.cell, 'item.');
  if (member === 'cartItems' && order.items.length > 0)
    return { line: order.firstLine, column: '', value: '', within: '' };
  return placeOfCell(path, order.orderColumns, order.firstLine, order.orderCell, '');
}

function placeOfCell(
  path: readonly (string | number)[],
  columns: readonly SessionColumn[],
  line: number,
  cellOf: (column: SessionColumn) => string,
  prefix: string,
): Place {
  const [member = '', ...rest] = path.map(String);
  const isAttribute = member === 'attributes';
  const column = columns.find((candidate) =>
    isAttribute ? candidate.attribute === rest[0] : candidate.member === member,
  );
  const name = column?.name ?? (member === '' ? '' : `${prefix}${member}`);
  const within = (isAttribute ? rest.slice(1) : rest).join('.');
  return { line, column: name, value: column === undefined ? '' : cellOf(column), within };
}
