import { type Environment, readText, type Variable, variables, withoutLogin } from './config.js';

/** One variable as the program sees it. */
export interface EffectiveSetting {
  readonly name: string;
  /** Secrets masked; `undefined`: not set, and no default. */
  readonly value: string | undefined;
  readonly origin: 'environment' | '.env file' | 'default' | 'not set' | `file ${string}`;
}

/** Every variable in the order of `.env.example`. What is wrong with a value is said by `loadConfig`. */
export function effectiveSettings(
  environment: Environment,
  fromFile: ReadonlySet<string>,
): EffectiveSetting[] {
  return Object.entries<Variable>(variables).map(([name, variable]) => {
    const text = readText(name, variable, environment, []);
    const value = text !== undefined && variable.secret ? masked(text) : text && withoutLogin(text);
    return { name, value, origin: originOf(name, variable, environment, fromFile) };
  });
}

function originOf(
  name: string,
  variable: Variable,
  environment: Environment,
  fromFile: ReadonlySet<string>,
): EffectiveSetting['origin'] {
  const direct = environment[name];
  if (direct !== undefined && (direct.trim() !== '' || variable.emptyMeans))
    return fromFile.has(name) ? '.env file' : 'environment';
  const file = variable.secret ? environment[`${name}_FILE`]?.trim() : undefined;
  if (file) return `file ${file}`;
  return variable.default === undefined ? 'not set' : 'default';
}

const MASK = '***';

// Of an address everything but login and parameters is shown: that is what one looks for.
function masked(text: string): string {
  if (!/^postgres(ql)?:/.test(text) || !URL.canParse(text)) return MASK;
  const { protocol, username, host, pathname, searchParams } = new URL(text);
  // A password that is not encoded may have ended up in the path: the URL is refused then, and nothing of it is shown.
  if (pathname.includes('@') || text.includes('#')) return MASK;
  const modes = [...searchParams].map(([key, value]) => `${key}=${key === 'sslmode' ? value : MASK}`);
  const login = username === '' ? '' : `${decodeUser(username)}:${MASK}@`;
  return `${protocol}//${login}${host}${pathname}${modes.length > 0 ? `?${modes.join('&')}` : ''}`;
}

function decodeUser(username: string): string {
  try {
    return decodeURIComponent(username);
  } catch {
    return username;
  }
}
