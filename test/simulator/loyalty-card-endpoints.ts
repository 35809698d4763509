import type { Endpoint } from './endpoint.js';
import { positionsOf } from './event-list.js';
import { cardText } from './loyalty-card-text.js';
import { CARD_PATH, PROGRAM_PATH } from './loyalty-paths.js';
import { cardOf, programOf, requireKind } from './loyalty-requests.js';
import { makePage } from './page.js';
import { PAGING, readOrder, readPaging, readQuery, requireLength } from './query.js';
import { json } from './reply.js';

const listCards: Endpoint = {
  method: 'GET',
  template: `${PROGRAM_PATH}/cards`,
  answer: (request) => {
    const program = programOf(request);
    requireKind(program, 'card');
    const switches = request.world.switchBoard.get();
    const query = readQuery(request.search, {
      ...PAGING,
      sort: 'text',
      identifier: 'text',
      profileId: 'integer',
      batchId: 'text',
    });
    requireLength(query, 'identifier', 4);
    const paging = readPaging(query, switches);
    const [identifier, profileId, batchId] = [
      query.get('identifier'),
      query.get('profileId'),
      query.get('batchId'),
    ];
    const found = [...program.cards.all.keys()].filter((row) => {
      const card = program.cards.get(row);
      if (identifier !== undefined && !card.identifier.includes(identifier)) return false;
      if (batchId !== undefined && card.batchId !== batchId) return false;
      if (profileId === undefined) return true;
      return card.profiles.some((profile) => program.profiles.ids.idOf(profile.row) === profileId);
    });
    const rows = positionsOf(found.length, readOrder(query, switches), paging).map((position) =>
      cardText(program, found[position] as number),
    );
    return json(makePage(rows, found.length, paging, switches, { hasMore: true, totalResultSize: false }));
  },
};

const getCard: Endpoint = {
  method: 'GET',
  template: CARD_PATH,
  answer: (request) => {
    const program = programOf(request);
    readQuery(request.search, {});
    return json(cardText(program, cardOf(request, program)));
  },
};

export const loyaltyCardEndpoints: readonly Endpoint[] = [listCards, getCard];
