import { createHash, type Hash } from 'node:crypto';
import type { PlannedPart } from '../warehouse/import-journal.js';
import type { Unit } from './unit.js';

/** How much is sent at once. */
export interface PartLimits {
  readonly units: number;
  readonly bytes: number;
  /** There may be one part only: a second one would replace the first. */
  readonly isWhole?: true;
}

interface OpenPart {
  readonly firstLine: number;
  lastLine: number;
  units: number;
  bytes: number;
  readonly hash: Hash;
}

/** Cuts a stream of units into parts and remembers of each only where it is and what it hashes to. */
export class PartCutter {
  private readonly parts: PlannedPart[] = [];
  private open: OpenPart | undefined;

  /** @param header what precedes the units of each part */
  constructor(
    private readonly limits: PartLimits,
    private readonly header: string,
  ) {}

  add(unit: Unit): void {
    const bytes = Buffer.byteLength(unit.text) + 1;
    if (this.open && (this.open.units >= this.limits.units || this.open.bytes + bytes > this.limits.bytes))
      this.close();
    this.open ??= {
      firstLine: unit.firstLine,
      lastLine: unit.lastLine,
      units: 0,
      bytes: 0,
      hash: newContentHash(this.header),
    };
    this.open.units += 1;
    this.open.bytes += bytes;
    this.open.lastLine = unit.lastLine;
    addToHash(this.open.hash, unit);
  }

  finish(): readonly PlannedPart[] {
    this.close();
    return this.parts;
  }

  private close(): void {
    if (!this.open) return;
    const { hash, firstLine, lastLine, units } = this.open;
    this.parts.push({
      part: this.parts.length + 1,
      firstLine,
      lastLine,
      units,
      contentHash: hash.digest('hex'),
    });
    this.open = undefined;
  }
}

/** SHA-256 of what a part sends. */
export function contentHash(header: string, units: readonly Unit[]): string {
  const hash = newContentHash(header);
  for (const unit of units) addToHash(hash, unit);
  return hash.digest('hex');
}

function newContentHash(header: string): Hash {
  return createHash('sha256').update(`${header}\n`);
}

// The ID is not in the text of a session.
function addToHash(hash: Hash, unit: Unit): void {
  hash.update(`${unit.id}\n${unit.text}\n`);
}
