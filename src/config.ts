import { readFileSync } from 'node:fs';
import { config as readDotenv } from 'dotenv';
import { z } from 'zod';
import { ConfigError } from './errors.js';
import { type Instant, parseInstant, seconds } from './instant.js';
import { isLoopbackHost } from './loopback.js';

/**
 * The whole environment of the program: the only file that reads `process.env`. Each variable is declared once,
 * with its meaning, unit and default; `.env.example` repeats these texts in the same order (a test compares them).
 */
export interface Variable {
  /** Meaning, unit, and when to change it; one line each. */
  readonly about: readonly string[];
  /** Text used when the variable is not set; `undefined`: no default. */
  readonly default?: string;
  /** Shown in `.env.example` for variables that have no default. */
  readonly example?: string;
  /** A secret may also come from the file named by `NAME_FILE`, and is never echoed. */
  readonly secret?: true;
  /** An empty text is a value of its own instead of "not set". */
  readonly emptyMeans?: string;
  readonly schema: z.ZodType;
}

const number = (min: number, max: number, unit: string) =>
  z.string().transform((text, ctx) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= min && value <= max) return value;
    ctx.addIssue({ code: 'custom', message: `must be a number of ${unit} from ${min} to ${max}` });
    return z.NEVER;
  });

const wholeNumber = (min: number, max: number) =>
  z.string().transform((text, ctx) => {
    const value = Number(text);
    if (/^\d+$/.test(text.trim()) && value >= min && value <= max) return value;
    ctx.addIssue({ code: 'custom', message: `must be a whole number from ${min} to ${max}` });
    return z.NEVER;
  });

const yesNo = z.string().transform((text, ctx) => {
  const word = text.trim().toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return true;
  if (['false', '0', 'no', 'off'].includes(word)) return false;
  ctx.addIssue({ code: 'custom', message: 'must be true or false' });
  return z.NEVER;
});

const oneOf = <const Words extends readonly [string, ...string[]]>(...words: Words) =>
  z.enum(words, { error: () => `must be one of: ${words.join(', ')}` });

