import { floorToSecond, type Instant, SECOND } from '../instant.js';
import { ApiError, isTooMuch } from '../talon-one/api-error.js';

/** A stretch of time to export; an open end is not sent as a filter. */
export interface Window {
  readonly from: Instant | undefined;
  readonly to: Instant | undefined;
}

/** Whole seconds are compared, perhaps, and whether the bounds belong to the window is not documented. */
export const OVERLAP = 2n * SECOND;
/** The halves of a shorter one would reach over each other. */
const SHORTEST = 4n * OVERLAP;
/** A server that never answers must not be asked for ever shorter ranges: 360 days come down to two hours. */
const MOST_CUTS = 12;
/** How far back the first cut of a range without a start looks: it only decides how many cuts follow. */
const ASSUMED_LENGTH = 360n * 86_400n * SECOND;

/**
 * Reads a range as a whole, or where the server takes too long for it in halves, in order of time. Which of the bounds
 * belong to a window is not documented, so neighbours overlap by two seconds: whoever reads them drops what came before.
 * @param now about the present, to cut a range without an end
 */
export async function readInWindows(
  range: Window,
  now: Instant,
  read: (window: Window) => Promise<void>,
  onSplit: (window: Window, error: unknown) => void,
): Promise<void> {
  const rest = [range];
  let cuts = 0;
  for (let window = rest.pop(); window !== undefined; window = rest.pop()) {
    try {
      await read(window);
      cuts = 0;
    } catch (error) {
      cuts += 1;
      const cut = mayBeHalved(error) && cuts <= MOST_CUTS ? middleOf(window, now) : undefined;
      if (cut === undefined) throw error;
      onSplit(window, error);
      rest.push({ from: cut, to: window.to }, { from: window.from, to: cut });
    }
  }
}

/** The `after` filter of a window that follows another one. */
export function overlapping(from: Instant | undefined): Instant | undefined {
  return from === undefined ? undefined : from - OVERLAP;
}

/** Less of it may work: also where the answer breaks off again and again. */
function mayBeHalved(error: unknown): boolean {
  return isTooMuch(error) || error instanceof CutShortError;
}

/** The connection broke off in the middle of the answer, again and again. */
export class CutShortError extends ApiError {
  override name = 'CutShortError';
}

/** A whole second in the middle; `undefined` when the window is too short to be cut. */
function middleOf({ from, to }: Window, now: Instant): Instant | undefined {
  const end = to ?? now;
  const start = from ?? end - ASSUMED_LENGTH;
  if (end - start < SHORTEST) return undefined;
  return floorToSecond(start + (end - start) / 2n);
}
