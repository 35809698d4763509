import { messageOf } from '../errors.js';
import { ApiError } from '../talon-one/api-error.js';
import { writeFailure } from '../talon-one/write-safety.js';

/** What became of one part. */
export type Outcome =
  | {
      readonly state: 'accepted';
      readonly answer: string;
      readonly apiImportId?: number;
      readonly apiAmount?: number;
    }
  | {
      /** `planned`: it certainly changed nothing, and can be sent again. */
      readonly state: 'planned' | 'refused' | 'uncertain';
      readonly answer: string;
    };

const STATES = { 'not-done': 'planned', refused: 'refused', uncertain: 'uncertain' } as const;

/** What an error says of the part that was being sent. Other errors than those of the API are thrown on. */
export function outcomeOf(error: unknown): Outcome & { readonly state: 'planned' | 'refused' | 'uncertain' } {
  if (!(error instanceof ApiError)) throw error;
  return { state: STATES[writeFailure(error)], answer: messageOf(error) };
}
