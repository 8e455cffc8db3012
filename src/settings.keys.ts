/**
 * The keys: from `.env`, the environment or files of their own, kept out of sight from the moment they are read. Must never
 * show a secret in a problem, and never take keys from a file that other users of the machine can read.
 */
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import type { Mode } from './order/name.ts';
import { KEY_NAMES } from './settings.schema.ts';
import type { SettingsProblem, SettingsSources } from './settings.ts';

/** A text that shows itself only to who asks for it by `reveal`: not in logs, errors, JSON or the debugger's print. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return '[secret]';
  }
  toJSON(): string {
    return '[secret]';
  }
  [inspect.custom](): string {
    return '[secret]';
  }
}

export interface Keys {
  readonly id: string;
  readonly secret: Secret;
}

/** Variables by name, with where each was found. */
export type Variables = ReadonlyMap<string, { readonly value: string; readonly source: string }>;

/** What a variable is called that names the file in which the key stands instead. */
export const fileVariable = (name: string): string => `${name}_FILE`;

/** Every variable that holds a key itself. */
export const KEY_VARIABLES: readonly string[] = Object.values(KEY_NAMES).flatMap(({ id, secret }) => [id, secret]);

/** Not in Alpaca's documentation, but so it makes them: keys of the paper page begin with PK, those of the live page with AK. */
const MADE_FOR: Readonly<Record<Mode, RegExp>> = { paper: /^PK[A-Z0-9]{14,}$/, live: /^AK[A-Z0-9]{14,}$/ };

type Source = Pick<SettingsSources, 'home' | 'readFile' | 'modeOf'>;

/** The pair of one mode, or null when it has none; what is wrong with it is added to `problems`. */
export function readKeys(mode: Mode, variables: Variables, from: Source, problems: SettingsProblem[]): Keys | null {
  const names = KEY_NAMES[mode];
  const before = problems.length;
  const [id, secret] = [readKey(names.id, variables, from, problems), readKey(names.secret, variables, from, problems)];
  if (problems.length > before) return null;
  if (id === null && secret === null) return null;
  for (const [name, found, other] of [
    [names.id, id, names.secret],
    [names.secret, secret, names.id],
  ] as const) {
    if (found !== null) continue;
    const rule = `is missing while ${other} is given`;
    problems.push({ name, value: null, rule, remedy: 'Set both in .env, or neither.' });
  }
  const crossed: Mode = mode === 'paper' ? 'live' : 'paper';
  if (id !== null && MADE_FOR[crossed].test(id.value)) {
    problems.push({
      name: `${names.id} in ${id.source}`,
      value: null,
      rule: `is a key of a ${crossed} account: it begins with ${id.value.slice(0, 2)}`,
      remedy: `Put it into ${KEY_NAMES[crossed].id}, or make a key on the ${mode} page of your account at Alpaca.`,
    });
  }
  return id === null || secret === null ? null : { id: id.value, secret: new Secret(secret.value) };
}

interface Found {
  readonly value: string;
  readonly source: string;
}

/** One half of a pair: the variable itself, or the content of the file that its `_FILE` names. */
function readKey(name: string, variables: Variables, from: Source, problems: SettingsProblem[]): Found | null {
  const itself = variables.get(name);
  const file = variables.get(fileVariable(name));
  if (itself !== undefined && file !== undefined) {
    problems.push({
      name: `${name} and ${fileVariable(name)}`,
      value: null,
      rule: 'are both given',
      remedy: 'Keep the one that is meant, and remove the other.',
    });
    return null;
  }
  const found = file === undefined ? itself : readKeyFile(fileVariable(name), file, from, problems);
  if (found === undefined || found === null) return null;
  if (/^[\x21-\x7e]{1,256}$/.test(found.value)) return found;
  problems.push({
    name: `${name} in ${found.source}`,
    value: null,
    rule: 'must be one word of printable characters',
    remedy: 'Copy it again from the page of your account at Alpaca.',
  });
  return null;
}

/** The key of an agent's signature, from its file: one word, long enough that nobody guesses it. Null when something is wrong. */
export function readSigningKey(name: string, path: string, from: Source, problems: SettingsProblem[]): Secret | null {
  const found = readKeyFile(name, { value: path, source: 'the settings' }, from, problems);
  if (found === null) return null;
  if (/^[\x21-\x7e]{32,256}$/.test(found.value)) return new Secret(found.value);
  problems.push({
    name: `${name} in the settings`,
    value: found.source,
    rule: 'must hold one word of 32 to 256 printable characters',
    remedy: `Make one: openssl rand -hex 32 > ${shellWord(found.source)}`,
  });
  return null;
}

function readKeyFile(
  variable: string,
  { value, source }: Found,
  from: Source,
  problems: SettingsProblem[],
): Found | null {
  const path = resolve(from.home, value);
  const wrong = (rule: string, remedy: string): null => {
    problems.push({ name: `${variable} in ${source}`, value: path, rule, remedy });
    return null;
  };
  let text: string | null;
  try {
    text = from.readFile(path);
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    return wrong('cannot be read', `Check that it is a file, and its owner and rights (${why}).`);
  }
  if (text === null) return wrong('there is no such file', 'Write the key into it, and nothing else.');
  const exposed = exposure(path, from);
  if (exposed !== null) return wrong(...exposed);
  return { value: text.trim(), source: path };
}

/** What is wrong with the rights of a file that holds a key: the rule and the command that mends it. Null for nothing. */
export function exposure(
  path: string,
  { modeOf }: Pick<Source, 'modeOf'>,
): readonly [rule: string, remedy: string] | null {
  const mode = modeOf(path);
  if (mode === null || (mode & 0o077) === 0) return null;
  const rule = `holds a key, and other users of this machine may use the file (mode ${octal(mode)})`;
  return [rule, `Run: chmod 600 ${shellWord(path)}`];
}

export const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(3, '0');

/** A path as a shell takes it. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
