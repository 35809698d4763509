type Numbers = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;
type NumbersKind<T extends Numbers> = new (length: number) => T;

/** One column of a table: a typed array that grows, so that a million rows cost bytes and not objects. */
export class Column<T extends Numbers> {
  private values: T;

  constructor(private readonly kind: NumbersKind<T>) {
    this.values = new kind(64);
  }

  /** 0 where nothing was set. */
  get(row: number): number {
    return row < this.values.length ? (this.values[row] as number) : 0;
  }

  set(row: number, value: number): void {
    if (row >= this.values.length) this.grow(row);
    this.values[row] = value;
  }

  add(row: number, amount: number): void {
    this.set(row, this.get(row) + amount);
  }

  private grow(row: number): void {
    const larger = new this.kind(Math.max(row + 1, this.values.length * 2));
    larger.set(this.values);
    this.values = larger;
  }
}

export function float64Column(): Column<Float64Array> {
  return new Column(Float64Array);
}

export function int32Column(): Column<Int32Array> {
  return new Column(Int32Array);
}

export function uint16Column(): Column<Uint16Array> {
  return new Column(Uint16Array);
}

export function uint8Column(): Column<Uint8Array> {
  return new Column(Uint8Array);
}
