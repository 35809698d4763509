import type { Design } from './design.js';
import { allInvariants, type Invariant, isFinished } from './invariants.js';
import { initialState, keyOf, keyOfTables, type State } from './state.js';
import { type Call, stepsFrom } from './steps.js';

/** One call of src/warehouse, with the tables before and after. */
export interface Transition {
  readonly call: Call;
  readonly before: State['tables'];
  readonly after: State['tables'];
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** The shortest way to a state that breaks an invariant, step by step, the broken rule last. */
  readonly counterExample: readonly string[] | undefined;
  /** States from which the end cannot be reached without further faults, each with the way there. */
  readonly stuck: readonly (readonly string[])[];
  /** The different calls with different tables. */
  readonly calls: readonly Transition[];
}

export interface ExploreOptions {
  readonly invariants?: readonly Invariant[];
  readonly start?: State;
  /** Also returns `calls`. */
  readonly collectsCalls?: boolean;
}

/**
 * Visits every reachable state, the nearest first, each once. Stops at the first state that breaks an invariant.
 * All interleavings: whatever steps are possible in a state are all taken.
 */
export function explore(design: Design, options: ExploreOptions = {}): Exploration {
  return new Search(design, options).run();
}

/** The state at the end of steps given by name. */
export function follow(design: Design, names: readonly string[]): State {
  return names.reduce((state, wanted) => {
    const step = stepsFrom(state, design).find(({ name }) => name() === wanted);
    if (!step) throw new Error(`no step "${wanted}" is possible`);
    return step.next;
  }, initialState);
}

class Search {
  private readonly states: State[];
  private readonly known: Map<string, number>;
  private readonly ways: { readonly from: number; readonly name: string }[] = [{ from: -1, name: '' }];
  /** By state: from where it is reached without a fault. */
  private readonly sources: number[][] = [[]];
  private readonly calls = new Map<string, Transition>();
  private transitions = 0;

  constructor(
    private readonly design: Design,
    private readonly options: ExploreOptions,
  ) {
    const { start = initialState } = options;
    this.states = [start];
    this.known = new Map([[keyOf(start), 0]]);
  }

  run(): Exploration {
    for (let at = 0; at < this.states.length; at += 1) {
      const state = this.states[at] as State;
      const broken = this.brokenRule(state);
      if (broken !== undefined) return this.result([...this.wayTo(at), broken], []);
      this.expand(state, at);
    }
    return this.result(undefined, this.findStuck());
  }

  private brokenRule(state: State): string | undefined {
    for (const invariant of this.options.invariants ?? allInvariants) {
      const broken = invariant(state, this.design);
      if (broken !== undefined) return broken;
    }
    return undefined;
  }

  private expand(state: State, at: number): void {
    for (const { name, next, isFault, call } of stepsFrom(state, this.design)) {
      this.transitions += 1;
      if (call && this.options.collectsCalls) this.note({ call, before: state.tables, after: next.tables });
      const key = keyOf(next);
      let to = this.known.get(key);
      if (to === undefined) {
        to = this.states.push(next) - 1;
        this.known.set(key, to);
        this.ways.push({ from: at, name: name() });
        this.sources.push([]);
      }
      if (!isFault) this.sources[to]?.push(at);
    }
  }

  private note(transition: Transition): void {
    const key = `${JSON.stringify(transition.call)} ${keyOfTables(transition.before)}`;
    if (!this.calls.has(key)) this.calls.set(key, transition);
  }

  private wayTo(at: number): string[] {
    const names: string[] = [];
    for (let way = this.ways[at]; way && way.from >= 0; way = this.ways[way.from]) names.unshift(way.name);
    return names;
  }

  private findStuck(): string[][] {
    const canFinish = new Set<number>();
    const open = [...this.states.keys()].filter((at) => isFinished(this.states[at] as State));
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (canFinish.has(at)) continue;
      canFinish.add(at);
      open.push(...(this.sources[at] ?? []));
    }
    return [...this.states.keys()].filter((at) => !canFinish.has(at)).map((at) => this.wayTo(at));
  }

  private result(counterExample: readonly string[] | undefined, stuck: readonly string[][]): Exploration {
    const { states, transitions, calls } = this;
    return { states: states.length, transitions, counterExample, stuck, calls: [...calls.values()] };
  }
}
