/**
 * House rules as a test over the source: imports, doors, seams, headers, size. The rules stand in tidy.rules.ts.
 * Must never know an exception that is not a row there.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'node:test';
import { BANS, DOORS, PARTS, type Part } from './tidy.rules.ts';

const LINES_MAX = 500;

interface Source {
  readonly path: string;
  readonly text: string;
  /** The text without comments, line by line. */
  readonly code: readonly string[];
  readonly imports: readonly { readonly target: string; readonly line: number }[];
}

const read = (path: string): Source => sourceOf(path, readFileSync(path, 'utf8'));
const all = globSync(['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'docs/**/*.ts']).sort().map(read);
const isTest = (path: string): boolean => !path.startsWith('src/') || path.endsWith('.test.ts');
const product = all.filter(({ path }) => !isTest(path));

function sourceOf(path: string, text: string): Source {
  const code = withoutComments(text).split('\n');
  const imports = code.flatMap((line, index) =>
    [...line.matchAll(/(?:\bfrom|^import|\bimport\()\s*'([^']+)'/g)].map((match) => ({
      target: resolveImport(path, match[1] ?? ''),
      line: index + 1,
    })),
  );
  return { path, text, code, imports };
}

function resolveImport(from: string, target: string): string {
  return target.startsWith('.') ? posix.join(posix.dirname(from), target) : target;
}

