const FIRST_CAPACITY = 1024;
const FULL = 0.6;

/**
 * Which texts have been there before, in 8 bytes for each instead of the text: a set of 64-bit hashes with open
 * addressing. Among a million texts the chance that one is taken for another is below one in ten million.
 */
export class SeenIds {
  private high = new Uint32Array(FIRST_CAPACITY);
  private low = new Uint32Array(FIRST_CAPACITY);
  private count = 0;

  /** Notes the text; false when it was there already. */
  add(text: string): boolean {
    if (this.count >= this.high.length * FULL) this.grow();
    const [high, low] = hash64(text);
    if (!this.put(high, low)) return false;
    this.count += 1;
    return true;
  }

  private put(high: number, low: number): boolean {
    const mask = this.high.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      if (this.high[slot] === 0 && this.low[slot] === 0) {
        this.high[slot] = high;
        this.low[slot] = low;
        return true;
      }
      if (this.high[slot] === high && this.low[slot] === low) return false;
    }
  }

  private grow(): void {
    const { high, low } = this;
    this.high = new Uint32Array(high.length * 2);
    this.low = new Uint32Array(low.length * 2);
    for (let slot = 0; slot < high.length; slot += 1) {
      const [h = 0, l = 0] = [high[slot], low[slot]];
      if (h !== 0 || l !== 0) this.put(h, l);
    }
  }
}

// Two multiplicative hashes side by side, each stirred by the other at the end; never both zero, which marks a free slot.
function hash64(text: string): [number, number] {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 2_654_435_761);
    b = Math.imul(b ^ code, 1_597_334_677);
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  return [a >>> 0, (b | 1) >>> 0];
}
