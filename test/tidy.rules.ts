/**
 * The house rules as tables: who may import whom, which package stands behind which door, and where ambient time,
 * randomness, files, network and process may be touched. test/tidy.test.ts holds the source to them.
 * Every row has its reason. There is no other list of exceptions, and none for size.
 */

/**
 * A part of the source and what it may import from other parts. The longest prefix names the part of a file; a row that
 * allows a folder does not allow the parts inside it that have a row of their own.
 */
export interface Part {
  readonly prefix: string;
  /** Prefixes of what it may import, besides itself; `*` is everything. */
  readonly may: readonly string[];
  readonly why: string;
}

const DOMAIN = ['src/lib/', 'src/order/'];
const PURE = [...DOMAIN, 'src/risk/', 'src/books/'];
const HALT = 'src/halt/';
/** What a stage sees: the domain, the ports, and the tower's own voice. Never an adapter, never another stage. */
const STAGE = [...PURE, HALT, 'src/journal/', 'src/broker/', 'src/mirror/', 'src/observe/', 'src/settings'];

export const PARTS: readonly Part[] = [
  { prefix: 'src/lib/', may: [], why: 'generics know nothing of orders' },
  { prefix: 'src/order/', may: ['src/lib/'], why: 'the domain is pure' },
  { prefix: 'src/risk/', may: [...DOMAIN, 'src/settings'], why: 'decisions are pure' },
  { prefix: 'src/books/', may: DOMAIN, why: 'books are reckoned, not kept' },
  { prefix: HALT, may: DOMAIN, why: 'a halt is read and judged, whoever sends' },
  { prefix: 'src/journal/', may: PURE, why: 'the port knows only the domain' },
  { prefix: 'src/journal/sqlite', may: [...PURE, 'src/journal/'], why: 'a store writes what it is told' },
  { prefix: 'src/broker/', may: [...PURE, 'src/journal/'], why: 'the port, and how its answers meet the journal' },
  { prefix: 'src/broker/alpaca/', may: [...DOMAIN, 'src/broker/'], why: 'an adapter knows its port, not the journal' },
  { prefix: 'src/mirror/', may: [...DOMAIN, 'src/broker/'], why: 'what is known of the broker, and no stage' },
  {
    prefix: 'src/exchange/',
    may: ['src/lib/', 'src/order/decimal.ts'],
    why: 'shared wire code would hide a misreading of Alpaca',
  },
  { prefix: 'src/settings', may: DOMAIN, why: 'settings are checked values, not services' },
  {
    prefix: 'src/observe/',
    may: [...DOMAIN, 'src/journal/journal.ts'],
    why: 'who tells of things reads them and moves none',
  },
  { prefix: 'src/ingress/', may: [...STAGE, 'src/admit.ts'], why: 'a way in hands over to the only way in' },
  { prefix: 'src/dispatch/', may: STAGE, why: 'stages meet in the journal' },
  { prefix: 'src/follow/', may: STAGE, why: 'stages meet in the journal' },
  { prefix: 'src/respond/', may: STAGE, why: 'stages meet in the journal' },
  { prefix: 'src/account.ts', may: STAGE, why: 'whose account a home belongs to is settled before any stage runs' },
  { prefix: 'src/halt-watch.ts', may: STAGE, why: 'what a halt means for the stages is told by the pipeline' },
  {
    prefix: 'src/home.ts',
    may: [...STAGE, 'src/ingress/'],
    why: 'the folders of a home are made before any stage runs',
  },
  {
    prefix: 'src/alarms.ts',
    may: [...STAGE, 'src/admit.ts', 'src/ingress/notices.ts'],
    why: 'what is told unasked holds up no stage',
  },
  {
    prefix: 'src/recount.ts',
    may: [...STAGE, 'src/admit.ts'],
    why: 'what is open is read again as it was admitted, before any stage runs',
  },
  { prefix: 'src/admit.ts', may: STAGE, why: 'the only way in is used by every way in, and uses none' },
  {
    prefix: 'src/pipeline.ts',
    may: [
      ...STAGE,
      'src/ingress/',
      'src/dispatch/',
      'src/follow/',
      'src/respond/',
      'src/admit.ts',
      'src/account.ts',
      'src/halt-watch.ts',
      'src/recount.ts',
      'src/home.ts',
      'src/alarms.ts',
    ],
    why: 'the stages wired on any ports, so no adapter',
  },
  {
    prefix: 'src/doctor/',
    may: [
      ...DOMAIN,
      'src/settings',
      'src/broker/alpaca/network',
      'src/home.ts',
      'src/tower.folders.ts',
      'src/journal/aside.ts',
      'src/journal/recognise.ts',
    ],
    why: 'who looks on from outside moves nothing',
  },
  { prefix: 'src/tower', may: ['*'], why: 'the one place where adapters are named' },
  {
    prefix: 'src/cli/',
    may: [
      ...DOMAIN,
      HALT,
      'src/settings',
      'src/observe/',
      'src/tower',
      'src/doctor/',
      'src/cli/exchange.ts',
      'src/cli/report',
    ],
    why: 'commands are thin',
  },
  {
    prefix: 'src/cli/report',
    may: [
      ...DOMAIN,
      'src/books/',
      'src/journal/reader.ts',
      'src/journal/recognise.ts',
      'src/cli/',
      'src/settings',
      'src/observe/',
    ],
    why: 'a report reads the books, beside a running tower or without one',
  },
  {
    prefix: 'src/cli/exchange.ts',
    may: ['src/lib/', 'src/exchange/', 'src/cli/', 'src/settings'],
    why: 'the exchange alone needs no tower',
  },
];

