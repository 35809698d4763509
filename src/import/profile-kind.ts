import { ApiError } from '../talon-one/api-error.js';
import { applicationTarget } from './application-target.js';
import type { AttributeTypes } from './attribute-values.js';
import type { ColumnChoice } from './header.js';
import type { Delivery, ImportKind } from './import-kind.js';
import { outcomeOf } from './outcome.js';
import { ProfileCsvUnits, ProfileJsonUnits } from './profile-units.js';
import type { Format } from './source-file.js';

/** The API takes up to 1000 profiles a request (docs/api-facts.md, Imports). */
const LIMITS = { units: 1000, bytes: 4 * 1024 * 1024 };

export interface ProfileRequest {
  readonly format: Format;
  readonly choice: ColumnChoice;
  readonly types: AttributeTypes;
  readonly partRows?: number | undefined;
  /** Decides which Application they go to. */
  readonly integrationApiKey: string;
}

export function profileKind(request: ProfileRequest): ImportKind {
  const { format, choice, types, partRows, integrationApiKey } = request;
  return {
    name: 'profiles',
    target: applicationTarget(integrationApiKey),
    effect: 'same',
    limits: { ...LIMITS, units: Math.min(partRows ?? LIMITS.units, LIMITS.units) },
    goesOn: true,
    newAssembler: (problems) =>
      format === 'csv' ? new ProfileCsvUnits(types, choice, problems) : new ProfileJsonUnits(types, problems),
    deliver: async (delivery) => {
      const { units, client, keys, context } = delivery;
      const body = `{"customerProfiles":[${units.map((unit) => unit.text).join(',')}]}`;
      try {
        // Refused or taken as a whole: no earlier key has an answer worth repeating.
        await client.putProfiles(body, keys.at(-1) ?? keys[0], context);
        return { state: 'accepted', answer: '' };
      } catch (error) {
        const outcome = outcomeOf(error);
        if (outcome.state === 'refused') complain(error, delivery);
        return outcome;
      }
    },
  };
}

// The pointer of a complaint begins with the position of the profile: /customerProfiles/5/attributes/Name.
function complain(error: unknown, { units, problems }: Delivery): void {
  const complaints = error instanceof ApiError ? error.complaints : [];
  for (const { text, pointer = '' } of complaints) {
    const [, position, path = ''] = /^\/customerProfiles\/(\d+)\/?(.*)$/.exec(pointer) ?? [];
    const unit = position === undefined ? undefined : units[Number(position)];
    problems.add(unit?.firstLine ?? 0, path.replaceAll('/', '.'), '', text);
  }
}
