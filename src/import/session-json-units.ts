import { membersOf } from '../json/members.js';
import { isDecimal } from './checks.js';
import { readObject } from './json-line.js';
import type { Problems } from './problems.js';
import { SeenIds } from './seen-ids.js';
import { NOT_A_NUMBER, type SessionAttributeTypes, sessionProblems, totalAsCart } from './session-schema.js';
import type { Assembler, SourceRow, Unit } from './unit.js';

const ID_MEMBERS = ['sessionId', 'integrationId'];

/**
 * Past orders as lines of JSON: `sessionId`, and the members of a session in the form of the API, or `total` instead of
 * `cartItems`. Values are passed on as their text, so that no digit changes.
 */
export class SessionJsonUnits implements Assembler {
  readonly header = '';
  private readonly seen = new SeenIds();

  constructor(
    private readonly types: SessionAttributeTypes,
    private readonly problems: Problems,
  ) {}

  begin(): boolean {
    return true;
  }

  take(row: SourceRow): Unit | undefined {
    const line = row.firstLine;
    const order = readObject(row, this.problems);
    if (!order) return undefined;
    const id = order.value.sessionId ?? order.value.integrationId;
    if (typeof id !== 'string' || id === '')
      this.problems.add(line, 'sessionId', '', 'must be a text that is not empty');
    else if (!this.seen.add(id)) this.problems.add(line, 'sessionId', id, 'is there twice');
    const text = this.sessionText(line, order.value, order.text);
    const session: unknown = JSON.parse(text);
    for (const { path, reason } of sessionProblems(session, this.types)) {
      const isCart = path.join() === 'cartItems' && reason === 'is missing';
      const shown = isCart ? `${reason}: give cartItems or total` : reason;
      this.problems.add(line, path.join('.'), valueAt(session, path), shown);
    }
    const { profileId } = order.value;
    const key = typeof profileId === 'string' ? `profile ${profileId}` : `session ${id}`;
    return { firstLine: line, lastLine: line, id: String(id), text, order: key };
  }

  end(): undefined {
    return undefined;
  }

  private sessionText(line: number, value: Readonly<Record<string, unknown>>, text: string): string {
    const members = membersOf(text).filter(([name]) => ![...ID_MEMBERS, 'total'].includes(name));
    if (value.state === undefined) members.unshift(['state', '"closed"']);
    const total = membersOf(text).find(([name]) => name === 'total')?.[1];
    if (total !== undefined) {
      if (!isDecimal(total)) this.problems.add(line, 'total', total, NOT_A_NUMBER);
      else if (value.cartItems === undefined) members.push(['cartItems', totalAsCart(total)]);
      else this.problems.add(line, 'total', total, 'give cartItems or total, not both');
    }
    return `{${members.map(([name, raw]) => `${JSON.stringify(name)}:${raw}`).join(',')}}`;
  }
}

/** JSON text of a value that is not a whole list or object; empty when there is none. */
function valueAt(session: unknown, path: readonly (string | number)[]): string {
  let value = session;
  for (const step of path) value = (value as Record<string | number, unknown> | undefined)?.[step];
  return value === undefined || (typeof value === 'object' && value !== null) ? '' : JSON.stringify(value);
}
