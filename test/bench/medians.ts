/** The middle value; of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** Measurements of one thing, under names, as they come in. */
export class Series {
  private readonly values = new Map<string, number[]>();

  add(measured: Readonly<Record<string, number | undefined>>): void {
    for (const [name, value] of Object.entries(measured)) {
      if (value === undefined) continue;
      const known = this.values.get(name);
      if (known) known.push(value);
      else this.values.set(name, [value]);
    }
  }

  /** NaN for what was never measured. */
  median(name: string): number {
    return median(this.values.get(name) ?? []);
  }

  least(name: string): number {
    return Math.min(...(this.values.get(name) ?? [Number.NaN]));
  }

  most(name: string): number {
    return Math.max(...(this.values.get(name) ?? [Number.NaN]));
  }
}
