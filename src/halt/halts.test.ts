/** Looks at the folder of halts: one is shared within a turn of the event loop, and the strict one never. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../lib/clock.ts';
import { type Files, systemFiles } from '../lib/files.ts';
import { HALT_FOLDER, type Haltable } from './halt.ts';
import { Halts } from './halts.ts';

const ORDER: Haltable = { agent: 'alpha', symbols: ['AAPL'], reduces: false };

test('a halt is seen at once by the strict look, and by the others from the next turn on at the latest', async (t) => {
  const home = fs.mkdtempSync(join(tmpdir(), 'halts-'));
  const real = systemFiles(home);
  t.after(async () => {
    await real.close();
    fs.rmSync(home, { recursive: true });
  });
  real.makeFolder(HALT_FOLDER);
  let looks = 0;
  const files: Files = {
    ...real,
    list(folder) {
      looks++;
      return real.list(folder);
    },
  };
  const halts = new Halts(files, systemClock);
  for (let n = 0; n < 64; n++) assert.equal(halts.lately(ORDER), null);
  assert.equal(looks, 1);
  const put = (): void => fs.writeFileSync(join(home, HALT_FOLDER, 'all'), '');
  put();
  assert.equal(halts.lately(ORDER), null, 'it came after the look of this turn');
  assert.notEqual(halts.against(ORDER), null);
  assert.notEqual(halts.lately(ORDER), null, 'what the strict look has seen counts');
  fs.rmSync(join(home, HALT_FOLDER, 'all'));
  await nextTurn();
  assert.equal(halts.lately(ORDER), null);
  put();
  await nextTurn();
  assert.notEqual(halts.lately(ORDER), null);
});

test('a folder that cannot be read holds every order back, as long as it cannot', async (t) => {
  const home = fs.mkdtempSync(join(tmpdir(), 'halts-'));
  const real = systemFiles(home);
  t.after(async () => {
    await real.close();
    fs.rmSync(home, { recursive: true });
  });
  real.makeFolder(HALT_FOLDER);
  let fault: string | null = 'EIO';
  const files: Files = {
    ...real,
    list(folder) {
      if (fault !== null) throw Object.assign(new Error(fault), { code: fault });
      return real.list(folder);
    },
  };
  const halts = new Halts(files, systemClock);
  assert.equal(halts.against(ORDER), 'unreadable');
  assert.equal(halts.lately(ORDER), 'unreadable');
  await nextTurn();
  fault = null;
  assert.equal(halts.against(ORDER), null);
});
