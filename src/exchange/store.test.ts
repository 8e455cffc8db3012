import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileStore } from './store.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'exchange-store-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const open = (fsync = false) => fileStore(home, { fsync });
const journal = (generation: number) => join(home, 'exchange', `journal-${generation}.jsonl`);

test('commands come back in order, without a close in between', () => {
  const store = open();
  store.append({ n: 1 });
  store.append({ n: 2 });
  assert.deepEqual(open().load(), { snapshot: null, commands: [{ n: 1 }, { n: 2 }] });
});

test('with fsync the same', () => {
  open(true).append({ n: 1 });
  assert.deepEqual(open().load().commands, [{ n: 1 }]);
});

test('a snapshot replaces the commands before it', () => {
  const store = open();
  store.append({ n: 1 });
  store.compact({ sum: 1 });
  store.append({ n: 2 });
  assert.deepEqual(open().load(), { snapshot: { sum: 1 }, commands: [{ n: 2 }] });
});

test('a torn last line is dropped, and the journal goes on after it', () => {
  open().append({ n: 1 });
  appendFileSync(journal(0), '{"n":2');
  const store = open();
  assert.deepEqual(store.load().commands, [{ n: 1 }]);
  store.append({ n: 3 });
  assert.deepEqual(open().load().commands, [{ n: 1 }, { n: 3 }]);
});

test('an unreadable line in the middle is an error that names file and line', () => {
  open().append({ n: 1 });
  appendFileSync(journal(0), 'garbage\n{"n":3}\n');
  assert.throws(() => open().load(), /journal-0\.jsonl line 2 cannot be read/);
});

test('a crash between snapshot and the new journal loses nothing', () => {
  const store = open();
  store.append({ n: 1 });
  const before = readFileSync(journal(0));
  store.compact({ sum: 1 });
  // As if the old journal had not been removed yet.
  writeFileSync(journal(0), before);
  assert.deepEqual(open().load(), { snapshot: { sum: 1 }, commands: [] });
});

test('a home that another living process holds is refused', () => {
  open().close();
  // Process 1 lives as long as the machine, and its start time is part of the lock.
  const started = readFileSync('/proc/1/stat', 'utf8').split(') ')[1]?.split(' ')[19];
  writeFileSync(join(home, 'exchange', 'lock'), `1 ${started}`);
  assert.throws(open, /process 1 runs an exchange on this home/);
  // The same id with another start time is a stranger: the holder is gone.
  writeFileSync(join(home, 'exchange', 'lock'), '1 12345678901');
  open().close();
});
