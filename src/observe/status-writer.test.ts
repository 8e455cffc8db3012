/** The status file on a real disk: the last picture is the last one written, and nothing goes on after the stop. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openSqliteJournal } from '../journal/sqlite.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { systemFiles, TEMP_FOLDER } from '../lib/files.ts';
import { seededRandom } from '../lib/random.ts';
import { STATUS_FILE } from './status.ts';
import { StatusWriter } from './status-writer.ts';

test('a stop in the middle of a write: no timer is left, and the file says that the tower does not run', async () => {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'status-'));
  const files = systemFiles(home, { temps: TEMP_FOLDER });
  files.makeFolder(TEMP_FOLDER);
  const journal = openSqliteJournal({ file: ':memory:', clock: systemClock, random: seededRandom(1) });
  let timers = 0;
  const clock: Clock = {
    ...systemClock,
    after(ms, run) {
      timers++;
      const off = systemClock.after(ms, () => {
        timers--;
        run();
      });
      return () => {
        timers--;
        off();
      };
    },
  };
  // The first write takes longer than the last.
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isFirst = true;
  const writer = new StatusWriter({
    clock,
    files: {
      ...files,
      async publish(to, bytes) {
        if (isFirst) {
          isFirst = false;
          await held;
        }
        await files.publish(to, bytes);
      },
    },
    journal,
    home,
    pid: 1,
    since: systemClock.now(),
    budgets: () => [],
    limits: async () => [],
    books: () => [],
  });
  writer.start([]);
  const stopped = writer.stop();
  systemClock.after(20, release);
  await stopped;
  await held;
  await new Promise<void>((resolve) => {
    systemClock.after(50, resolve);
  });
  assert.equal(timers, 0);
  assert.equal(JSON.parse(fs.readFileSync(path.join(home, STATUS_FILE), 'utf8')).running, false);
  await journal.close();
  fs.rmSync(home, { recursive: true });
});
