/** Row numbers kept in an order. Appending at the end is free, inserting elsewhere is one move of memory. */
export class OrderedRows {
  private rows = new Uint32Array(64);
  length = 0;
  /** False as soon as a row had to go anywhere but to the end. */
  isAppendOnly = true;

  constructor(private readonly compare: (a: number, b: number) => number) {}

  at(position: number): number {
    return this.rows[position] as number;
  }

  slice(from: number, to: number): Uint32Array {
    return this.rows.slice(from, to);
  }

  insert(row: number): void {
    if (this.length === this.rows.length) this.grow();
    let position = this.length;
    if (position > 0 && this.compare(this.at(position - 1), row) > 0) {
      position = this.partition((other) => this.compare(other, row) > 0);
      this.rows.copyWithin(position + 1, position, this.length);
      this.isAppendOnly = false;
    }
    this.rows[position] = row;
    this.length += 1;
  }

  remove(row: number): boolean {
    let position = this.partition((other) => this.compare(other, row) >= 0);
    while (position < this.length && this.at(position) !== row) position += 1;
    if (position >= this.length) return false;
    this.rows.copyWithin(position, position + 1, this.length);
    this.length -= 1;
    return true;
  }

  /** The first position whose row satisfies a condition that, once true, stays true. */
  partition(isBeyond: (row: number) => boolean): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBeyond(this.at(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private grow(): void {
    const larger = new Uint32Array(this.rows.length * 2);
    larger.set(this.rows);
    this.rows = larger;
  }
}
