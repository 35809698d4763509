import type { ApiRequest } from './endpoint.js';
import type { LoyaltyProgram } from './loyalty-program.js';
import { badRequest, notFound } from './refusal.js';

// What all loyalty endpoints do first: find the program of the path, and the profile or card.

/** With late transactions shown whose time has come. */
export function programOf(request: ApiRequest): LoyaltyProgram {
  const program = request.world.loyalty.find(Number(request.path.loyaltyProgramId));
  if (program === undefined) throw notFound('Loyalty program');
  program.ledger.promote(request.world.now());
  return program;
}

export function requireKind(program: LoyaltyProgram, kind: 'profile' | 'card'): void {
  if (program.cardBased === (kind === 'card')) return;
  throw badRequest(`the loyalty program is not ${kind}-based`, { parameter: 'loyaltyProgramId' });
}

/** The row of the profile that the path names; it need not have any transactions. */
export function profileOf(request: ApiRequest, program: LoyaltyProgram): number {
  requireKind(program, 'profile');
  const row = program.profiles.rowOfIntegrationId(request.path.integrationId ?? '');
  if (row < 0 || program.profiles.removed.has(row)) throw notFound('Profile');
  return row;
}

export function cardOf(request: ApiRequest, program: LoyaltyProgram): number {
  requireKind(program, 'card');
  const row = program.cards.rowOfIdentifier(request.path.loyaltyCardId ?? '');
  if (row < 0) throw notFound('Loyalty card');
  return row;
}
