// Messages of errors may quote what the API or Postgres said, and with it a customer's data. The status page is read by
// more people than the log, so only the parts that are ours, or codes, get there. The log has the rest.

const STATUS = /^([A-Z]+ \/\S*) was answered with (\d{3})\b/;
const BAD_BODY =
  /^([A-Z]+ \/\S*) was answered with 200, but not with (?:what was asked for|the whole CSV file)/;
const LATE = /^([A-Z]+ \/\S*) was not answered completely in time/;
const NO_ANSWER = /^([A-Z]+ \/\S*) got no answer: (.*)$/s;
const CODE = /\b(E[A-Z]{3,}|[A-Z]+_[A-Z_]+)\b/;

/** What is wrong, in words that fit after "waiting for". */
export interface Cause {
  /** "the API: 429", "Postgres", or undefined when it is something else. */
  readonly awaited: string | undefined;
  /** The message without anything that may be a customer's. */
  readonly text: string;
}

/** @param scrub blanks the secrets, as for the log */
export function causeOf(message: string, scrub: (text: string) => string): Cause {
  const bad = BAD_BODY.exec(message);
  if (bad) return { awaited: 'the API: unreadable answers', text: bad[0] };
  const status = STATUS.exec(message);
  if (status) return { awaited: `the API: ${status[2]}`, text: status[0] };
  const late = LATE.exec(message);
  if (late) return { awaited: 'the API: too slow', text: late[0] };
  const silent = NO_ANSWER.exec(message);
  if (silent) {
    const code = CODE.exec(silent[2] ?? '')?.[0];
    return {
      awaited: 'the API: no answer',
      text: `${silent[1]} got no answer${code === undefined ? '' : ` (${code})`}`,
    };
  }
  return { awaited: undefined, text: withoutData(scrub(message)) };
}

// What a value could be is cut off or blanked: everything from the first quote, colon or bracket on, mail, long numbers
// and words.
function withoutData(text: string): string {
  const [beginning = ''] = text.replace(/\s+/g, ' ').split(/["'`:([{]/, 1);
  return (
    beginning
      .replace(/\S*@\S*/g, '…')
      .replace(/\S*\d{4,}\S*/g, '…')
      .replace(/\S{40,}/g, '…')
      .slice(0, 160)
      .trim() || 'unexpected error'
  );
}
