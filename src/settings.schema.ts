/**
 * The table of everything that can be set: names, rules, defaults and one sentence each. docs/settings.md is made from it.
 * Must never read anything; `settings.ts` does.
 */
import { z } from 'zod';
import type { Mode } from './order/name.ts';
import { allotmentLeaf, generalLimits, limitShape, limitsSchema } from './settings.limits.ts';

const flag = (value: boolean, doc: string) => z.boolean().default(value).meta({ rule: 'true or false', doc });
const whole = (min: number, max: number, value: number, doc: string) =>
  z
    .int()
    .min(min)
    .max(max)
    .default(value)
    .meta({ rule: `a whole number from ${min} to ${max}`, doc });
const oneOf = (names: readonly string[]): string => `one of ${names.join(', ')}`;
const account = (doc: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/)
    .nullable()
    .default(null)
    .meta({ rule: 'an account number as Alpaca shows it, in quotes', doc });

const unixId = (doc: string) =>
  z.int().min(0).max(4_294_967_294).nullable().default(null).meta({ rule: 'a whole number', doc });

const agentShape = {
  controller: flag(false, 'This agent may cancel the orders of other agents.'),
  live: flag(false, 'This agent may trade on the live account, when `live` is true too.'),
  enabled: flag(true, 'Set to false, it refuses everything this agent sends.'),
  allotment: allotmentLeaf,
  weight: whole(
    1,
    100,
    1,
    'Its share of the requests beside other agents that wait: twice the weight, twice the share.',
  ),
  per_minute: z.int().min(1).max(1_000_000).nullable().default(null).meta({
    rule: 'a whole number from 1 to 1000000, or null for no cap',
    doc: 'The most requests to each host that are sent for this agent in any minute; cancels are never held back.',
  }),
  folder: flag(
    false,
    "Takes this agent's files from `orders/incoming/{id}/` alone, which nobody but the agent may write into.",
  ),
  uid: unixId('Unix user that the files of this agent must belong to: the number that `id -u USER` prints.'),
  gid: unixId('Unix group that alone may read the answers of this agent: the number that `id -g USER` prints.'),
  key_file: z.string().min(1).max(4096).nullable().default(null).meta({
    rule: 'a path',
    doc: 'File with the key that the files of this agent must be signed with. Closed to other users (mode 0600).',
  }),
};

