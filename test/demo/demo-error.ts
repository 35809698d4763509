/** The demo cannot go on; the message is for the person in front of it. */
export class DemoError extends Error {
  override name = 'DemoError';
}

/** Somebody pressed Ctrl-C, or asked for the end in another way. */
export class InterruptedError extends Error {
  override name = 'InterruptedError';
}
