/**
 * Settings: `tower.config.json`, `.env` and the environment become one frozen value, or one error that lists every problem.
 * Must never print a secret, never guess a value and never read the process environment itself: the command passes it in.
 * A setting has one name everywhere: `budget.per_minute` in the file, `settings.budget.per_minute` in the code and
 * `TOWER_BUDGET_PER_MINUTE` in the environment. The environment beats `.env`, which beats the file, which beats the default.
 */
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { z } from 'zod';
import { isJsonObject, JsonNumber, type JsonValue } from './lib/json.ts';
import { nearest } from './order/hint.ts';
import { ORDER_LIMITS, parseStrict } from './order/json-strict.ts';
import type { Mode } from './order/name.ts';
import {
  exposure,
  fileVariable,
  KEY_VARIABLES,
  type Keys,
  octal,
  readKeys,
  readSigningKey,
  type Secret,
  shellWord,
  type Variables,
} from './settings.keys.ts';
import type { Limits } from './settings.limits.ts';
import {
  AGENT_LEAVES,
  connectionTable,
  KEY_NAMES,
  LEAVES,
  metaOf,
  SPECIAL,
  schema,
  sections,
  URLS,
} from './settings.schema.ts';

interface AgentSettings {
  /** May cancel orders of other agents. */
  readonly controller: boolean;
  /** May use the live account, when `live` is true. */
  readonly live: boolean;
  /** False refuses everything this agent sends. */
  readonly enabled: boolean;
  /** Share of the requests beside other agents that wait. */
  readonly weight: number;
  /** Most requests to each host in any minute; null for no cap. */
  readonly per_minute: number | null;
  /** It has an incoming folder of its own, and no other way in. */
  readonly folder: boolean;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly key_file: string | null;
  /** What `key_file` holds. */
  readonly key: Secret | null;
  /** USD of its own; null for none. */
  readonly allotment: string | null;
  /** In place of those for every agent. */
  readonly limits: Partial<Limits>;
}

type Frozen<T> = { readonly [K in keyof T]: T[K] extends object ? Frozen<T[K]> : T[K] };
type FileSettings = Frozen<Omit<z.output<typeof schema>, 'agents'>>;

/** Everything a tower can be told, checked and frozen. */
export interface Settings extends FileSettings {
  /** Absolute path of the home folder. */
  readonly home: string;
  /** The listed agents; what holds for others is decided in risk/decide. */
  readonly agents: ReadonlyMap<string, AgentSettings>;
  /** Null: no keys for this mode. */
  readonly keys: Readonly<Record<Mode, Keys | null>>;
  /** Switches that only tests use, from the environment alone; `on` is TOWER_TEST=1, and the texts are empty without it. */
  readonly testing: { readonly on: boolean; readonly failpoint: string; readonly sabotage: string };
  /** Base URLs without a trailing slash. */
  readonly urls: Readonly<Record<Mode | 'data', string>>;
}

/** One thing that is wrong with the settings, in words for the person who will put it right. */
export interface SettingsProblem {
  /** The setting's name where it was found: `budget.per_minute in tower.config.json`, `TOWER_LIVE in the environment`. */
  readonly name: string;
  /** What was found; null for nothing, and for everything that may be a secret. */
  readonly value: string | null;
  readonly rule: string;
  readonly remedy: string;
}

export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly SettingsProblem[];
  constructor(problems: readonly SettingsProblem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.problems = problems;
  }
}

export const describeProblem = ({ name, value, rule, remedy }: SettingsProblem): string =>
  `${name}${value === null ? '' : ` is ${value}`}: ${rule}. ${remedy}`;

const CONFIG = 'tower.config.json';
const OTHER_ENDINGS = ['', '.yaml', '.yml', '.toml', '.json5', '.jsonc', '.js', '.cjs', '.mjs', '.ts', '.mts', '.ini'];
/** `--home`, else TOWER_HOME, else the current folder; absolute. */
export const homeFolder = (
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): string => resolve(cwd, option ?? (env['TOWER_HOME'] || '.'));

export interface SettingsSources {
  /** Absolute path of the home folder. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file's text; null when there is no such file; throws when it cannot be read. */
  readonly readFile: (path: string) => string | null;
  /** The mode bits of a file or folder; null when it is not there, or where the system has none. */
  readonly modeOf: (path: string) => number | null;
}