/** Where a package may be imported. `node:path`, `node:util` and the like touch nothing and are free. */
export const DOORS: Readonly<Record<string, readonly string[]>> = {
  'better-sqlite3': ['src/journal/', 'src/lib/lock.ts'],
  'big.js': ['src/order/decimal.ts', 'src/broker/alpaca/wire-json.ts'],
  '@msgpack/msgpack': ['src/exchange/stream/', 'src/broker/alpaca/'],
  commander: ['src/cli/'],
  fastify: ['src/exchange/'],
  'find-my-way': ['src/exchange/'],
  pino: ['src/observe/log.ts'],
  undici: ['src/broker/alpaca/'],
  ws: ['src/broker/alpaca/', 'src/exchange/'],
  zod: ['src/settings', 'src/order/', 'src/broker/alpaca/', 'src/exchange/', 'src/cli/exchange.ts'],
  'node:assert': [],
  // What tests share: the suite that every journal must pass, the engine's harness.
  'node:assert/strict': ['src/journal/conformance.ts', 'src/exchange/engine/testing/'],
  'node:test': ['src/journal/conformance.ts'],
  'node:buffer': ['src/'],
  'node:child_process': ['src/cli/drill-stand.ts'],
  'node:crypto': ['src/'],
  'node:diagnostics_channel': ['src/broker/alpaca/'],
  'node:dns': [],
  'node:events': ['src/'],
  'node:fs': [
    'src/lib/files.ts',
    'src/lib/files/',
    'src/lib/lock.ts',
    'src/observe/log.ts',
    'src/exchange/store.ts',
    'src/cli/',
    'src/doctor/',
    'src/journal/',
  ],
  'node:fs/promises': [],
  'node:http': ['src/exchange/server.ts'],
  'node:https': [],
  'node:module': ['src/cli/main.ts'],
  'node:net': ['src/lib/lock.ts', 'src/broker/alpaca/', 'src/exchange/server.ts'],
  'node:os': ['src/lib/clock.ts', 'src/cli/main.ts'],
  'node:path': ['src/'],
  'node:process': [],
  'node:stream': ['src/exchange/'],
  'node:timers': [],
  'node:zlib': ['src/journal/tip.ts'],
  'node:timers/promises': [],
  'node:tls': [],
  'node:url': ['src/'],
  'node:util': ['src/'],
  'node:worker_threads': [],
};

/** A thing that no source may use, what to use instead, and the few places that are that replacement. */
export interface Ban {
  readonly name: string;
  readonly pattern: RegExp;
  readonly instead: string;
  readonly seams: Readonly<Record<string, string>>;
}

