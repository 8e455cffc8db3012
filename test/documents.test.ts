/**
 * The documents say what is true: examples are the files that run, links lead somewhere, tables are complete.
 * Must never judge style.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'node:test';
import { ORDER_TYPES } from '../src/order/name.ts';
import { settingsTable } from '../src/settings.schema.ts';

const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/decisions.md',
  'docs/operations.md',
];
const read = (path: string): string => readFileSync(path, 'utf8');
const readme = read('README.md');

test('the agents in the README are the files in examples', () => {
  const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  for (const [language, file] of [
    ['python', 'examples/agent.py'],
    ['sh', 'examples/agent.sh'],
  ] as const) {
    const shown = blocks.filter(([, tag]) => tag === language).map(([, , text]) => text);
    assert.ok(shown.includes(read(file)), `README.md does not show ${file} as it is`);
  }
});

test('every relative link leads to a file', () => {
  const dead = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)]
      .map(([, link]) => posix.join(posix.dirname(document), link ?? ''))
      .filter((target) => !existsSync(target))
      .map((target) => `${document}: ${target}`),
  );
  assert.deepEqual(dead, []);
});

test('the README names every order type and every command', () => {
  for (const type of ORDER_TYPES) assert.ok(readme.includes(`\`${type}\``), type);
  const mounted = [...read('src/cli/program.ts').matchAll(/import \{ (\w+)Command \}|import\('\.\/(\w+)\.ts'\)/g)];
  const commands = mounted.map(([, imported, loaded]) => imported ?? loaded).concat('start');
  assert.ok(commands.length > 4, 'program.ts mounts its commands in a way that this test does not know');
  for (const command of commands) assert.ok(readme.includes(`\`tower ${command}`), `tower ${command}`);
});

test('settings that documents name exist', () => {
  const sections = new Set(settingsTable().map(({ name }) => name.split('.')[0]));
  const known = new Set(settingsTable().map(({ name }) => name));
  for (const document of DOCUMENTS) {
    for (const [, name = ''] of read(document).matchAll(/`([a-z_]+\.(?:\{id\}\.)?[a-z_]+)`/g)) {
      if (sections.has(name.split('.')[0])) assert.ok(known.has(name), `${document}: ${name}`);
    }
  }
});

test('every dependency has its reason', () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json'));
  const decisions = read('docs/decisions.md');
  for (const name of Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
    if (!name.startsWith('@types/')) assert.ok(decisions.includes(name), name);
  }
});

test('folders that the architecture maps exist, and none is left out', () => {
  const architecture = read('ARCHITECTURE.md');
  const mapped = [...architecture.matchAll(/`(src\/[a-z/.-]+)`/g)].map(([, path]) => path ?? '');
  for (const path of mapped) assert.ok(existsSync(path), path);
  for (const folder of [
    'lib',
    'order',
    'risk',
    'journal',
    'broker',
    'ingress',
    'dispatch',
    'follow',
    'respond',
    'exchange',
    'observe',
    'cli',
  ]) {
    assert.ok(architecture.includes(`### \`src/${folder}\``), folder);
  }
});