/** Reads and checks all settings. Throws one SettingsError with everything that is wrong. */
export function loadSettings(from: SettingsSources): Settings {
  const { home, env, readFile } = from;
  const problems: SettingsProblem[] = [];
  const read = (name: string): string | null => {
    try {
      return readFile(join(home, name));
    } catch (fault) {
      const why = fault instanceof Error ? fault.message : String(fault);
      problems.push({
        name,
        value: null,
        rule: 'must be a file that can be read',
        remedy: `Check what it is, its owner and its rights (${why}).`,
      });
      return null;
    }
  };
  for (const ending of OTHER_ENDINGS) {
    const name = `tower.config${ending}`;
    if (read(name) === null) continue;
    problems.push({
      name,
      value: null,
      rule: 'only JSON is read',
      remedy: `Write the same settings as JSON to ${CONFIG} and delete ${name}.`,
    });
  }

  const raw = parseFile(read(CONFIG), problems);
  const variables = new Map<string, { readonly value: string; readonly source: string }>();
  const layers = [
    { source: '.env', values: parseEnv((read('.env') ?? '').replace(/^\uFEFF/, '')) },
    { source: 'the environment', values: env },
  ];
  for (const { source, values } of layers) {
    for (const [name, value] of Object.entries(values)) {
      // An empty variable is one that is not given: the template of .env is full of them.
      if (value !== undefined && value.trim() !== '') variables.set(name, { value: value.trim(), source });
    }
    problems.push(...unknownVariables(Object.keys(values), source));
  }
  if (KEY_VARIABLES.some((name) => variables.get(name)?.source === '.env')) {
    const exposed = exposure(join(home, '.env'), from);
    if (exposed !== null) problems.push({ name: '.env', value: null, rule: exposed[0], remedy: exposed[1] });
  }

  const sources = overlay(raw, variables);
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(...explain(issue, raw, sources));
  }
  const keys = {
    paper: readKeys('paper', variables, from, problems),
    live: readKeys('live', variables, from, problems),
  };
  if (keys.paper !== null && keys.paper.id === keys.live?.id) {
    problems.push({
      name: `${KEY_NAMES.paper.id} and ${KEY_NAMES.live.id}`,
      value: null,
      rule: 'must differ: each account has its own keys',
      remedy: 'Make a pair of keys on the page of each account at Alpaca and put each in its own variable.',
    });
  }
  const urls = {
    paper: readUrl('paper', variables, problems),
    live: readUrl('live', variables, problems),
    data: readUrl('data', variables, problems),
  };
  const testing = readTesting(env, problems);
  if (parsed.success) problems.push(...contradictions(parsed.data));
  if (parsed.success && parsed.data.live) problems.push(...openToOthers(from));
  const agents = parsed.success ? signingAgents(parsed.data.agents, from, problems) : new Map();
  if (problems.length > 0 || !parsed.success) throw new SettingsError(problems);
  return deepFreeze({ ...parsed.data, home, agents, keys, urls, testing });
}

/** The agents with the keys that their `key_file`s hold. */
function signingAgents(
  agents: z.output<typeof schema>['agents'],
  from: SettingsSources,
  problems: SettingsProblem[],
): Map<string, AgentSettings> {
  const withKeys = Object.entries(agents).map(([id, agent]): [string, AgentSettings] => {
    const file = agent.key_file;
    const key = file === null ? null : readSigningKey(`agents.${id}.key_file`, file, from, problems);
    return [id, { ...agent, key }];
  });
  return new Map(withKeys);
}

type Tree = Record<string, unknown>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The file as a tree of its own; problems of its form are reported without any of its values, which may be secrets. */
function parseFile(text: string | null, problems: SettingsProblem[]): Tree {
  if (text === null) return {};
  const result = parseStrict(new TextEncoder().encode(text), { ...ORDER_LIMITS, keysPerObject: 10_000 });
  if (result.ok) return treeOf(result.value);
  const { code, field, at } = result.problem;
  const place = `at line ${at.line}, column ${at.column}`;
  const twice = code === 'json_duplicate_key';
  problems.push({
    name: CONFIG,
    value: null,
    rule: twice ? `says ${field} twice, ${place}` : `is not one JSON object: reading stopped ${place} (${code})`,
    remedy: twice
      ? 'Remove one of the two.'
      : 'JSON has no comments and no comma after the last entry; names and texts stand in double quotes.',
  });
  return {};
}

/** Plain values for the schema. Numbers too long to be exact stay texts, which the schema refuses. */
function plainValue(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return coerceNumber(value.text);
  if (isJsonObject(value)) return treeOf(value);
  return Array.isArray(value) ? value.map(plainValue) : value;
}

function treeOf(object: Readonly<Record<string, JsonValue>>): Tree {
  // Without a prototype, so that no name in it means anything but itself.
  return Object.assign(
    Object.create(null),
    Object.fromEntries(Object.entries(object).map(([name, value]) => [name, plainValue(value)])),
  );
}

