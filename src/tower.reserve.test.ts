/** The reserve on a real folder, with the room of its disk made up: freed when there is none, made again when there is. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from './lib/clock.ts';
import { systemFiles, TEMP_FOLDER } from './lib/files.ts';
import { Reserve } from './tower.reserve.ts';

const MEGABYTE = 1_048_576;

test('it takes up room, is freed when the disk is full, and made again when there is room', async () => {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'reserve-'));
  const files = systemFiles(home, { temps: TEMP_FOLDER });
  files.makeFolder(TEMP_FOLDER);
  let free = 100 * MEGABYTE;
  let now = 0;
  const told: string[] = [];
  // Each look comes at once, and ten seconds are as long as a look.
  const clock = {
    ...systemClock,
    monotonic: () => (now += 10_000),
    after: (_ms: number, run: () => void) => systemClock.after(1, run),
  };
  const reserve = new Reserve({ ...files, room: () => ({ free, total: 16 * MEGABYTE }) }, clock, (level, text) =>
    told.push(`${level}: ${text}`),
  );
  const file = path.join(home, 'data/reserve');
  const becomes = async (size: number | null): Promise<void> => {
    for (
      const end = performance.now() + 5000;
      (fs.statSync(file, { throwIfNoEntry: false })?.size ?? null) !== size;
    ) {
      assert.ok(performance.now() < end, `it does not become ${size}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  reserve.start();
  await becomes(MEGABYTE);
  assert.ok(fs.statSync(file).blocks * 512 >= MEGABYTE, 'it takes up what it says');
  assert.deepEqual(told, []);
  free = 0;
  await becomes(null);
  assert.match(told.join(), /^error: the disk of the home is full/);
  free = 100 * MEGABYTE;
  await becomes(MEGABYTE);
  free = 0;
  await becomes(null);
  free = 100 * MEGABYTE;
  const temps = (): readonly string[] => fs.readdirSync(path.join(home, TEMP_FOLDER));
  for (const end = performance.now() + 5000; temps().length === 0; ) {
    assert.ok(performance.now() < end, 'it is not made again');
    await new Promise((resolve) => setImmediate(resolve));
  }
  await reserve.stop();
  assert.deepEqual(temps(), [], 'what was half made when it was stopped stays behind');
  await files.close();
  fs.rmSync(home, { recursive: true });
});
