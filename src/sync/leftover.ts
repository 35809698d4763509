/**
 * How fetching snapshots ended: everything is settled; time was up and more can be had at once; or some could not be
 * fetched now, and asking again at once would do no better.
 */
export type Leftover = 'nothing' | 'time-up' | 'failed';