/** Comments become blanks, line breaks stay. Strings are kept: the formatter's single quotes make them easy to step over. */
function withoutComments(text: string): string {
  const token =
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\/|\/(?![*/\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[dgimsuvy]*/g;
  return text.replace(token, (found) =>
    found.startsWith('//') || found.startsWith('/*') ? found.replace(/[^\n]/g, ' ') : found,
  );
}

function partOf(path: string, parts: readonly Part[] = PARTS): Part | undefined {
  const fitting = parts.filter(({ prefix }) => path.startsWith(prefix));
  return fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

/** Imports of `source` that its part may not have, as sentences. */
function forbiddenImports({ path, imports }: Source): readonly string[] {
  const part = partOf(path);
  if (part === undefined) return [`${path}: belongs to no part; add a row to PARTS`];
  return imports.flatMap(({ target, line }) => {
    if (!target.startsWith('src/')) return [];
    const theirs = partOf(target)?.prefix ?? '';
    const allowed =
      theirs === part.prefix ||
      part.may.some((prefix) => prefix === '*' || (target.startsWith(prefix) && prefix.length >= theirs.length));
    return allowed ? [] : [`${path}:${line}: ${part.prefix} may not import ${target}: ${part.why}`];
  });
}

/** Packages of `source` that are used outside their doors. */
function wrongDoors({ path, imports }: Source): readonly string[] {
  return imports.flatMap(({ target, line }) => {
    if (target.startsWith('src/')) return [];
    const doors = DOORS[target];
    if (doors === undefined) return [`${path}:${line}: ${target} has no row in DOORS`];
    const where = doors.length === 0 ? 'nowhere in src' : `only in ${doors.join(', ')}`;
    return doors.some((door) => path.startsWith(door)) ? [] : [`${path}:${line}: ${target} may be imported ${where}`];
  });
}

/** Uses of banned things in `source`. */
function bannedUses({ path, text, code }: Source, names: readonly string[]): readonly string[] {
  return BANS.filter(({ name }) => names.includes(name)).flatMap(({ name, pattern, instead, seams }) => {
    if (Object.keys(seams).some((seam) => path.startsWith(seam))) return [];
    const lines = name === 'unfinished work' || name === 'a silenced compiler or linter' ? text.split('\n') : code;
    return lines.flatMap((line, index) =>
      pattern.test(line) ? [`${path}:${index + 1}: ${name}; use ${instead}: ${line.trim()}`] : [],
    );
  });
}

const everywhere = ['unfinished work', 'a test that is left out or alone', 'a path of one machine'];
const productOnly = BANS.map(({ name }) => name).filter((name) => !everywhere.includes(name));

const none = (problems: readonly string[]): void => assert.equal(problems.join('\n'), '');

test('folders import only what the table allows', () => none(product.flatMap(forbiddenImports)));

test('packages are imported only behind their doors', () => none(product.flatMap(wrongDoors)));

test('time, randomness, files, network and process are touched only behind the seams', () => {
  none(product.flatMap((source) => bannedUses(source, productOnly)));
});

test('nothing is unfinished, left out or bound to one machine', () => {
  none(all.filter(({ path }) => !path.startsWith('test/tidy')).flatMap((source) => bannedUses(source, everywhere)));
});

test('every file opens with a comment that says what it is for', () => {
  // A unit test is explained by the file that it stands beside.
  const files = all.filter(({ path }) => !(path.startsWith('src/') && path.endsWith('.test.ts')));
  none(files.filter(({ text }) => !/^(?:#![^\n]*\n)?\/\*\*[\s\S]{20,}?\*\//.test(text)).map(({ path }) => path));
});

test(`no file is longer than ${LINES_MAX} lines`, () => {
  const lines = ({ text }: Source): number => text.split('\n').length - 1;
  none(all.filter((source) => lines(source) > LINES_MAX).map((source) => `${source.path}: ${lines(source)} lines`));
});

test('the generics of lib stay few', () => {
  const generics = product.map(({ path }) => path).filter((path) => /^src\/lib\/[^/]+$/.test(path));
  assert.ok(generics.length <= 8, `${generics.join(', ')}: what only one folder uses belongs there`);
});

test('every row of the tables is used', () => {
  const unused = [
    ...PARTS.filter(({ prefix }) => !product.some(({ path }) => path.startsWith(prefix))).map(({ prefix }) => prefix),
    ...BANS.flatMap(({ seams }) => Object.keys(seams)).filter((seam) => !all.some(({ path }) => path.startsWith(seam))),
  ];
  none(unused);
});

test('the rules bite', () => {
  const dispatch = (text: string): Source => sourceOf('src/dispatch/example.ts', text);
  assert.equal(forbiddenImports(dispatch("import { x } from '../respond/publish.ts';")).length, 1);
  assert.equal(forbiddenImports(dispatch("import { x } from '../broker/alpaca/rest.ts';")).length, 1);
  assert.equal(forbiddenImports(dispatch("const x = await import('../journal/sqlite.ts');")).length, 1);
  assert.equal(forbiddenImports(dispatch("import {\n  x,\n} from '../follow/x.ts';")).length, 1);
  assert.equal(forbiddenImports(dispatch("import type { Broker } from '../broker/broker.ts';")).length, 0);
  assert.equal(forbiddenImports(sourceOf('src/exchange/x.ts', "import { a } from '../order/name.ts';")).length, 1);
  assert.equal(forbiddenImports(sourceOf('src/new/x.ts', '')).length, 1);
  assert.equal(wrongDoors(dispatch("import fs from 'node:fs';")).length, 1);
  assert.equal(wrongDoors(dispatch("import x from 'left-pad';")).length, 1);
  const bad = [
    'const a = Date.now();',
    'const a = new Date();',
    'const a = performance.now();',
    'setTimeout(run, 5);',
    'const a = Math.random();',
    'const a = crypto.randomUUID();',
    "const a = process.env['HOME'];",
    'const a = parseFloat(text);',
    'const a = Number(order.limit_price);',
    'const a = value as any;',
    '// @ts-ignore',
    'console.log(a);',
    'await fetch(url);',
  ];
  for (const line of bad) assert.notEqual(bannedUses(dispatch(line), productOnly).length, 0, line);
  const good = [
    '// Date.now is banned',
    '/** new Date() */',
    'const a = new Date(ms).toISOString();',
    'broker.fetch(x);',
  ];
  for (const line of good) assert.deepEqual(bannedUses(dispatch(line), productOnly), [], line);
  assert.equal(bannedUses(dispatch("test.skip('x', () => {});"), everywhere).length, 1);
  assert.equal(bannedUses(dispatch('// TODO later'), everywhere).length, 1);
});