/** The sections of the file, in the order of the documentation. Every leaf carries its rule and one sentence of explanation. */
export const sections = {
  budget: {
    per_minute: whole(
      1,
      1_000_000,
      200,
      'Requests to the trading host that may leave for one account in any 60 seconds. More than Alpaca itself allows only earns refusals; the looks of the tower itself take about seven a minute, and never more than half.',
    ),
    per_second: whole(
      1,
      100_000,
      10,
      'Requests that may leave for one account in any second, to each of the two hosts.',
    ),
    data_per_minute: whole(
      1,
      1_000_000,
      200,
      'Requests for market data that may leave for one account in any 60 seconds: Alpaca counts them apart from trading.',
    ),
  },
  account: {
    paper: account('Pins the paper account: with keys of any other account the tower does not start.'),
    live: account('Pins the live account: with keys of any other account the tower does not start.'),
  },
  send_by: {
    market_seconds: whole(
      1,
      86_400,
      30,
      'How long after it was received a market, ioc, fok, opg or cls order may still be sent when a fault held it up (no connection, doubt about an earlier copy) and its file gives no `send_by`.',
    ),
    default_seconds: whole(
      1,
      86_400,
      120,
      'How long after it was received a request may be sent, when its file gives no `send_by`.',
    ),
    max_seconds: whole(
      1,
      86_400,
      86_400,
      'The most that a `send_by` in an order file may ask for, counted from its receipt.',
    ),
  },
  doubt: {
    settle_ms: whole(0, 600_000, 20_000, 'How long "not found" of an order in doubt is not believed.'),
    max_delay_minutes: whole(1, 1_440, 15, 'After how long without a trace an order in doubt counts as never placed.'),
    resend: flag(true, 'Sends an order in doubt again, under the same client_order_id, while `send_by` allows it.'),
    late_policy: z
      .enum(['cancel', 'keep'])
      .default('cancel')
      .meta({
        rule: oneOf(['cancel', 'keep']),
        doc: 'What happens to an order that appears after it counted as never placed.',
      }),
  },
  files: {
    settle_ms: whole(0, 60_000, 2_000, 'How long a file that is not whole JSON must rest before it is judged.'),
    poll_ms: whole(10, 60_000, 500, 'How often the folder is listed, whatever the operating system reports.'),
    max_bytes: whole(1_024, 65_536, 65_536, 'The largest order file.'),
    max_waiting: whole(
      1,
      1_000_000,
      20_000,
      'Files of one agent that may wait in the folder. While there are more, those that are taken are refused; cancels never are.',
    ),
    max_waiting_mb: whole(
      1,
      100_000,
      64,
      'Megabytes of the files of one agent that may wait in the folder. While there are more, those that are taken are refused; cancels never are.',
    ),
    max_pending: whole(
      1,
      1_000_000,
      5_000,
      'Requests of one agent that may wait inside the tower. While there are more, its further files stay in the folder; cancels pass.',
    ),
    reserve_mb: whole(
      0,
      1_000_000,
      64,
      'Free megabytes of the disk (at most a tenth of it) below which nothing is taken but cancels.',
    ),
  },
  sweep: {
    interval_ms: whole(100, 3_600_000, 30_000, 'How often open orders are compared with what Alpaca lists.'),
  },
  mirror: {
    orders_max_age_ms: whole(
      0,
      600_000,
      10_000,
      'How old what is known of orders may be, to answer a query without asking Alpaca; 0 asks always.',
    ),
    positions_max_age_ms: whole(0, 600_000, 10_000, 'The same for positions.'),
    account_max_age_ms: whole(0, 600_000, 10_000, 'The same for the account.'),
    market_data_max_age_ms: whole(0, 600_000, 1_000, 'The same for market data.'),
    reread_ms: whole(
      0,
      60_000,
      2_000,
      'After an order has changed, positions, account and orders that are asked for are read anew at most this often; until then agents may be shown positions and account without what happened to the orders of others.',
    ),
    stream_symbols: whole(
      0,
      10_000,
      30,
      'Of how many symbols, that are asked for again and again, quotes are streamed. Alpaca gives an account one such connection; 0 leaves it to other programs.',
    ),
    orders_kept: whole(
      100,
      1_000_000,
      5_000,
      'How many orders are known at most; the oldest that have ended go first.',
    ),
  },
  exchange: {
    port: whole(0, 65_535, 0, 'Port of the embedded exchange on the loopback interface; 0 takes a free one.'),
    seed: z
      .string()
      .regex(/^[\x20-\x7e]{1,64}$/)
      .default('tower')
      .meta({ rule: '1 to 64 printable characters', doc: 'Prices of the embedded exchange follow from it.' }),
    hours: flag(false, 'The embedded exchange keeps market hours; otherwise it is always open.'),
  },
  log: {
    level: z
      .enum(['info', 'warn', 'error'])
      .default('info')
      .meta({
        rule: oneOf(['info', 'warn', 'error']),
        doc: 'The least important line that is written to the log files.',
      }),
  },
};

/** Limits of one agent: what is not said is as for every agent. */
const ownLimits = Object.fromEntries(
  Object.entries(limitShape).map(([key, leaf]) => [key, leaf.removeDefault().optional()]),
);

const agentSchema = z.strictObject({ ...agentShape, limits: z.strictObject(ownLimits).default({}) });

export const schema = z.strictObject({
  live: flag(false, 'The switch for live trading. It needs live keys and an agent with `live`, too.'),
  agents_only: flag(false, 'Only agents that are listed in `agents` may send orders.'),
  agents: z.record(z.string().regex(/^[a-z0-9]{1,20}$/), agentSchema).default({}),
  budget: z.strictObject(sections.budget).prefault({}),
  account: z.strictObject(sections.account).prefault({}),
  send_by: z.strictObject(sections.send_by).prefault({}),
  doubt: z.strictObject(sections.doubt).prefault({}),
  files: z.strictObject(sections.files).prefault({}),
  sweep: z.strictObject(sections.sweep).prefault({}),
  mirror: z.strictObject(sections.mirror).prefault({}),
  exchange: z.strictObject(sections.exchange).prefault({}),
  log: z.strictObject(sections.log).prefault({}),
  limits: limitsSchema.prefault({}),
});