const baseUrl = z.string().transform((text, ctx) => {
  const fail = (message: string) => {
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    return fail('must be a URL such as https://mycompany.europe-west1.talon.one');
  if (url.username || url.password) return fail('must not contain a user name or password');
  if (url.pathname.replace(/\/+$/, '') || url.search || url.hash)
    return fail('must be the host alone, without a path such as /v1');
  return url.origin;
});

const apiKey = z.string().transform((text, ctx) => {
  const key = text.trim();
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  const [, scheme] = /^(ManagementKey-v1|ApiKey-v1)\s/i.exec(key) ?? [];
  const message = scheme
    ? `must be the key alone, without "${scheme}" before it`
    : 'must be one word of printable characters, as Campaign Manager shows it';
  ctx.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** "all", or the IDs of a comma list; `undefined` when it is neither. */
function idList(text: string): 'all' | string[] | undefined {
  if (text.trim() === 'all') return 'all';
  const ids = text.split(',').map((id) => id.trim());
  return ids.every((id) => /^[1-9]\d{0,17}$/.test(id)) ? [...new Set(ids)] : undefined;
}

const applicationIds = z.string().transform((text, ctx): 'all' | string[] => {
  const ids = idList(text);
  if (ids !== undefined) return ids;
  ctx.addIssue({
    code: 'custom',
    message: 'must be "all" or Application IDs with commas between, such as 12,34',
  });
  return z.NEVER;
});

const programIds = z.string().transform((text, ctx): 'all' | string[] => {
  const ids = idList(text);
  if (ids !== undefined) return ids;
  ctx.addIssue({
    code: 'custom',
    message: 'must be "all" or IDs of loyalty programs with commas between, such as 12,34',
  });
  return z.NEVER;
});

const databaseUrl = z.string().transform((text, ctx) => {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (url && /^postgres(ql)?:$/.test(url.protocol) && !isCutInPassword(url)) return text.trim();
  const message =
    'must be a URL such as postgresql://user:password@host:5432/database (percent-encode special characters)';
  ctx.addIssue({ code: 'custom', message });
  return z.NEVER;
});

// A password with a bare / ? or # ends the host too early: its rest would be taken for the name of the database, and be
// shown in messages.
function isCutInPassword({ username, pathname, search, hash }: URL): boolean {
  return pathname.includes('@') || hash !== '' || (username === '' && search.includes('@'));
}

const instant = z.string().transform((text, ctx): Instant => {
  const value = parseInstant(text.trim());
  if (value !== undefined) return value;
  ctx.addIssue({ code: 'custom', message: 'must be an RFC 3339 time such as 2026-01-31T00:00:00Z' });
  return z.NEVER;
});

const schemaName = z
  .string()
  .refine((text) => Buffer.byteLength(text) <= 63 && !text.includes('\0') && !/^pg_/i.test(text), {
    error: () => 'must be a schema name of at most 63 bytes that does not begin with pg_',
  });

export const variables = {
  TALON_ONE_BASE_URL: {
    about: [
      'Address of your Talon.One deployment, as in the Campaign Manager: scheme and host, no path. Required.',
    ],
    example: 'https://mycompany.europe-west1.talon.one',
    schema: baseUrl,
  },
  TALON_ONE_API_KEY: {
    about: [
      'Management API key (Campaign Manager: Account, Tools, Management API Keys). Required. It needs the read endpoints',
      'of Applications, events, customer sessions, customer profiles and loyalty programs; `talon-one-sync check` tries each.',
    ],
    example: 'the-key-alone',
    secret: true,
    schema: apiKey,
  },
  TALON_ONE_INTEGRATION_API_KEY: {
    about: [
      'Integration API key of the Application (Campaign Manager: Application, Settings, Integration API Keys). Only for',
      '`import profiles` and `import sessions`, which write with it. It also decides between sandbox and live.',
    ],
    example: 'another-key-alone',
    secret: true,
    schema: apiKey,
  },
  TALON_ONE_ALLOW_HTTP: {
    about: [
      'Allow an http:// address that is not on this machine. The key then travels unencrypted: for tests only.',
    ],
    default: 'false',
    schema: yesNo,
  },
  TALON_ONE_APPLICATION_IDS: {
    about: [
      'Applications to copy: "all" that the key can see (new ones are found hourly), or IDs with commas between.',
    ],
    default: 'all',
    schema: applicationIds,
  },
  DATABASE_URL: {
    about: [
      'Postgres 14 or newer to write to. TLS through the URL: ?sslmode=verify-full (&sslrootcert=/path/to/ca.pem) encrypts',
      'and checks the certificate; "require" does the same today (with a warning: newer drivers will check less), "no-verify"',
      'encrypts for whoever answers, and without sslmode nothing is encrypted.',
      'Not set: a Postgres of our own in DATA_DIR (not in the container image), good for a trial.',
    ],
    example: 'postgresql://talon_one_sync:password@warehouse:5432/analytics',
    secret: true,
    schema: databaseUrl,
  },
  DATA_DIR: {
    about: ['Folder of the embedded Postgres, used only without DATABASE_URL.'],
    default: './data',
    schema: z.string(),
  },
  WAREHOUSE_SCHEMA: {
    about: ['Schema that holds all tables; created when it is missing and the role may create it.'],
    default: 'public',
    schema: schemaName,
  },
  DATABASE_POOL_SIZE: {
    about: ['Most connections to Postgres that one process opens.'],
    default: '10',
    schema: wholeNumber(1, 200),
  },
  SYNC_INTERVAL_SECONDS: {
    about: [
      'Seconds from the end of one cycle of an Application to the start of its next; fractions allowed.',
    ],
    default: '60',
    schema: number(0, 86_400, 'seconds'),
  },
  SYNC_START: {
    about: [
      'Where the first sync of an Application begins, RFC 3339. Not set: when the Application was created.',
      'Without effect for Applications that already have a cursor.',
    ],
    example: '2026-01-31T00:00:00Z',
    schema: instant,
  },
  SYNC_LOOKBACK_SECONDS: {
    about: [
      'Seconds before the newest stored event that every cycle reads again, for events that become visible late.',
    ],
    default: '120',
    schema: number(0, 86_400, 'seconds'),
  },
  PAGE_SIZE: {
    about: ['Rows per request; 1000 is the most the API allows. Smaller pages cost more requests.'],
    default: '1000',
    schema: wholeNumber(1, 1000),
  },
  REQUESTS_PER_SECOND: {
    about: [
      'Requests allowed in any second, counted over every process that uses the same key and the same database.',
      'Talon.One allows 3 per endpoint; fractions below 1 are possible; 0 = unlimited (for tests against the simulator).',
    ],
    default: '3',
    schema: number(0, 1000, 'requests'),
  },
  RATE_LIMIT_SCOPE: {
    about: [
      'What REQUESTS_PER_SECOND counts: each "endpoint" by itself, or all requests with the same "key" together.',
    ],
    default: 'endpoint',
    schema: oneOf('endpoint', 'key'),
  },
  REQUEST_TIMEOUT_SECONDS: {
    about: [
      'Seconds after which one attempt of a request is given up, from sending it to the last byte of the answer.',
      'Exports of loyalty data and of codes may be silent for at least 120 seconds, and take as long as they need.',
    ],
    default: '30',
    schema: number(0.05, 600, 'seconds'),
  },
  SESSION_SNAPSHOT_SOURCE: {
    about: [
      'How session snapshots are fetched: "auto" (the cheapest mixture of the next two), "by-id" (one request each; the',
      'only one with a true totalDiscounts), "list" (pages of 1000 by creation time) or "export" (CSV by update time;',
      'needs a Talon.One deployment of June 2026 or newer).',
    ],
    default: 'auto',
    schema: oneOf('auto', 'by-id', 'list', 'export'),
  },
  NORMALIZE_EFFECTS: {
    about: [
      'Also write each effect of an event as a row of talon_one_effect; talon_one_effect_with_names is empty without them, the',
      'other views read the events.',
    ],
    default: 'true',
    schema: yesNo,
  },
  LOYALTY_SYNC: {
    about: [
      'Also copy loyalty: programs, every transaction (at SYNC_INTERVAL_SECONDS), and daily balances, tiers and join dates.',
      'A program or an endpoint that the key may not read is logged and passed over.',
    ],
    default: 'true',
    schema: yesNo,
  },
  LOYALTY_PROGRAM_IDS: {
    about: [
      'Loyalty programs to copy: "all" that the key can see (new ones are found hourly), or IDs with commas between.',
    ],
    default: 'all',
    schema: programIds,
  },
  LOYALTY_BALANCES_HOUR: {
    about: [
      'Hour of the day (UTC, 0 to 23) from which the daily balances, tiers, join dates and projections are fetched.',
    ],
    default: '3',
    schema: wholeNumber(0, 23),
  },
  LOYALTY_PROJECTION_DAYS: {
    about: [
      "Days ahead for which Talon.One's own projected balances are fetched each day: one export per program and day.",
      '0 = none; the view talon_one_loyalty_projection has 31 days in any case, computed from the stored transactions.',
    ],
    default: '0',
    schema: wholeNumber(0, 366),
  },
  REFERENCE_INTERVAL_MINUTES: {
    about: [
      'Minutes between two looks at the reference data: Applications, campaigns, active rulesets, attributes, audiences,',
      'stores, achievements, event types and the audit log. 0 = none of them is copied. A list that the key may not read is',
      'logged once and passed over.',
    ],
    default: '60',
    schema: number(0, 10_080, 'minutes'),
  },
  COUPON_SYNC: {
    about: [
      'Also copy coupon and referral codes, each when it was created, at the same interval. There can be many millions; the',
      'first time all of them are exported.',
    ],
    default: 'false',
    schema: yesNo,
  },
  AUDIT_DELAY_MINUTES: {
    about: [
      'Minutes after the end of each hour until the daemon lists its events again and stores what is missing: events that',
      'became visible later than the look-back. Costs a request for each 1000 events, at half of REQUESTS_PER_SECOND at most.',
      '0 = off.',
    ],
    default: '60',
    schema: number(0, 10_080, 'minutes'),
  },
  PROFILE_REFRESH_DAYS: {
    about: [
      'Days in which every known profile and every open session is read again, for changes that make no event: updates without',
      'the rule engine, imports, audiences, erasures. A snapshot is stored only when the content changed. Costs a request for',
      'each 1000 profiles, and up to one for each open session, at half of REQUESTS_PER_SECOND at most. 0 = off.',
    ],
    default: '0',
    schema: number(0, 3650, 'days'),
  },
  RETENTION_MONTHS: {
    about: [
      'Whole months of events and effects that are kept, before the present one; older partitions are dropped daily. Not set:',
      'everything is kept.',
    ],
    example: '24',
    schema: wholeNumber(1, 1200),
  },
  LEASE_SECONDS: {
    about: [
      'Seconds after which another replica may take over an Application whose replica has gone silent.',
    ],
    default: '30',
    schema: number(1, 3600, 'seconds'),
  },
  HTTP_HOST: {
    about: [
      'Address on which /livez, /readyz, /metrics and the status page (/ and /status.json) are served.',
    ],
    default: '0.0.0.0',
    schema: z.string(),
  },
  HTTP_PORT: {
    about: ['Their port; 0 = any free one (logged).'],
    default: '8080',
    emptyMeans: 'no server',
    schema: z.literal('').or(wholeNumber(0, 65_535)),
  },
  LOG_LEVEL: {
    about: ['How much is logged: trace, debug, info, warn, error, fatal or silent.'],
    default: 'info',
    schema: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  },
  LOG_PRETTY: {
    about: ['Coloured lines for people instead of one JSON object a line.'],
    default: 'false',
    schema: yesNo,
  },
  SHUTDOWN_TIMEOUT_SECONDS: {
    about: ['Seconds that a SIGTERM leaves for finishing the page at hand before the process ends anyway.'],
    default: '20',
    schema: number(0, 600, 'seconds'),
  },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof variables;
type Values = { [Name in VariableName]: z.output<(typeof variables)[Name]['schema']> };

/** The environment, checked and turned into what the program works with. Durations are milliseconds or Instants. */
export interface Config {
  readonly talonOne: {
    readonly baseUrl: string;
    readonly apiKey: string;
    /** `undefined`: not set, and not needed by this command */
    readonly integrationApiKey: string | undefined;
    readonly applicationIds: 'all' | readonly string[];
    readonly pageSize: number;
    /** 0 = unlimited */
    readonly requestsPerSecond: number;
    readonly rateLimitScope: 'endpoint' | 'key';
    readonly requestTimeoutMs: number;
  };
  readonly database: {
    /** `undefined`: the embedded Postgres in `dataDir` */
    readonly url: string | undefined;
    readonly dataDir: string;
    readonly schema: string;
    readonly poolSize: number;
  };
  readonly sync: {
    readonly intervalMs: number;
    readonly start: Instant | undefined;
    readonly lookback: Instant;
    readonly sessionSource: 'auto' | 'by-id' | 'list' | 'export';
    readonly normalizeEffects: boolean;
    readonly leaseMs: number;
  };
  readonly loyalty: {
    readonly isOn: boolean;
    readonly programIds: 'all' | readonly string[];
    /** UTC */
    readonly balancesHour: number;
    readonly projectionDays: number;
  };
  readonly reference: {
    /** `undefined`: no reference data. */
    readonly intervalMs: number | undefined;
    readonly coupons: boolean;
  };
  readonly audit: {
    /** After the end of each hour; `undefined`: no audit. */
    readonly delay: Instant | undefined;
  };
  readonly refresh: {
    /** In which every profile and open session is read again; `undefined`: none is. */
    readonly period: Instant | undefined;
  };
  /** `undefined`: everything is kept. */
  readonly retentionMonths: number | undefined;
  readonly http: { readonly host: string; readonly port: number | undefined };
  readonly log: { readonly level: string; readonly pretty: boolean };
  readonly shutdownTimeoutMs: number;
  /** Texts that must never be logged. */
  readonly secrets: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The process's environment, with the variables of a `.env` file in the working directory where they are not set. */
export function readEnvironment(): Environment {
  return readSources().environment;
}

/** The same, and which names come from the `.env` file. */
export function readSources(): { readonly environment: Environment; readonly fromFile: ReadonlySet<string> } {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) environment[name] = value;
  const own = new Set(Object.keys(environment));
  readDotenv({ quiet: true, processEnv: environment });
  return { environment, fromFile: new Set(Object.keys(environment).filter((name) => !own.has(name))) };
}

/** What a command cannot do without. */
export interface ConfigNeeds {
  /** Default: true; `migrate` works without. */
  readonly needsApi?: boolean;
  readonly needsIntegrationKey?: boolean;
  /** A journal that protects from sending twice must not depend on the working directory, as the embedded Postgres does. */
  readonly needsDatabase?: boolean;
}

/**
 * Checks the whole environment at once.
 * @throws ConfigError that lists every problem by variable name, without any secret's text.
 */
export function loadConfig(environment: Environment, options: ConfigNeeds = {}): Config {
  const problems: string[] = [];
  const values = readValues(environment, problems);
  if (options.needsApi ?? true) {
    if (!values.TALON_ONE_BASE_URL) missing('TALON_ONE_BASE_URL', environment, problems);
    if (!values.TALON_ONE_API_KEY) missing('TALON_ONE_API_KEY', environment, problems);
  }
  if (options.needsIntegrationKey && !values.TALON_ONE_INTEGRATION_API_KEY)
    missing('TALON_ONE_INTEGRATION_API_KEY', environment, problems);
  if (options.needsDatabase && !values.DATABASE_URL)
    missing('DATABASE_URL', environment, problems, WHY_DATABASE);
  const base = values.TALON_ONE_BASE_URL;
  if (
    base?.startsWith('http:') &&
    !isLoopbackHost(new URL(base).hostname) &&
    values.TALON_ONE_ALLOW_HTTP === false
  ) {
    problems.push(
      'TALON_ONE_BASE_URL must begin with https:// (the key would travel unencrypted); TALON_ONE_ALLOW_HTTP=true allows it',
    );
  }
  if (values.COUPON_SYNC && values.REFERENCE_INTERVAL_MINUTES === 0) {
    problems.push('COUPON_SYNC=true needs REFERENCE_INTERVAL_MINUTES above 0, which says how often');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return toConfig(values as Values);
}

/**
 * Host and port where the health endpoints can be asked from this machine, for the probe of the container; `undefined`
 * when none is served, or at a port that only the daemon knows.
 */
export function servedAddress(environment: Environment): string | undefined {
  const port = (environment.HTTP_PORT ?? variables.HTTP_PORT.default).trim();
  const host = environment.HTTP_HOST?.trim() || variables.HTTP_HOST.default;
  if (port === '' || port === '0') return undefined;
  const asked = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${asked.includes(':') ? `[${asked}]` : asked}:${port}`;
}

function readValues(environment: Environment, problems: string[]): Partial<Values> {
  const values: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries<Variable>(variables)) {
    const text = readText(name, variable, environment, problems);
    if (text === undefined) continue;
    const parsed = variable.schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else {
      const shown = variable.secret ? '' : ` (it is ${JSON.stringify(withoutLogin(text).slice(0, 80))})`;
      const reason = parsed.error.issues[0]?.message ?? 'is not usable';
      problems.push(`${name} ${reason}${shown}`);
    }
  }
  return values as Partial<Values>;
}

/** A password may have been put where it does not belong. */
export function withoutLogin(text: string): string {
  return text.replace(/^(.*?\/\/)?.*@/, '$1***@');
}

/** The text of one variable: from the environment, from `NAME_FILE` (secrets only), or the default. */
export function readText(
  name: string,
  variable: Variable,
  environment: Environment,
  problems: string[],
): string | undefined {
  const direct = environment[name];
  if (direct !== undefined && (direct.trim() !== '' || variable.emptyMeans)) return direct.trim();
  const file = variable.secret ? environment[`${name}_FILE`]?.trim() : undefined;
  if (!file) return variable.default;
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '') return text;
    problems.push(`${name}_FILE names an empty file (${file})`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    problems.push(`${name}_FILE names a file that cannot be read (${file}: ${code})`);
  }
  return undefined;
}

const WHY_DATABASE =
  'What has been sent is noted there, so that it is never sent twice; the embedded Postgres of another folder would not know it.';

function missing(name: VariableName, environment: Environment, problems: string[], why?: string): void {
  if (problems.some((problem) => problem.startsWith(`${name} `) || problem.startsWith(`${name}_FILE `)))
    return;
  const variable: Variable = variables[name];
  const empty = environment[name] !== undefined ? 'is empty' : 'is not set';
  const way = variable.secret
    ? `set it, or ${name}_FILE to the path of a file that holds it`
    : `set it, for example ${variable.example}`;
  problems.push(`${name} ${empty}: ${way}${why === undefined ? '' : `. ${why}`}`);
}

function toConfig(values: Values): Config {
  const url: string | undefined = values.DATABASE_URL;
  return {
    talonOne: {
      baseUrl: values.TALON_ONE_BASE_URL ?? '',
      apiKey: values.TALON_ONE_API_KEY ?? '',
      integrationApiKey: values.TALON_ONE_INTEGRATION_API_KEY,
      applicationIds: values.TALON_ONE_APPLICATION_IDS,
      pageSize: values.PAGE_SIZE,
      requestsPerSecond: values.REQUESTS_PER_SECOND,
      rateLimitScope: values.RATE_LIMIT_SCOPE,
      requestTimeoutMs: values.REQUEST_TIMEOUT_SECONDS * 1000,
    },
    database: {
      url,
      dataDir: values.DATA_DIR,
      schema: values.WAREHOUSE_SCHEMA,
      poolSize: values.DATABASE_POOL_SIZE,
    },
    sync: {
      intervalMs: values.SYNC_INTERVAL_SECONDS * 1000,
      start: values.SYNC_START,
      lookback: seconds(values.SYNC_LOOKBACK_SECONDS),
      sessionSource: values.SESSION_SNAPSHOT_SOURCE,
      normalizeEffects: values.NORMALIZE_EFFECTS,
      leaseMs: values.LEASE_SECONDS * 1000,
    },
    loyalty: {
      isOn: values.LOYALTY_SYNC,
      programIds: values.LOYALTY_PROGRAM_IDS,
      balancesHour: values.LOYALTY_BALANCES_HOUR,
      projectionDays: values.LOYALTY_PROJECTION_DAYS,
    },
    reference: {
      intervalMs:
        values.REFERENCE_INTERVAL_MINUTES === 0 ? undefined : values.REFERENCE_INTERVAL_MINUTES * 60_000,
      coupons: values.COUPON_SYNC,
    },
    audit: {
      delay: values.AUDIT_DELAY_MINUTES === 0 ? undefined : seconds(values.AUDIT_DELAY_MINUTES * 60),
    },
    refresh: {
      period: values.PROFILE_REFRESH_DAYS === 0 ? undefined : seconds(values.PROFILE_REFRESH_DAYS * 86_400),
    },
    retentionMonths: values.RETENTION_MONTHS,
    http: { host: values.HTTP_HOST, port: values.HTTP_PORT === '' ? undefined : values.HTTP_PORT },
    log: { level: values.LOG_LEVEL, pretty: values.LOG_PRETTY },
    shutdownTimeoutMs: values.SHUTDOWN_TIMEOUT_SECONDS * 1000,
    secrets: [values.TALON_ONE_API_KEY, values.TALON_ONE_INTEGRATION_API_KEY, ...passwordsOf(url)].filter(
      (secret) => secret !== undefined && secret.length > 3,
    ),
  };
}

/** Every spelling in which the password of a database URL could reach a log line. */
function passwordsOf(url: string | undefined): string[] {
  if (!url) return [];
  const { password: encoded, searchParams } = new URL(url);
  const spellings = [encoded, ...searchParams.getAll('password')];
  try {
    spellings.push(decodeURIComponent(encoded));
  } catch {
    // A stray per cent sign: the encoded spelling is the only one.
  }
  return spellings;
}
