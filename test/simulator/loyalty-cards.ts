import { hash32 } from './dice.js';
import type { ProfileTable } from './profile-table.js';
import { type Micros, SECOND } from './timestamp.js';

export interface LoyaltyCard {
  identifier: string;
  created: Micros;
  modified: Micros;
  status: 'active' | 'inactive';
  blockReason: string;
  batchId: string;
  /** Rows of profiles, and since when they use the card. */
  profiles: { row: number; since: Micros }[];
}

/** One profile in four has a card, now and then shared with the next profile. */
export const PROFILES_PER_CARD = 4;

/** The cards of a card-based program. The position is the row that transactions name as their owner. */
export class LoyaltyCards {
  readonly all: LoyaltyCard[] = [];
  private readonly rowOf = new Map<string, number>();

  /** `-1` when there is none. Identifiers know no upper and lower case: documented for search alone, so exact here. */
  rowOfIdentifier(identifier: string): number {
    return this.rowOf.get(identifier) ?? -1;
  }

  /** An unknown one springs into being. */
  rowForIdentifier(identifier: string, created: Micros): number {
    const known = this.rowOfIdentifier(identifier);
    return known >= 0 ? known : this.add({ ...newCard(identifier, created) });
  }

  add(card: LoyaltyCard): number {
    const row = this.all.push(card) - 1;
    this.rowOf.set(card.identifier, row);
    return row;
  }

  get(row: number): LoyaltyCard {
    return this.all[row] as LoyaltyCard;
  }

  fill(profiles: ProfileTable, count: number, seed: number): void {
    for (let first = 0; first < count; first += PROFILES_PER_CARD) {
      const h = hash32(seed, first, 71);
      const created = profiles.created.get(first);
      const card = newCard(generatedIdentifier(this.all.length, h), created);
      card.profiles.push({ row: first, since: created });
      const next = first + 1;
      if (h % 5 === 0 && next < count) {
        card.profiles.push({ row: next, since: Math.max(created, profiles.created.get(next)) + SECOND });
      }
      if (h % 17 === 0) {
        Object.assign(card, {
          status: 'inactive',
          blockReason: 'Current card lost. "Customer, needs" a new card.',
        });
      }
      card.batchId = h % 3 === 0 ? 'gwedcbfp' : '';
      this.add(card);
    }
  }
}

export function newCard(identifier: string, created: Micros): LoyaltyCard {
  return {
    identifier,
    created,
    modified: created,
    status: 'active',
    blockReason: '',
    batchId: '',
    profiles: [],
  };
}

/** Some have what must be percent-encoded in a path: `^[A-Za-z0-9._%+@-]+$` is documented. */
function generatedIdentifier(row: number, h: number): string {
  const plain = `loyalty-card-${100 + row}`;
  return h % 11 === 0 ? `${plain}%+@shop` : plain;
}
