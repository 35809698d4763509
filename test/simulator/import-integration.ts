import { z } from 'zod';
import { type ApiRequest, applicationOf, type Endpoint } from './endpoint.js';
import { addGivenEvent } from './given-event.js';
import { type AttributeEntity, attributeFault } from './import-attributes.js';
import { onceForKey } from './import-endpoints.js';
import type { StoredSession } from './import-store.js';
import { ACCOUNT_ID } from './profile-text.js';
import { readQuery } from './query.js';
import { badRequest, Refusal } from './refusal.js';
import { json } from './reply.js';
import { formatMicros } from './timestamp.js';

// Profiles and sessions as the Integration API takes them.

const EFFECTS = '"effects":[],"createdCoupons":[],"createdReferrals":[]';
const MOST_PROFILES = 1000;
const attributes = z.record(z.string(), z.unknown()).optional();

const profilesBody = z.strictObject({
  customerProfiles: z
    .array(z.strictObject({ integrationId: z.string().min(1).max(1000), attributes }))
    .max(MOST_PROFILES),
});

const code = z.string().max(100);
const costs = z.record(z.string(), z.strictObject({ price: z.number() })).optional();
const sessionBody = z.strictObject({
  customerSession: z.strictObject({
    profileId: z.string().optional(),
    storeIntegrationId: z.string().min(1).max(1000).optional(),
    couponCodes: z.array(code).optional(),
    referralCode: code.optional(),
    loyaltyCards: z.array(z.string()).max(1).optional(),
    state: z.enum(['open', 'closed', 'partially_returned', 'cancelled']).default('open'),
    cartItems: z
      .array(
        z.strictObject({
          ...{ name: z.string().optional(), sku: z.string().min(1), quantity: z.int().min(1) },
          ...{ price: z.number().optional(), category: z.string().optional(), attributes },
          ...{ weight: z.number().optional(), additionalCosts: costs },
        }),
      )
      .max(1000)
      .default([]),
    additionalCosts: costs,
    identifiers: z.array(z.string()).optional(),
    attributes,
  }),
  responseContent: z.array(z.string()).optional(),
});
type NewSession = z.infer<typeof sessionBody>['customerSession'];

const putProfiles: Endpoint = {
  method: 'PUT',
  template: '/v2/customer_profiles',
  api: 'integration',
  answer: (request) => {
    const query = readQuery(request.search, { silent: ['yes', 'no'] });
    return onceForKey(request, () => {
      const { customerProfiles } = readBody(request, profilesBody);
      customerProfiles.forEach((profile, index) => {
        checkAttributes(
          request,
          'CustomerProfile',
          profile.attributes,
          `/customerProfiles/${index}/attributes`,
        );
      });
      const texts = customerProfiles.map((profile) =>
        storeProfile(request, profile.integrationId, profile.attributes ?? {}),
      );
      if (query.get('silent') !== 'no') return { status: 204, headers: {}, body: '' };
      return json(`{"integrationStates":[${texts.map((text) => `{"customerProfile":${text}}`).join(',')}]}`);
    });
  },
};

const putSession: Endpoint = {
  method: 'PUT',
  template: '/v2/customer_sessions/{customerSessionId}',
  api: 'integration',
  answer: (request) => {
    readQuery(request.search, {});
    return onceForKey(request, () => {
      const { customerSession } = readBody(request, sessionBody);
      const at = '/customerSession';
      checkAttributes(request, 'CustomerSession', customerSession.attributes, `${at}/attributes`);
      customerSession.cartItems.forEach((item, index) => {
        checkAttributes(request, 'CartItem', item.attributes, `${at}/cartItems/${index}/attributes`);
      });
      storeSession(request, customerSession);
      return json(`{${EFFECTS}}`);
    });
  },
};

function readBody<T>(request: ApiRequest, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(request.body);
  } catch {
    throw badRequest('the body is not valid JSON', { pointer: '' });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badRequest(issue?.message ?? 'not usable', { pointer: `/${issue?.path.join('/') ?? ''}` });
}

/** Attributes have to be created before they are used. */
function checkAttributes(
  request: ApiRequest,
  entity: AttributeEntity,
  given: Record<string, unknown> | undefined,
  pointer: string,
): void {
  for (const [name, value] of Object.entries(given ?? {})) {
    const fault = attributeFault(request.world, entity, name, value);
    if (fault === undefined) continue;
    const source = { pointer: `${pointer}/${name}` };
    const message = 'The submitted data was invalid';
    throw new Refusal(400, { message, errors: [{ ...fault, source }], StatusCode: 400 });
  }
}

/** Attributes that are not given stay as they were. Returns the profile as the API shows it. */
function storeProfile({ world }: ApiRequest, name: string, given: Record<string, unknown>): string {
  const known = world.imports.profiles.get(name);
  const profile = {
    attributes: { ...known?.attributes, ...given },
    updates: (known?.updates ?? 0) + 1,
  };
  world.imports.profiles.set(name, profile);
  const now = world.now();
  const row = world.live.rowForIntegrationId(name, now);
  const text = JSON.stringify({
    id: Number(world.live.ids.idOf(row)),
    created: formatMicros(now),
    integrationId: name,
    attributes: profile.attributes,
    accountId: ACCOUNT_ID,
    closedSessions: 0,
    totalSales: 0,
    lastActivity: formatMicros(now),
    sandbox: false,
  });
  world.live.payloads.set(row, text);
  return text;
}

/** Transitions that the documentation has; whether a closed session may be closed again is not documented. */
function storeSession(request: ApiRequest, session: NewSession): void {
  const { world, path, body } = request;
  const id = path.customerSessionId ?? '';
  const known = world.imports.sessions.get(id);
  if (known === undefined && !['open', 'closed'].includes(session.state)) throw wrongState(session.state);
  if (known !== undefined && !mayBecome(request, known, session.state)) throw wrongState(session.state);
  world.imports.sessions.set(id, {
    text: body,
    value: session,
    state: session.state,
    updates: (known?.updates ?? 0) + 1,
  });
  noteEvents(request, id, session, known === undefined);
}

function mayBecome({ world }: ApiRequest, known: StoredSession, state: string): boolean {
  if (known.state === 'open') return state !== 'partially_returned';
  if (known.state !== 'closed') return false;
  return state === 'cancelled' || (state === 'closed' && world.switchBoard.get().closeAgain === 'accepted');
}

function wrongState(state: string): Refusal {
  return badRequest(`the session cannot become ${state}`, { pointer: '/customerSession/state' });
}

/** The key belongs to the first Application: there the session appears, with its events. */
function noteEvents(request: ApiRequest, id: string, session: NewSession, isNew: boolean): void {
  const { world } = request;
  const [first] = world.applications.keys();
  const application = applicationOf({ ...request, path: { applicationId: String(first) } });
  const now = world.now();
  const profile =
    session.profileId === undefined
      ? null
      : application.profiles.ids.idOf(application.profiles.rowForIntegrationId(session.profileId, now));
  const row = world.imports.sessionRowFor(id, () => application.sessions.append(now, -1));
  const sessionId = application.sessions.ids.idOf(row);
  const types = [...(isNew ? ['talon_session_created'] : []), ...closing(session.state)];
  for (const type of types)
    addGivenEvent(application, { type, sessionId, profileId: profile, fields: { integrationId: id } });
}

function closing(state: string): string[] {
  if (state === 'open') return [];
  return [state === 'closed' ? 'talon_session_closed' : 'talon_session_cancelled'];
}

export const importIntegrationEndpoints: readonly Endpoint[] = [putProfiles, putSession];
