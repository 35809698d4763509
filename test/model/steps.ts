import { type Design, startOfReading } from './design.js';
import { listEvents, nextTime } from './server.js';
import { type Cycle, type Fetch, type Page, replaced, type State, type Tables } from './state.js';
import { createdOf, namesOf, SECOND, toSet } from './timeline.js';
import { ended, renewed, withCursor, withEvents, withSnapshot } from './transactions.js';

// Every step that is possible in a state. A transaction is one step, since Postgres does all of it or nothing; between
// two transactions of one process anything else can happen. A replica that is slow or paused takes no step.

/** The call of src/warehouse that a step stands for. */
export type Call =
  | { readonly type: 'take'; readonly isGranted: boolean; readonly after: number }
  | { readonly type: 'renew'; readonly isHolder: boolean }
  | { readonly type: 'page'; readonly isHolder: boolean; readonly page: Page }
  | { readonly type: 'owed'; readonly version: number | null }
  | { readonly type: 'snapshot'; readonly isHolder: boolean; readonly fetch: Fetch }
  | { readonly type: 'end'; readonly isHolder: boolean; readonly settledAt: number | null };

export interface Step {
  /** For people; most steps lead where others led before, and need none. */
  readonly name: () => string;
  readonly next: State;
  /** A crash, or a pause that outlasts the lease: the system cannot count on it to get on. */
  readonly isFault: boolean;
  readonly call?: Call;
}

export function stepsFrom(state: State, design: Design): Step[] {
  const steps = serverSteps(state);
  for (const [replica, cycle] of state.cycles.entries()) {
    const own =
      cycle === null ? takeSteps(state, replica, design) : new Running(state, replica, cycle, design).steps();
    steps.push(...own);
  }
  return steps;
}

function serverSteps(state: State): Step[] {
  const steps: Step[] = [];
  const step = (name: string, next: Partial<State>, isFault = false) => {
    steps.push({ name: () => name, next: { ...state, ...next }, isFault });
  };
  const clock = nextTime(state);
  if (clock !== undefined) step(`the server's clock shows ${clock} s`, { clock });
  if (!state.isLateVisible) step('the late event becomes visible', { isLateVisible: true });
  if (state.tables.isLeased) {
    const isPause = state.cycles.some((cycle) => cycle?.isHolder);
    const next = { tables: { ...state.tables, isLeased: false } };
    if (!isPause) step('the lease expires', next);
    else if (state.pausesLeft > 0)
      step('the lease expires while its holder pauses', { ...next, pausesLeft: 0 }, true);
  }
  return steps;
}

function takeSteps(state: State, replica: number, design: Design): Step[] {
  const after = startOfReading(state.tables.lastSync, design);
  const isGranted = !state.tables.isLeased;
  const call: Call = { type: 'take', isGranted, after };
  if (!isGranted)
    return [{ name: () => `${nameOf(replica)} is refused the lease`, next: state, isFault: false, call }];
  const cycle: Cycle = {
    isHolder: true,
    after,
    pages: [],
    closeAt: null,
    settledAt: null,
    fetch: null,
    isOwed: false,
  };
  const cycles = replaced(
    state.cycles.map((other) => other && { ...other, isHolder: false }),
    replica,
    cycle,
  );
  const next = { ...state, cycles, tables: renewed(state.tables) };
  return [{ name: () => `${nameOf(replica)} takes the lease`, next, isFault: false, call }];
}

function nameOf(replica: number): string {
  return 'AB'.charAt(replica);
}

/** The steps of a replica in its cycle. */
class Running {
  private readonly found: Step[] = [];

  constructor(
    private readonly state: State,
    private readonly replica: number,
    private readonly cycle: Cycle,
    private readonly design: Design,
  ) {}

  steps(): Step[] {
    this.crash();
    this.renew();
    this.fetchPage();
    this.storePage();
    if (this.design.snapshotsBesideEvents || this.isReadToEnd) this.snapshot();
    this.end();
    return this.found;
  }

  private get isReadToEnd(): boolean {
    return this.cycle.after === null && this.cycle.pages.length === 0;
  }

  private crash(): void {
    if (this.state.crashesLeft === 0) return;
    this.add('crashes', { ...this.withCycle(null), crashesLeft: 0 }, { isFault: true });
  }

  private renew(): void {
    const { isHolder } = this.cycle;
    if (isHolder && this.state.tables.isLeased) return;
    this.write('renews its lease', renewed, this.cycle, { type: 'renew', isHolder });
  }

