/** What the command line says when the file system refuses: words and an exit code, never a stack. As root another user is tried. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

const IS_ROOT = process.getuid?.() === 0;
const OTHER = 61_001;

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tower-faults-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** The temporary folders of tests are closed to other users. */
const open = (): void => {
  for (const folder of [dirname(home), home]) chmodSync(folder, 0o711);
};

function tower(args: readonly string[], at: string, uid?: number) {
  const who = uid === undefined ? {} : { uid, gid: uid };
  const main = new URL('./main.ts', import.meta.url).pathname;
  const { PATH = '' } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args, '--home', at], {
    ...who,
    env: { PATH },
    timeout: 20_000,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr, all: `${stdout}${stderr}` };
}

const COMMANDS = [
  ['status'],
  ['limits'],
  ['report'],
  ['doctor', '--offline'],
  ['order', 'accountinfo', '--agent', 'a'],
];

test('a home that is no folder', () => {
  const file = join(home, 'file');
  writeFileSync(file, '');
  for (const command of COMMANDS) {
    const { code, all } = tower(command, file);
    assert.equal(code, 1, `${command[0]}: ${all}`);
    assert.ok(all.includes(file) && !/^ {4}at /m.test(all), all);
  }
  assert.match(tower(['doctor', '--offline'], file).out, /^error {4}home .* is no folder\. Name the folder/m);
});

test('a home whose data belong to another user', (t) => {
  if (!IS_ROOT) return t.diagnostic('not root: nothing is closed to this user by another one');
  for (const folder of ['data', 'orders/incoming']) mkdirSync(join(home, folder), { recursive: true });
  writeFileSync(join(home, 'data/status.json'), '{}');
  open();
  chmodSync(join(home, 'data'), 0o700);
  for (const command of COMMANDS.slice(0, 3)) {
    const { code, err } = tower(command, home, OTHER);
    assert.equal(code, 1);
    assert.match(err, /cannot be used \(EACCES, \w+\)\. Run the command as the user of the tower/, command[0]);
    assert.doesNotMatch(err, /^ {4}at /m);
  }
  const { code, out, err } = tower(['doctor', '--offline'], home, OTHER);
  assert.equal(code, 1, err);
  assert.doesNotMatch(err, /^ {4}at /m);
  assert.match(out, /^error {4}journal .* may not be read \(EACCES\)\. Run the doctor as the user of the tower\.$/m);
  assert.doesNotMatch(out, /there is none yet|none runs/);
});

test('an order into a folder that its agent may not list is dropped, and said to be', (t) => {
  if (!IS_ROOT) return t.diagnostic('not root: nothing is closed to this user by another one');
  const incoming = join(home, 'orders/incoming');
  mkdirSync(incoming, { recursive: true });
  open();
  chmodSync(incoming, 0o733);
  const { code, out, all } = tower(['order', 'accountinfo', '--agent', 'a'], home, OTHER);
  assert.equal(code, 0, all);
  assert.deepEqual(
    readdirSync(incoming).map((name) => out.includes(name)),
    [true],
  );
});

test('keys behind a link that leads nowhere are not the same as no keys', () => {
  symlinkSync('/nowhere/keys', join(home, '.env'));
  for (const command of [['start'], ['doctor', '--offline']]) {
    const { code, all } = tower(command, home);
    assert.notEqual(code, 0);
    assert.match(all, /\.env: must be a file that can be read.* \(a link that leads nowhere\)/);
  }
});

test('what is no regular file in the place of settings or keys is not waited for', () => {
  const pipe = join(home, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const of = (name: string, at: string): void => {
    rmSync(join(home, name), { force: true, recursive: true });
    symlinkSync(at, join(home, name));
  };
  for (const [name, at, words] of [
    ['.env', pipe, 'a pipe'],
    ['.env', '/dev/zero', 'a device'],
    ['tower.config.json', pipe, 'a pipe'],
    ['tower.config.json', tmpdir(), 'a folder'],
  ] as const) {
    of(name, at);
    for (const command of [['start'], ['doctor', '--offline']]) {
      const { code, all } = tower(command, home);
      assert.ok(code === 1 || code === 2, `${command[0]}: ${code} ${all}`);
      assert.ok(all.includes(`${name}: must be a file that can be read`), all);
      assert.ok(all.includes(`it is ${words}; only a regular file is read`), all);
    }
    rmSync(join(home, name));
  }
});
