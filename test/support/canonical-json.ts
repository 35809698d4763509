// A second, plain reading of JSON, to compare with what Postgres makes of it: numbers stay decimal text.

export interface Canonical {
  /** Equal for equal values: keys sorted, numbers written out with all their digits. */
  readonly text: string;
  /** The value holds something that jsonb cannot keep as it came. */
  readonly isChanged: boolean;
}

/** What `jsonb` should hold of a JSON text: characters it refuses replaced, the last of equal keys, no minus zero. */
export function canonical(json: string): Canonical {
  const reader = new Reader(json);
  return { text: reader.value(), isChanged: reader.isChanged };
}

class Reader {
  isChanged = false;
  private at = 0;

  constructor(private readonly json: string) {}

  value(): string {
    this.skipSpace();
    const char = this.json.charAt(this.at);
    if (char === '{') return this.object();
    if (char === '[') return this.array();
    if (char === '"') return JSON.stringify(this.string());
    return /[-\d]/.test(char) ? this.number() : this.match(/true|false|null/y);
  }

  private object(): string {
    const members = new Map<string, string>();
    this.list('{', '}', () => {
      this.skipSpace();
      const key = this.string();
      this.match(/\s*:/y);
      if (members.has(key)) this.isChanged = true;
      members.set(key, this.value());
    });
    const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${sorted.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
  }

  private array(): string {
    const items: string[] = [];
    this.list('[', ']', () => items.push(this.value()));
    return `[${items.join(',')}]`;
  }

  private list(open: string, close: string, item: () => void): void {
    this.at += open.length;
    this.skipSpace();
    while (this.json.charAt(this.at) !== close) {
      item();
      this.skipSpace();
      if (this.json.charAt(this.at) === ',') this.at += 1;
    }
    this.at += close.length;
  }

  private string(): string {
    const raw = this.match(/"(?:[^"\\]|\\[\s\S])*"/y);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: some servers let them through
    const escaped = raw.replace(/[\u0000-\u001f]/g, (char) => JSON.stringify(char).slice(1, -1));
    const text = String(JSON.parse(escaped));
    const clean = text.replace(/\0|\p{Surrogate}/gu, '\ufffd');
    if (escaped !== raw || clean !== text) this.isChanged = true;
    return clean;
  }

  private number(): string {
    const raw = this.match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    const [, sign = '', whole = '', fraction = '', exponent = '0'] =
      /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.*))?$/.exec(raw) ?? [];
    const shift = Number(exponent);
    const decimals = Math.max(0, fraction.length - shift);
    const all = (whole + fraction + '0'.repeat(Math.max(0, shift - fraction.length))).padStart(
      decimals + 1,
      '0',
    );
    const plain = all.slice(0, all.length - decimals).replace(/^0+(?=\d)/, '');
    const digits = decimals === 0 ? plain : `${plain}.${all.slice(-decimals)}`;
    const isZero = !/[1-9]/.test(digits);
    if (isZero && sign === '-') this.isChanged = true;
    return isZero ? digits : sign + digits;
  }

  private skipSpace(): void {
    this.match(/\s*/y);
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.json)?.[0];
    if (found === undefined)
      throw new SyntaxError(`no JSON at ${this.at}: ${this.json.slice(this.at, this.at + 40)}`);
    this.at += found.length;
    return found;
  }
}
