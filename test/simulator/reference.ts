import type { SimulatedApplication } from './application.js';
import { KINDS, REFERENCE_KINDS, type ReferenceKind, type ReferenceValues } from './reference-kinds.js';
import { DAY, formatMicros, type Micros, requireRfc3339, SECOND } from './timestamp.js';
import type { World } from './world.js';

export interface ReferenceRow {
  values: ReferenceValues;
  /** Of the Application whose paths it stands under; 0: of the account alone. */
  applicationId: number;
  /** What a test wants to be served, byte for byte. */
  payload?: string;
}

/** An entry of the audit log. */
export interface Change {
  id: number;
  created: Micros;
  applicationId: number;
  userId: number;
  managementKeyId?: number;
  entity: string;
  old: object;
  new: object;
}

/** `created`: RFC 3339, default now. */
export type CustomChange = Partial<Omit<Change, 'created' | 'id'>> & { created?: string };

const FIRST_CHANGE = 50_001;

/** What the account has configured, and the log of its changes. Made when the first request or test needs it. */
export class Reference {
  private readonly tables = new Map<ReferenceKind, Map<number, ReferenceRow>>(
    REFERENCE_KINDS.map((kind) => [kind, new Map()]),
  );
  private readonly made = new Set<string>();
  /** How many rows there have been, where a test added some. */
  private readonly added = new Map<string, number>();
  private readonly log: Change[] = [];
  private isLogFilled = false;

  constructor(private readonly world: World) {}

  rows(kind: ReferenceKind): ReferenceRow[] {
    return [...this.table(kind).values()];
  }

  find(kind: ReferenceKind, id: number): ReferenceRow | undefined {
    return this.table(kind).get(id);
  }

  row(kind: ReferenceKind, id: number): ReferenceRow {
    const row = this.find(kind, id);
    if (row === undefined) throw new RangeError(`There is no ${kind} ${id}`);
    return row;
  }

  /** Oldest first. */
  changes(): readonly Change[] {
    if (!this.isLogFilled) this.fillLog();
    return this.log;
  }

  /** Returns the id. */
  add(kind: ReferenceKind, applicationId: number, values: Record<string, unknown>): number {
    const scope = KINDS[kind].isPerApplication ? applicationId : 0;
    // Also those that were removed have had their ids.
    const key = `${kind} ${scope}`;
    this.table(kind);
    const index = this.added.get(key) ?? KINDS[kind].count;
    this.added.set(key, index + 1);
    const application = this.world.application(applicationId);
    const created = formatMicros(this.world.now());
    const row = this.insert(kind, application, index, { created, ...values });
    this.note(kind, row, {}, row.values);
    return row.values.id;
  }

  /** Members set to undefined vanish. */
  change(kind: ReferenceKind, id: number, changes: Record<string, unknown>): void {
    const row = this.row(kind, id);
    const old = row.values;
    const { modified } = KINDS[kind];
    const touched = modified === undefined ? {} : { [modified]: formatMicros(this.world.now()) };
    row.values = { ...old, ...touched, ...changes };
    delete row.payload;
    this.note(kind, row, old, row.values);
  }

  remove(kind: ReferenceKind, id: number): void {
    const row = this.row(kind, id);
    this.table(kind).delete(id);
    this.note(kind, row, row.values, {});
  }

  /** An entry as the test wrote it; times as RFC 3339. Returns its id. */
  addChange(change: CustomChange): number {
    const all = this.changes();
    const created =
      change.created === undefined ? this.nextCreated() : requireRfc3339(change.created, 'created');
    const id = FIRST_CHANGE + all.length;
    const entry = { applicationId: 0, userId: 388, entity: '/v1/users/388', old: {}, new: {} };
    this.log.push({ id, ...entry, ...change, created });
    return id;
  }

  private note(kind: ReferenceKind, row: ReferenceRow, old: object, changed: object): void {
    this.addChange({
      applicationId: row.applicationId,
      entity: KINDS[kind].path(row.values),
      managementKeyId: 3,
      old,
      new: changed,
    });
  }

  private nextCreated(): Micros {
    return Math.max(this.world.now(), (this.log.at(-1)?.created ?? 0) + 1);
  }

  private table(kind: ReferenceKind): Map<number, ReferenceRow> {
    const { isPerApplication, count } = KINDS[kind];
    for (const application of this.world.applications.values()) {
      const key = isPerApplication ? `${kind} ${application.id}` : kind;
      if (this.made.has(key)) continue;
      this.made.add(key);
      for (let index = 0; index < count; index += 1) this.insert(kind, application, index, {});
    }
    return this.tables.get(kind) as Map<number, ReferenceRow>;
  }

  private insert(
    kind: ReferenceKind,
    application: SimulatedApplication,
    index: number,
    given: Record<string, unknown>,
  ): ReferenceRow {
    const { sandbox } = application;
    const applicationIds = [...this.world.applications.values()]
      .filter((other) => other.sandbox === sandbox)
      .map(({ id }) => id);
    const scene = { application, applicationIds, index, now: this.world.now() };
    const values: ReferenceValues = { ...KINDS[kind].make(scene), ...given };
    const row = { values, applicationId: KINDS[kind].isPerApplication ? application.id : 0 };
    this.tables.get(kind)?.set(values.id, row);
    return row;
  }

  /** How the campaigns came to be: made one by one, and changed once or twice in the first days. */
  private fillLog(): void {
    this.isLogFilled = true;
    const entries = this.rows('campaign').flatMap(
      ({ values, applicationId }, index): Omit<Change, 'id'>[] => {
        const created = requireRfc3339(values.created, 'created');
        const entity = `/v1/applications/${applicationId}/campaigns`;
        const shared = { applicationId, userId: 388 };
        const first = { ...values, name: 'Draft' };
        return [
          { ...shared, created: created + SECOND, entity, old: {}, new: first },
          {
            ...shared,
            created: created + ((index % 12) / 12) * DAY + 2 * SECOND,
            entity: `${entity}/${values.id}`,
            old: first,
            new: values,
          },
        ];
      },
    );
    entries.sort((a, b) => a.created - b.created);
    this.log.push(...entries.map((entry, index) => ({ id: FIRST_CHANGE + index, ...entry })));
  }
}