const AGENT_VARIABLE = /^TOWER_AGENTS_([A-Z0-9]{1,20})_([A-Z_]+)$/;

function unknownVariables(names: readonly string[], source: string): SettingsProblem[] {
  const connections = [...connectionTable.map(({ variable }) => variable), ...KEY_VARIABLES.map(fileVariable)];
  const known = [...LEAVES.map(({ variable }) => variable), ...SPECIAL, ...connections];
  const problems: SettingsProblem[] = [];
  for (const name of names) {
    if (source === '.env' && SPECIAL.includes(name)) {
      const rule = name === 'TOWER_HOME' ? 'cannot be set there, because it says where .env is' : 'is for tests';
      const remedy = name === 'TOWER_HOME' ? 'Set it in the environment, or use --home.' : 'Remove it.';
      problems.push({ name: `${name} in .env`, value: null, rule, remedy });
      continue;
    }
    // Other programs may have variables that begin with ALPACA_; in our own .env such a name is a slip.
    const ours = name.startsWith('TOWER_') || (source === '.env' && name.startsWith('ALPACA_'));
    if (!ours || known.includes(name)) continue;
    const agent = AGENT_VARIABLE.exec(name);
    if (agent !== null && AGENT_LEAVES.some(({ suffix }) => suffix === agent[2])) continue;
    const candidates = agent === null ? known : AGENT_LEAVES.map(({ suffix }) => `TOWER_AGENTS_${agent[1]}_${suffix}`);
    problems.push(unknown(`${name} in ${source}`, nearest(name, candidates)));
  }
  return problems;
}

const unknown = (name: string, near: string | null): SettingsProblem => ({
  name,
  value: null,
  rule: 'there is no such setting',
  remedy: near === null ? 'Remove it; docs/settings.md lists them all.' : `D${near.slice(1)}`,
});

/** Puts the variables over the file's values and returns where each overlaid value came from, by dotted name. */
function overlay(raw: Tree, variables: Variables): Map<string, string> {
  const sources = new Map<string, string>();
  const put = (path: readonly string[], leaf: z.ZodType, variable: string): void => {
    const found = variables.get(variable);
    if (found === undefined) return;
    let tree = raw;
    for (const step of path.slice(0, -1)) {
      // What is no object in the file is left alone: the schema reports it.
      const next = Object.hasOwn(tree, step) ? tree[step] : {};
      if (!isTree(next)) return;
      tree[step] = next;
      tree = next;
    }
    tree[path.at(-1) ?? ''] = coerce(found.value, leaf);
    sources.set(path.join('.'), `${variable} in ${found.source}`);
  };
  for (const { path, leaf, variable } of LEAVES) put(path, leaf, variable);
  for (const name of variables.keys()) {
    const [, id = '', key = ''] = AGENT_VARIABLE.exec(name) ?? [];
    const known = AGENT_LEAVES.find(({ suffix }) => suffix === key);
    if (known !== undefined) put(['agents', id.toLowerCase(), ...known.path], known.leaf, name);
  }
  return sources;
}

/** A variable's text as the type that its setting has; what does not fit stays a text, for the schema to refuse. */
function coerce(text: string, leaf: z.ZodType): unknown {
  if (leaf.safeParse(text).success) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  return coerceNumber(text);
}

const coerceNumber = (text: string): number | string => (/^-?(?:0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : text);

/** A problem of the schema in our own words. The value is shown only where the name is known, for it cannot be a key then. */
function explain(issue: z.core.$ZodIssue, raw: Tree, sources: ReadonlyMap<string, string>): SettingsProblem[] {
  const path = issue.path.map(String);
  const dotted = path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const names = [...LEAVES.map(({ name }) => name), ...Object.keys(sections), 'agents', 'limits'];
    const inAgent = path[0] === 'agents';
    return issue.keys.map((key) => {
      const full = [...path, key].join('.');
      const ofAgent = AGENT_LEAVES.map((one) => one.path.slice(path.length - 2).join('.'));
      const near = inAgent ? nearest(key, ofAgent) : nearest(full, names);
      if (/key|secret/i.test(key) && near === null) {
        return {
          ...unknown(`${full} in ${CONFIG}`, null),
          remedy: 'Keys belong in .env; see .env.example. Remove it.',
        };
      }
      return unknown(`${full} in ${CONFIG}`, near);
    });
  }
  const name = sources.get(dotted) ?? `${dotted} in ${CONFIG}`;
  if (path[0] === 'agents' && path.length === 2 && issue.code === 'invalid_key') {
    return [
      {
        name,
        value: null,
        rule: 'an agent id is 1 to 20 characters of a-z and 0-9',
        remedy: 'Write the id as in the order file names.',
      },
    ];
  }
  const leaf =
    path[0] === 'agents' && path.length >= 3
      ? AGENT_LEAVES.find((one) => one.path.join('.') === path.slice(2).join('.'))?.leaf
      : LEAVES.find((one) => one.name === dotted)?.leaf;
  if (leaf === undefined) {
    return [{ name, value: null, rule: 'must be a JSON object', remedy: 'Write { "name": value, … } there.' }];
  }
  const value = path.reduce<unknown>((tree, step) => (isTree(tree) ? tree[step] : undefined), raw);
  const standard = JSON.stringify(leaf.parse(undefined));
  return [
    {
      name,
      value: (JSON.stringify(value) ?? 'nothing').slice(0, 80),
      rule: `must be ${metaOf(leaf).rule}`,
      remedy: `Correct it, or remove it for the default ${standard}.`,
    },
  ];
}

