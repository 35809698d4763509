/** What became of one attempt of one request: the class of a status, or why there is none. */
export type RequestOutcome =
  | 'ok'
  | 'too-many-requests'
  | 'unauthorised'
  | 'client-error'
  | 'server-error'
  | 'bad-body'
  | 'timeout'
  | 'network'
  | 'stopped';

/** What a request is about, as far as it is counted. */
export interface ObservedRequest {
  readonly method: string;
  /** Path with placeholders. */
  readonly template: string;
  /** Only the Application is taken from it. */
  readonly path: string;
}

export type SnapshotLane = 'profile' | 'by-id' | 'list' | 'export';

/**
 * Told of what the daemon does, to count it. Called in the middle of the work: implementations return at once and never
 * throw.
 */
export interface Observer {
  /** @param attempt 1 = the first one */
  requestEnded(request: ObservedRequest, attempt: number, outcome: RequestOutcome): void;
  /** @param seconds how long a request waited until the budget let it go */
  budgetWaited(endpoint: string, seconds: number): void;
  pageStored(applicationId: string, events: { readonly fresh: number; readonly repeated: number }): void;
  /** @param seconds from the creation of an event until the API showed it first, both on the API's clock */
  eventSeen(applicationId: string, seconds: number): void;
  snapshotsStored(applicationId: string, lane: SnapshotLane, count: number): void;
  cycleEnded(applicationId: string, outcome: string, seconds: number): void;
}

const nothing = () => {};

/** Counts nothing. */
export const silentObserver: Observer = {
  requestEnded: nothing,
  budgetWaited: nothing,
  pageStored: nothing,
  eventSeen: nothing,
  snapshotsStored: nothing,
  cycleEnded: nothing,
};
