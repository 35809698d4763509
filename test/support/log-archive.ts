import { randomBytes } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Everything that the daemons of a test run write is kept in one folder, together with the secrets each of them was
// given, and searched for them when the run is over. A spelling that only a part of a secret survives is found as well.

export type Stream = 'stdout' | 'stderr';

const SECRETS = '.secrets.json';

/** The file of one process in the archive of the run. */
export class LogFile {
  private readonly path: string;

  constructor(
    folder: string,
    private secrets: readonly string[],
  ) {
    this.path = join(folder, randomBytes(8).toString('hex'));
    this.addSecrets([]);
  }

  addSecrets(secrets: readonly string[]): void {
    this.secrets = [...this.secrets, ...secrets];
    writeFileSync(`${this.path}${SECRETS}`, JSON.stringify(this.secrets));
  }

  /** Written at once: a test process that dies takes nothing with it. */
  add(stream: Stream, text: string): void {
    appendFileSync(`${this.path}.${stream}`, text);
  }
}

export interface Leak {
  /** How the secret was written. */
  readonly spelling: string;
  /** The line it stands in, the secret blanked. */
  readonly line: string;
}

export interface ArchiveScan {
  readonly processes: number;
  readonly leaks: readonly Leak[];
}

/** Searches the output of every process in the archive for its secrets. */
export function scanArchive(folder: string): ArchiveScan {
  const names = readdirSync(folder);
  const leaks: Leak[] = [];
  const owners = names.filter((name) => name.endsWith(SECRETS));
  for (const owner of owners) {
    const secrets = JSON.parse(readFileSync(join(folder, owner), 'utf8')) as string[];
    const id = owner.slice(0, -SECRETS.length);
    for (const name of names) {
      if (!name.startsWith(id) || name === owner) continue;
      leaks.push(...findLeaks(readFileSync(join(folder, name), 'utf8'), secrets));
    }
  }
  return { processes: owners.length, leaks };
}

/** Every place in the text where a secret can be read, whatever way it is written. */
export function findLeaks(text: string, secrets: readonly string[]): Leak[] {
  return secrets.flatMap((secret) =>
    [...spellingsOf(secret)]
      .filter(([, written]) => text.includes(written))
      .map(([spelling, written]) => {
        const at = text.indexOf(written);
        const start = text.lastIndexOf('\n', at) + 1;
        const end = text.indexOf('\n', at);
        const line = text.slice(start, end < 0 ? undefined : end).replaceAll(written, '***');
        return { spelling, line: line.slice(0, 500) };
      }),
  );
}

/** A run of letters and digits this long is no chance, and the same in most ways of writing. */
const TELLING_LENGTH = 12;

function spellingsOf(secret: string): Map<string, string> {
  const spellings = new Map([
    ['plain', secret],
    ['percent-encoded', encodeURIComponent(secret)],
    ['inside JSON', JSON.stringify(secret).slice(1, -1)],
    ['inside JSON twice', JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
    ['hexadecimal', Buffer.from(secret).toString('hex')],
  ]);
  // What comes before decides on the alignment: "user:secret" has other letters than "secret".
  for (const shift of [0, 1, 2]) spellings.set(`base64, shifted by ${shift}`, base64Core(secret, shift));
  const parts = secret.match(/[A-Za-z0-9]+/g) ?? [];
  for (const part of parts.filter((run) => run.length >= TELLING_LENGTH)) {
    // Messages are cut at some length, and what is cut off need not be the whole secret.
    spellings.set('its beginning', part.slice(0, TELLING_LENGTH));
    spellings.set('its end', part.slice(-TELLING_LENGTH));
  }
  return spellings;
}

/** The letters of a base64 text that depend on the secret alone. */
function base64Core(secret: string, shift: number): string {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]);
  const whole = Math.floor(bytes.length / 3) * 4;
  return bytes.toString('base64').slice(shift === 0 ? 0 : 4, whole);
}
