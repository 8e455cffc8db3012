/** What is no journal of ours is not opened, not changed, and called by its name; every journal of ours is. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import type { Journal } from './journal.ts';
import { APPLICATION_ID, NotAJournal } from './recognise.ts';
import { openSqliteJournal } from './sqlite.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recognise-'));
  file = join(folder, 'tower.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (): Journal => openSqliteJournal({ file, clock: systemClock, random: seededRandom('recognise') });
const pragma = (name: string): unknown => {
  const db = new Sqlite(file, { readonly: true });
  const value = db.pragma(name, { simple: true });
  db.close();
  return value;
};

function refused(): NotAJournal {
  const before = readdirSync(folder);
  try {
    open();
  } catch (error) {
    assert.ok(error instanceof NotAJournal, String(error));
    assert.deepEqual(readdirSync(folder), before, 'nothing is left beside it');
    return error;
  }
  assert.fail('it was opened');
}

for (const mode of ['delete', 'wal']) {
  test(`the database of another program is left as it is (${mode})`, () => {
    const db = new Sqlite(file);
    db.pragma(`journal_mode = ${mode}`);
    db.exec('CREATE TABLE notes (text); CREATE TABLE events (text)');
    db.close();
    const before = readFileSync(file);
    const error = refused();
    assert.match(
      error.message,
      /tower\.db is the database of another program \(application_id 0, the tables events, notes\)/,
    );
    assert.match(error.remedy, /mv .*tower\.db .*tower\.db\.other/);
    assert.ok(before.equals(readFileSync(file)));
  });
}

test('a database with the number of another program is refused, whatever is in it', () => {
  const db = new Sqlite(file);
  db.pragma('application_id = 7');
  db.exec('CREATE TABLE requests (a); CREATE TABLE events (a); CREATE TABLE facts (a)');
  db.close();
  assert.match(refused().message, /application_id 7/);
});

test('what is no database, and no file, is called so', () => {
  writeFileSync(file, 'Dear diary, this is no database at all.');
  assert.match(refused().message, /tower\.db is no SQLite database/);
  rmSync(file);
  mkdirSync(file);
  assert.match(refused().message, /tower\.db is a folder/);
});

test('in an empty file a journal begins, and it bears the number', async () => {
  writeFileSync(file, '');
  await open().close();
  assert.equal(pragma('application_id'), APPLICATION_ID);
});

test('a journal from before there was a number is known by its tables, and gets it', async () => {
  const journal = open();
  await journal.setFact('a', 'b');
  await journal.close();
  const db = new Sqlite(file);
  db.pragma('application_id = 0');
  db.close();
  rmSync(join(folder, 'tower.tip'));
  const again = open();
  assert.equal(await again.fact('a'), 'b');
  await again.close();
  assert.equal(pragma('application_id'), APPLICATION_ID);
});

test('a journal that was emptied is not begun anew', async () => {
  const journal = open();
  await journal.setFact('a', 'b', { kind: 'anomaly', detail: '{}' });
  await journal.close();
  writeFileSync(file, '');
  assert.throws(open, /it is empty and had come to event 1/);
});