  /** At most one page ahead of the one that is stored. */
  private fetchPage(): void {
    const { after, pages } = this.cycle;
    if (after === null || pages.length === 2) return;
    const { events, isLast } = listEvents(this.state, after, this.design.pageSize);
    const { clock } = this.state;
    // An event may still come in behind a page that was read less than a look-back after its events were created.
    const isClose = events.some((event) => createdOf(event) > clock - this.design.lookback);
    const closeAt = this.cycle.closeAt ?? (isClose && !this.design.lookbackFromLastPage ? clock : null);
    const newest = Math.max(after, ...events.map(createdOf));
    // More events may share the time of the last one of a page.
    const position = isLast ? newest : newest - SECOND;
    const page: Page = {
      events: toSet(events),
      reach: Math.min(position, this.cycle.closeAt ?? position),
      settledAt: isLast ? (closeAt ?? clock) : null,
    };
    const next = { after: isLast ? null : newest, closeAt: isLast ? null : closeAt, pages: [...pages, page] };
    this.add(
      () => `fetches the page of ${namesOf(page.events) || 'no event'}`,
      this.withCycle({ ...this.cycle, ...next }),
    );
  }

  private storePage(): void {
    const [page, ...rest] = this.cycle.pages;
    if (page === undefined) return;
    const name = () => `stores ${namesOf(page.events) || 'an empty page'}`;
    if (this.design.cursorBeforeInsert && !page.isCursorMoved) {
      const pages = [{ ...page, isCursorMoved: true }, ...rest];
      this.write('moves the cursor', (tables) => withCursor(tables, page), { ...this.cycle, pages });
      return;
    }
    const { stored } = this.state.tables;
    const isOwed = this.cycle.isOwed || (this.design.owedInMemory && (page.events & ~stored) !== 0);
    const cycle = { ...this.cycle, pages: rest, settledAt: page.settledAt, isOwed };
    const isDouble = this.design.insertsAgain && (page.events & stored) !== 0;
    const write = (tables: Tables) => withEvents(withCursor(tables, page), page.events, this.design);
    const call: Call = { type: 'page', isHolder: this.cycle.isHolder, page };
    this.write(name, write, cycle, call, isDouble ? 'stored twice' : null);
  }

  private snapshot(): void {
    const { fetch, isHolder } = this.cycle;
    if (fetch === null) this.lookForOwed();
    else if (fetch.covered === null) {
      this.add('asks for the profile', this.withFetch({ ...fetch, covered: this.state.tables.stored }));
    } else {
      const write = (tables: Tables) => withSnapshot(tables, fetch, this.design);
      this.write(
        'stores the profile',
        write,
        { ...this.cycle, fetch: null },
        { type: 'snapshot', isHolder, fetch },
      );
    }
  }

  private lookForOwed(): void {
    // Asked for at once: what others store in between makes the snapshot fresher only. Events of the same replica count.
    const covered = this.design.snapshotsBesideEvents ? null : this.state.tables.stored;
    if (this.design.owedInMemory) {
      if (!this.cycle.isOwed) return;
      const cycle = { ...this.cycle, isOwed: false, fetch: { version: 0, covered } };
      this.add('remembers that the profile is owed', this.withCycle(cycle));
      return;
    }
    const { owed } = this.state.tables;
    const call: Call = { type: 'owed', version: owed?.version ?? null };
    const next = owed === null ? this.state : this.withFetch({ version: owed.version, covered });
    this.add(`finds the profile ${owed === null ? 'settled' : 'owed'}`, next, { call });
  }

  /** Also in the middle: a request fails for good, time is up, or the program stops. */
  private end(): void {
    const settledAt = this.isReadToEnd ? this.cycle.settledAt : null;
    const call: Call = { type: 'end', isHolder: this.cycle.isHolder, settledAt };
    this.write('ends its cycle', (tables) => ended(tables, settledAt, this.design), null, call);
  }

  /** A writing transaction; without the fence it changes nothing, and the cycle ends there. */
  private write(
    name: string | (() => string),
    change: (tables: Tables) => Tables,
    cycle: Cycle | null,
    call?: Call,
    broken: State['broken'] = null,
  ): void {
    const { isHolder } = this.cycle;
    if (!isHolder && !this.design.fenceUnchecked) {
      this.add(
        () => `${typeof name === 'string' ? name : name()}: its lease is lost`,
        this.withCycle(null),
        call && { call },
      );
      return;
    }
    const harm = broken ?? (isHolder ? this.state.broken : 'written under an outdated fence');
    this.add(
      name,
      { ...this.withCycle(cycle), tables: change(this.state.tables), broken: harm },
      call && { call },
    );
  }

  private add(
    name: string | (() => string),
    next: State,
    more: { isFault?: boolean; call?: Call } = {},
  ): void {
    this.found.push({
      name: () => `${nameOf(this.replica)} ${typeof name === 'string' ? name : name()}`,
      next,
      isFault: false,
      ...more,
    });
  }

  private withCycle(cycle: Cycle | null): State {
    return { ...this.state, cycles: replaced(this.state.cycles, this.replica, cycle) };
  }

  private withFetch(fetch: Fetch): State {
    return this.withCycle({ ...this.cycle, fetch });
  }
}
