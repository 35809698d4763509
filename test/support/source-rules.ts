import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';

/** Path such as `src/sync/events.ts`, and its text. */
export type Sources = Readonly<Record<string, string>>;

export function readSources(root: string): Sources {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const paths = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `src/${file.split(sep).join('/')}`);
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

interface Import {
  /** `src/clock.ts` for a file of ours, `pg` or `node:fs` for anything else. */
  readonly target: string;
  readonly isTypeOnly: boolean;
}

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'/g;

function importsOf(path: string, text: string): Import[] {
  const resolve = (name: string) =>
    name.startsWith('.') ? posix.join(posix.dirname(path), name).replace(/\.js$/, '.ts') : name;
  const fixed = [...text.matchAll(IMPORT)].map(([, type, name = '']) => ({
    target: resolve(name),
    isTypeOnly: type !== undefined,
  }));
  const dynamic = [...text.matchAll(DYNAMIC)].map(([, name = '']) => ({
    target: resolve(name),
    isTypeOnly: false,
  }));
  return [...fixed, ...dynamic];
}

const LAYERS = [
  'main',
  'commands',
  'sync',
  'export',
  'import',
  'talon-one',
  'warehouse',
  'health',
  'metrics',
  'status',
  'json',
  'leaf',
  'outside',
] as const;
type Layer = (typeof LAYERS)[number];

/** What each layer may import of ours, beside itself. */
const ALLOWED: Record<Layer, readonly Layer[]> = {
  main: ['commands'],
  commands: [
    'sync',
    'export',
    'import',
    'talon-one',
    'warehouse',
    'health',
    'metrics',
    'status',
    'json',
    'leaf',
  ],
  sync: ['talon-one', 'warehouse', 'json', 'leaf'],
  export: ['talon-one', 'warehouse', 'json', 'leaf'],
  import: ['talon-one', 'warehouse', 'json', 'leaf'],
  'talon-one': ['json', 'leaf'],
  warehouse: ['json', 'leaf'],
  health: ['leaf'],
  // The types of what was read.
  metrics: ['warehouse', 'leaf'],
  status: ['warehouse', 'leaf'],
  json: [],
  leaf: [],
  outside: [],
};

function layerOf(path: string): Layer {
  if (path === 'src/main.ts') return 'main';
  if (!path.startsWith('src/')) return 'outside';
  const [, folder = '', rest] = path.split('/');
  if (rest === undefined) return 'leaf';
  return LAYERS.find((layer) => layer === folder) ?? 'outside';
}

function brokenLayers(path: string, imports: readonly Import[]): string[] {
  const own = layerOf(path);
  if (own === 'outside') return ['is in a folder of its own: say in the import rules what it may import'];
  return imports.flatMap(({ target, isTypeOnly }) => {
    if (!target.includes('/') || !target.endsWith('.ts')) return [];
    const layer = layerOf(target);
    const isSchemaType = isTypeOnly && own === 'warehouse' && target === 'src/talon-one/schemas.ts';
    if (layer === own || ALLOWED[own].includes(layer) || isSchemaType) return [];
    return [
      `imports ${target}: ${own} may import ${ALLOWED[own].join(', ') || 'nothing of ours'} and itself`,
    ];
  });
}

interface PlaceRule {
  readonly what: string;
  /** Looked for in code, without comments; texts in quotes are left in only where `inTexts` says so. */
  readonly pattern: RegExp;
  readonly inTexts?: true;
  /** The only places: a file, or a folder with a slash at its end. */
  readonly only: readonly string[];
}

// Each exception is a place with a reason of its own.
const PLACES: readonly PlaceRule[] = [
  {
    what: 'reads process.env',
    pattern: /process\s*\.\s*env\b|\benv\s*\}\s*=\s*process\b/,
    only: ['src/config.ts'],
  },
  {
    what: 'reads the clock',
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b|\bhrtime\b|\bprocess\.uptime\b/,
    only: ['src/clock.ts'],
  },
  {
    what: 'sets a timer',
    pattern: /\bset(?:Timeout|Interval|Immediate)\b|\bAbortSignal\.timeout\b/,
    only: [
      'src/clock.ts',
      // Must not keep the process alive, which no wait of clock.ts offers.
      'src/commands/stop-signal.ts',
      // A program of its own that asks once and ends.
      'src/health/probe.ts',
    ],
  },
  {
    what: 'contains SQL',
    pattern:
      /\bselect\b[^'"]*\bfrom\b|\binsert\s+into\b|\bupdate\s+\S+\s+set\b|\bdelete\s+from\b|\b(?:create|alter|drop)\s+(?:table|schema|index|function|view)\b|\bset\s+local\b/i,
    inTexts: true,
    only: [
      'src/warehouse/',
      // Says which statement its reader has to run.
      'src/commands/check-database.ts',
    ],
  },
];

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  axios: ['src/talon-one/http.ts'],
  pg: ['src/warehouse/'],
  umzug: ['src/warehouse/'],
  'p-retry': ['src/talon-one/retry.ts'],
  commander: ['src/commands/'],
  'cli-progress': ['src/commands/'],
  'prom-client': ['src/metrics/'],
  pino: ['src/logger.ts'],
  dotenv: ['src/config.ts'],
  'node:timers': ['src/clock.ts'],
  'node:timers/promises': ['src/clock.ts'],
  'node:perf_hooks': ['src/clock.ts'],
};

function isAt(path: string, places: readonly string[]): boolean {
  return places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));
}

function brokenPlaces(path: string, text: string, imports: readonly Import[]): string[] {
  const code = withoutComments(text);
  const found = PLACES.filter(({ pattern, inTexts }) => pattern.test(inTexts ? code : withoutTexts(code)))
    .filter(({ only }) => !isAt(path, only))
    .map(({ what, only }) => `${what}: only in ${only.join(', ')}`);
  const packages = imports.flatMap(({ target }) => {
    const only = PACKAGES[target];
    return only && !isAt(path, only) ? [`imports ${target}: only in ${only.join(', ')}`] : [];
  });
  return [...found, ...packages];
}

function brokenPackages(imports: readonly Import[], dependencies: readonly string[]): string[] {
  return imports.flatMap(({ target }) => {
    const isOurs = target.endsWith('.ts');
    const name = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : target.split('/')[0];
    if (isOurs || target.startsWith('node:') || dependencies.includes(name ?? '')) return [];
    return [`imports ${target}: it is not among the dependencies that users install`];
  });
}

/** Every broken rule as one line that begins with the file. */
export function brokenRules(sources: Sources, dependencies: readonly string[]): string[] {
  return Object.entries(sources).flatMap(([path, text]) => {
    const imports = importsOf(path, text);
    const broken = [
      ...brokenLayers(path, imports),
      ...brokenPlaces(path, text, imports),
      ...brokenPackages(imports, dependencies),
    ];
    return broken.map((rule) => `${path} ${rule}`);
  });
}

// Good for our own sources, which have no comment within a text and no quote within an expression that matters here.
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}

function withoutTexts(code: string): string {
  return code.replace(/'(?:[^'\\\n]|\\.)*'/g, "''").replace(/"(?:[^"\\\n]|\\.)*"/g, '""');
}