export const BANS: readonly Ban[] = [
  {
    name: 'Date.now, new Date()',
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)/,
    instead: 'clock.now() of lib/clock',
    seams: { 'src/lib/clock.ts': 'is the clock' },
  },
  {
    name: 'performance.now, process.hrtime',
    pattern: /\bperformance\.(?:now|timeOrigin)\b|\bhrtime\b/,
    instead: 'clock.monotonic() of lib/clock',
    seams: { 'src/lib/clock.ts': 'is the clock' },
  },
  {
    name: 'timers',
    pattern: /\b(?:setTimeout|setInterval|setImmediate)\(|\bprocess\.nextTick\b/,
    instead: 'clock.after() of lib/clock',
    seams: { 'src/lib/clock.ts': 'is the clock' },
  },
  {
    name: 'Math.random, crypto randomness',
    pattern:
      /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\brandomInt\b|\brandomFill(?:Sync)?\b|\bgetRandomValues\b/,
    instead: 'a Random of lib/random',
    seams: { 'src/lib/random.ts': 'is the randomness' },
  },
  {
    name: 'the process',
    pattern: /\bprocess\./,
    instead: 'the Context of cli/context, made in cli/main',
    seams: {
      'src/cli/main.ts': 'is the process',
      'src/lib/failpoint.ts': 'kills and stops its own process, in tests',
      'src/lib/files.ts': 'names temporary files by process id',
      'src/exchange/store.ts': 'locks its folder by process id',
      'src/tower.ts': 'holds its home under its process id',
    },
  },
  {
    name: 'console',
    pattern: /\bconsole\./,
    instead: 'the Log of observe/log, or Context.out in a command',
    seams: {},
  },
  {
    name: 'global fetch and WebSocket',
    pattern: /(?<![.\w])fetch\((?:['"`]|url\b|new URL|new Request)|\bglobalThis\.fetch\b|(?<!Ws)\bnew WebSocket\(/,
    instead: 'the Network of broker/alpaca',
    seams: {
      'src/broker/alpaca/': 'is the network',
      'src/cli/drill-stand.ts': 'controls the exchange that it has started',
    },
  },
  {
    name: 'floating point from text',
    pattern:
      /\bparseFloat\b|\.toFixed\([^)]|\bNumber\([^()<>=]*(?:[pP]rice|[qQ]ty|[nN]otional|[aA]mount|[cC]ash|[eE]quity)[^<>=]*$/,
    instead: 'exact() of order/decimal',
    seams: {
      'src/order/decimal.ts': 'is the decimal type',
      'src/order/strategy.ts': 'ratios of legs are small whole numbers',
      'src/exchange/engine/account-views.ts': 'the portfolio history of Alpaca is JSON numbers',
      'src/exchange/market/': 'a made-up price path is no money until it is rounded to ticks',
    },
  },
  {
    name: 'escape from the types',
    pattern: /\bas any\b|:\s*any\s*(?:[=;,)\]|>{]|$)|<any>|\bas unknown as\b/,
    instead: 'a check, or a better type',
    seams: { 'src/exchange/engine/snapshot.ts': 'reads back what it wrote itself' },
  },
  {
    name: 'a silenced compiler or linter',
    pattern: /@ts-(?:ignore|nocheck|expect-error)|biome-ignore/,
    instead: 'code that the tools accept',
    seams: {},
  },
  {
    name: 'unfinished work',
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/,
    instead: 'doing it, or leaving it out',
    seams: { 'test/tidy.rules.ts': 'names what it bans' },
  },
  {
    name: 'a test that is left out or alone',
    pattern: /\.(?:only|skip|todo)\(|\b(?:skip|only|todo): true\b/,
    instead: 'a test that runs',
    seams: {},
  },
  {
    name: 'a path of one machine',
    pattern: /['"`(](?:\/home\/[a-z]+\/|\/root\/|\/work\/|\/Users\/|[A-Z]:\\\\)/,
    instead: 'a path that is passed in, or a temporary folder',
    seams: {},
  },
];
