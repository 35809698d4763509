import type { SimulatedApplication } from './application.js';
import { LoyaltyProgram, type LoyaltyProgramOptions } from './loyalty-program.js';
import type { World } from './world.js';

/** What every account has unless a test says otherwise. Those of an environment without Applications do not exist. */
const STANDARD_PROGRAMS: readonly (LoyaltyProgramOptions & { id: number })[] = [
  { id: 1, name: 'points', title: 'Point collection' },
  { id: 2, name: 'cards', title: 'Card "points", old', cardBased: true, timezone: 'America/New_York' },
  { id: 3, name: 'sandbox_points', title: 'Point collection', sandbox: true, allowSubledger: false },
];

/** The loyalty programs of the account. */
export class LoyaltyPrograms {
  private readonly programs = new Map<number, LoyaltyProgram>();

  constructor(
    private readonly world: World,
    options: readonly LoyaltyProgramOptions[] | undefined,
  ) {
    for (const program of options ?? STANDARD_PROGRAMS) this.add(program);
  }

  add(options: LoyaltyProgramOptions): LoyaltyProgram {
    const id = options.id ?? Math.max(0, ...this.programs.keys()) + 1;
    const { world } = this;
    const program = new LoyaltyProgram({
      options: { ...options, id },
      profiles: options.sandbox === true ? world.sandbox : world.live,
      applications: () => world.applications.values(),
      seed: world.style.seed,
      now: () => world.now(),
    });
    this.programs.set(id, program);
    return program;
  }

  all(): LoyaltyProgram[] {
    return [...this.programs.values()].filter((program) => program.applications.length > 0);
  }

  find(id: number): LoyaltyProgram | undefined {
    return this.all().find((program) => program.id === id);
  }

  program(id: number): LoyaltyProgram {
    const program = this.find(id);
    if (program === undefined) throw new RangeError(`There is no loyalty program ${id}`);
    return program;
  }

  of(application: SimulatedApplication): LoyaltyProgram[] {
    return this.all().filter((program) => program.applications.includes(application));
  }
}
