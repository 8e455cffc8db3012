/** The tip beside a real journal on a real disk: whatever is taken from the journal is found at the next start. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import Sqlite from 'better-sqlite3';
import { systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import type { Journal } from './journal.ts';
import { openSqliteJournal } from './sqlite.ts';
import { tipOf } from './tip.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

interface Stand {
  readonly file: string;
  open(): Journal;
  /** As kill -9 leaves it: the files of a journal that nobody has closed. */
  killed(): Promise<string>;
}

function stand(): Stand {
  const folder = mkdtempSync(join(tmpdir(), 'tip-'));
  folders.push(folder);
  let opened = 0;
  // Each new journal is another one.
  const at = (file: string): Journal =>
    openSqliteJournal({ file, clock: systemClock, random: seededRandom(`tip ${opened++}`) });
  const file = join(folder, 'tower.db');
  return {
    file,
    open: () => at(file),
    async killed() {
      const journal = at(file);
      await note(journal, 5);
      const copy = mkdtempSync(join(tmpdir(), 'tip-'));
      folders.push(copy);
      for (const name of ['tower.db', 'tower.db-wal', 'tower.tip']) copyFileSync(join(folder, name), join(copy, name));
      await journal.close();
      return join(copy, 'tower.db');
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => void systemClock.after(0, resolve));

/** So many commits that leave an event each. The tip follows when what waits for a commit has been told. */
async function note(journal: Journal, times: number): Promise<void> {
  for (let n = 0; n < times; n++) await journal.setFact('n', String(n), { kind: 'anomaly', detail: '{}' });
  await turn();
}

const reopened = (file: string): Journal =>
  openSqliteJournal({ file, clock: systemClock, random: seededRandom('again') });

function flip(file: string, bit: number): void {
  const bytes = readFileSync(file);
  const at = bit >> 3;
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (bit & 7)), at);
  writeFileSync(file, bytes);
}

describe('the tip of a journal', () => {
  it('lets a journal be opened again that was closed, and one that was not', async () => {
    const { file, open, killed } = stand();
    const journal = open();
    await note(journal, 3);
    await journal.close();
    const summed = (): unknown => JSON.parse(readFileSync(tipOf(file), 'utf8')).closed;
    assert.notEqual(summed(), null);
    const again = open();
    assert.equal(summed(), null, 'what is open has no sum, from its first moment on: it may end by a power cut');
    await note(again, 1);
    await again.close();
    await open().close();
    const left = await killed();
    await reopened(left).close();
  });

  it('finds every bit that is changed in a closed journal', async () => {
    const { file, open } = stand();
    const journal = open();
    await note(journal, 20);
    await journal.close();
    const bits = readFileSync(file).length * 8;
    const random = seededRandom('bits');
    for (let n = 0; n < 100; n++) {
      const bit = random.uint32() % bits;
      flip(file, bit);
      assert.throws(open, /not what it was when it was closed/, `bit ${bit}`);
      flip(file, bit);
    }
    truncateSync(file, bits / 8 - 1);
    assert.throws(open, /not what it was when it was closed/);
  });

  it('finds a log that was deleted, cut, or changed', async () => {
    const { killed } = stand();
    const file = await killed();
    const log = `${file}-wal`;
    const bytes = readFileSync(log);
    rmSync(log);
    assert.throws(() => reopened(file), /ends at event 0 and had come to 5/);
    assert.throws(() => reopened(file), /ends at event 0 and had come to 5/, 'a refusal takes nothing away');
    const restore = (to: Uint8Array): void => {
      rmSync(`${file}-shm`, { force: true });
      writeFileSync(log, to);
    };
    restore(bytes.subarray(0, bytes.length - 4096));
    assert.throws(() => reopened(file), /ends at event 4 and had come to 5/);
    restore(bytes);
    flip(log, 8 * 200);
    const damaged = readFileSync(log);
    assert.throws(() => reopened(file), /had come to 5/);
    assert.deepEqual(readFileSync(log), damaged, 'what is left of the log is still there');
    restore(bytes);
    await reopened(file).close();
  });

  it('finds an older copy in its place, and takes it when the tip is taken away', async () => {
    const { file, open } = stand();
    const journal = open();
    await note(journal, 2);
    await journal.close();
    copyFileSync(file, `${file}.old`);
    const later = open();
    await note(later, 2);
    // Whoever copied the journal of a running tower has a tip that says nothing of a sum.
    copyFileSync(tipOf(file), `${file}.tip-of-running`);
    await later.close();
    copyFileSync(`${file}.old`, file);
    assert.throws(open, /not what it was/);
    copyFileSync(`${file}.tip-of-running`, tipOf(file));
    assert.throws(open, /ends at event 2 and had come to 4.*older copy.*take .*tower\.tip away/);
    rmSync(tipOf(file));
    await open().close();
  });

  it('lets a new journal begin where the old one is gone, and says nothing of a tip that is torn', async () => {
    const { file, open } = stand();
    const journal = open();
    await note(journal, 2);
    await journal.close();
    rmSync(file);
    await open().close();
    for (const torn of ['', '{"generation":"x","ev', 'null', '[]', '{"generation":1}']) {
      writeFileSync(tipOf(file), torn);
      await open().close();
    }
    assert.ok(existsSync(file));
  });

  it('is never ahead of the journal: a commit that fails does not move it', async () => {
    const { file, open } = stand();
    const journal = open();
    await note(journal, 2);
    const before = readFileSync(tipOf(file), 'utf8');
    const other = new Sqlite(file);
    other.exec('DROP TABLE spends');
    other.close();
    // One transaction: the note fails with what cannot be spent.
    const noted = note(journal, 1);
    await assert.rejects(journal.spend('paper', systemClock.now(), 1, 'trading'));
    await assert.rejects(noted);
    assert.equal(readFileSync(tipOf(file), 'utf8'), before);
    await journal.close();
  });
});
