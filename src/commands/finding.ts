/** One line of `check`. */
export interface Finding {
  readonly what: string;
  /** note: works, but worth knowing */
  readonly state: 'ok' | 'note' | 'problem';
  readonly found: string;
  /** What to do about it. */
  readonly advice?: string;
}
