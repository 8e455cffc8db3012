/** The SQLite journal keeps the suite, in memory and in files, and stops at the first fault. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Sqlite from 'better-sqlite3';
import { systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import { journalConformance } from './conformance.ts';
import type { Journal } from './journal.ts';
import { openSqliteJournal } from './sqlite.ts';

const inFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'journal-'));
  const file = join(folder, 'tower.db');
  const opened: Journal[] = [];
  const open = (): Journal => {
    const journal = openSqliteJournal({ file, clock: systemClock, random: seededRandom(1) });
    opened.push(journal);
    return journal;
  };
  return {
    file,
    journal: open(),
    reopen: open,
    async close() {
      for (const journal of opened) await journal.close();
      rmSync(folder, { recursive: true });
    },
  };
};

journalConformance('SQLite', inFolder);

describe('journal: SQLite itself', () => {
  it('refuses a journal of a newer tower', async () => {
    const one = inFolder();
    const db = new Sqlite(one.file);
    db.pragma('user_version = 99');
    db.close();
    assert.throws(one.reopen, /schema 99/);
    await one.close();
  });

  it('never answers again after a failed commit', async () => {
    const one = inFolder();
    const db = new Sqlite(one.file);
    db.exec('DROP TABLE spends');
    db.close();
    await assert.rejects(one.journal.spend('paper', systemClock.now(), 1, 'trading'));
    await assert.rejects(one.journal.setFact('a', 'b'));
    await assert.rejects(one.journal.find({ seq: 1 }));
    await one.close();
  });

  it('lets nobody change or delete an event', async () => {
    const one = inFolder();
    await one.journal.setFact('a', 'b', { kind: 'anomaly', detail: '{}' });
    const db = new Sqlite(one.file);
    assert.throws(() => db.exec('DELETE FROM events'), /append-only/);
    assert.throws(() => db.exec(`UPDATE events SET kind = 'x'`), /append-only/);
    db.close();
    await one.close();
  });
});
