import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite, { type Database } from 'better-sqlite3';
import { type Clock, micros } from '../lib/clock.ts';
import { Checkpoints } from './sqlite-checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'checkpoints-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A clock that stands: what is due is run by hand. */
function standing(): { readonly clock: Clock; readonly due: Map<object, () => void> } {
  const due = new Map<object, () => void>();
  const clock: Clock = {
    now: () => micros(0),
    monotonic: () => 0,
    after(_ms, run) {
      const key = {};
      due.set(key, run);
      return () => void due.delete(key);
    },
  };
  return { clock, due };
}

let made = 0;
function open(): { readonly db: Database; readonly file: string } {
  const file = join(folder, `${made++}.db`);
  const db = new Sqlite(file);
  db.pragma('journal_mode = WAL');
  return { db, file };
}

/** Rows that are in the database itself, without its log. */
function rowsWithoutLog(file: string): number {
  const copy = `${file}.copy`;
  copyFileSync(file, copy);
  const db = new Sqlite(copy);
  try {
    return Number(db.prepare('SELECT count(*) FROM t').pluck().get());
  } finally {
    db.close();
    rmSync(copy);
  }
}

test('the log is copied in a pause, once enough was written, and in no commit', () => {
  const { db, file } = open();
  const { clock, due } = standing();
  const checkpoints = new Checkpoints(db, clock);
  db.exec('CREATE TABLE t (x TEXT)');
  db.pragma('wal_checkpoint(PASSIVE)');
  const insert = db.prepare('INSERT INTO t VALUES (?)');
  for (let n = 1; n <= 400; n++) {
    // More pages than SQLite lets its log have by itself.
    insert.run('x'.repeat(4000));
    checkpoints.committed(1);
    assert.equal(due.size, n < 400 ? 0 : 1);
  }
  assert.equal(rowsWithoutLog(file), 0);
  for (const run of due.values()) run();
  assert.equal(rowsWithoutLog(file), 400);
  db.close();
});

test('nothing is copied after the end, and a copy that fails harms nobody', () => {
  const { db } = open();
  const { clock, due } = standing();
  const checkpoints = new Checkpoints(db, clock);
  checkpoints.committed(1000);
  const [late] = due.values();
  checkpoints.stop();
  assert.equal(due.size, 0);
  db.close();
  late?.();
});