/** Settings that are fine alone and wrong together. */
function contradictions({ budget, send_by }: z.output<typeof schema>): SettingsProblem[] {
  const problems: SettingsProblem[] = [];
  const atMost = (name: string, value: number, limitName: string, limit: number): void => {
    if (value <= limit) return;
    problems.push({
      name,
      value: String(value),
      rule: `must not be above ${limitName}, which is ${limit}`,
      remedy: `Lower ${name} or raise ${limitName}.`,
    });
  };
  atMost('budget.per_second', budget.per_second, 'budget.per_minute', budget.per_minute);
  atMost('send_by.market_seconds', send_by.market_seconds, 'send_by.max_seconds', send_by.max_seconds);
  atMost('send_by.default_seconds', send_by.default_seconds, 'send_by.max_seconds', send_by.max_seconds);
  return problems;
}

/** What decides that real money moves must not be for other users of the machine to write. */
function openToOthers({ home, modeOf }: SettingsSources): SettingsProblem[] {
  return [home, join(home, CONFIG), join(home, '.env')].flatMap((path) => {
    const mode = modeOf(path);
    // In a folder with the sticky bit nobody can replace what belongs to others.
    if (mode === null || (mode & 0o022) === 0 || (path === home && (mode & 0o1000) !== 0)) return [];
    return {
      name: path,
      value: null,
      rule: `may be written by other users of this machine (mode ${octal(mode)}), and live is on`,
      remedy: `Run: chmod go-w ${shellWord(path)}`,
    };
  });
}

function readTesting(env: SettingsSources['env'], problems: SettingsProblem[]): Settings['testing'] {
  const [failpoint, sabotage] = [env['TOWER_FAILPOINT'] ?? '', env['TOWER_SABOTAGE'] ?? ''];
  const on = env['TOWER_TEST'] === '1';
  if (on) return { on, failpoint, sabotage };
  for (const [name, value] of Object.entries({ TOWER_FAILPOINT: failpoint, TOWER_SABOTAGE: sabotage })) {
    if (value === '') continue;
    problems.push({ name, value, rule: 'is for tests and needs TOWER_TEST=1', remedy: 'Unset it.' });
  }
  return { on, failpoint: '', sabotage: '' };
}

export const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

function readUrl(kind: Mode | 'data', variables: Variables, problems: SettingsProblem[]): string {
  const { name, value: standard } = URLS[kind];
  const found = variables.get(name);
  if (found === undefined) return standard;
  const wrong = (rule: string, remedy: string): string => {
    problems.push({ name: `${name} in ${found.source}`, value: null, rule, remedy });
    return standard;
  };
  const url = URL.canParse(found.value) ? new URL(found.value) : null;
  const remedy = `Remove it for the default ${standard}.`;
  if (url === null) return wrong('must be a URL', remedy);
  if (url.username !== '' || url.password !== '') return wrong('must not carry a user or a password', remedy);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.test(url.hostname))) {
    return wrong('must be https, or http on this machine', remedy);
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return wrong('must be scheme, host and port alone', 'Leave out the path (such as /v2).');
  }
  // The dot at the end of a name, and another port, lead to the same host.
  const hostOf = ({ hostname }: URL): string => hostname.replace(/\.+$/, '');
  const crossed = Object.values(URLS).find(
    (other) => other.name !== name && hostOf(new URL(other.value)) === hostOf(url),
  );
  if (crossed !== undefined) return wrong(`is the host of ${crossed.name}`, remedy);
  return url.origin;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