/** Variables that are no settings: where the home is, and switches that only tests use. */
export const SPECIAL = ['TOWER_HOME', 'TOWER_TEST', 'TOWER_FAILPOINT', 'TOWER_SABOTAGE'];

export const KEY_NAMES = {
  paper: { id: 'ALPACA_PAPER_API_KEY', secret: 'ALPACA_PAPER_SECRET_KEY' },
  live: { id: 'ALPACA_LIVE_API_KEY', secret: 'ALPACA_LIVE_SECRET_KEY' },
} as const satisfies Record<Mode, { id: string; secret: string }>;
export const URLS = {
  paper: { name: 'ALPACA_PAPER_BASE_URL', value: 'https://paper-api.alpaca.markets' },
  live: { name: 'ALPACA_LIVE_BASE_URL', value: 'https://api.alpaca.markets' },
  data: { name: 'ALPACA_DATA_BASE_URL', value: 'https://data.alpaca.markets' },
} as const satisfies Record<Mode | 'data', { name: string; value: string }>;

/** Every setting that is not about one agent, flat, with the variable that sets it. */
export const LEAVES = [
  { path: ['live'], leaf: schema.shape.live },
  { path: ['agents_only'], leaf: schema.shape.agents_only },
  ...Object.entries(sections).flatMap(([section, shape]) =>
    Object.entries(shape).map(([key, leaf]) => ({ path: [section, key], leaf: leaf as z.ZodType })),
  ),
  ...Object.entries(generalLimits).map(([key, leaf]) => ({ path: ['limits', key], leaf: leaf as z.ZodType })),
  ...['agent', 'account'].flatMap((whose) =>
    Object.entries(limitShape).map(([key, leaf]) => ({ path: ['limits', whose, key], leaf: leaf as z.ZodType })),
  ),
].map(({ path, leaf }) => ({ name: path.join('.'), variable: variableOf(path), path, leaf }));

/** Every setting of one agent: its path below the agent, and what its variable ends in. */
export const AGENT_LEAVES: readonly {
  readonly path: readonly string[];
  readonly suffix: string;
  readonly leaf: z.ZodType;
}[] = [
  ...Object.entries(agentShape).map(([key, leaf]) => ({ path: [key], leaf: leaf as z.ZodType })),
  ...Object.entries(limitShape).map(([key, leaf]) => ({ path: ['limits', key], leaf: leaf as z.ZodType })),
].map(({ path, leaf }) => ({ path, leaf, suffix: path.join('_').toUpperCase() }));

/** Every setting with its variable, default, rule and meaning: what docs/settings.md is made of. */
export function settingsTable(): readonly {
  name: string;
  variable: string;
  value: string;
  rule: string;
  doc: string;
}[] {
  const row = (name: string, variable: string, leaf: z.ZodType) => ({
    name,
    variable,
    value: JSON.stringify(leaf.parse(undefined)),
    rule: metaOf(leaf).rule,
    doc: metaOf(leaf).doc,
  });
  return [
    ...LEAVES.map(({ name, variable, leaf }) => row(name, variable, leaf)),
    ...AGENT_LEAVES.filter(({ path }) => path.length === 1).map(({ path, suffix, leaf }) =>
      row(`agents.{id}.${path.join('.')}`, `TOWER_AGENTS_{ID}_${suffix}`, leaf),
    ),
    {
      name: 'agents.{id}.limits.{limit}',
      variable: 'TOWER_AGENTS_{ID}_LIMITS_{LIMIT}',
      value: 'that of `limits.agent`',
      rule: 'as in `limits.agent`',
      doc: 'A limit of this agent alone, in place of that for every agent.',
    },
  ];
}

/** The variables of keys and endpoints with their defaults: the other half of docs/settings.md. */
export const connectionTable: readonly { readonly variable: string; readonly value: string | null }[] = [
  ...Object.values(KEY_NAMES).flatMap(({ id, secret }) => [id, secret].map((variable) => ({ variable, value: null }))),
  ...Object.values(URLS).map(({ name, value }) => ({ variable: name, value })),
];

function variableOf(path: readonly string[]): string {
  return `TOWER_${path.join('_').toUpperCase()}`;
}

export function metaOf(leaf: z.ZodType): { rule: string; doc: string } {
  const { rule, doc } = leaf.meta() ?? {};
  return { rule: String(rule), doc: String(doc) };
}
