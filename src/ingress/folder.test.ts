/** The folder of order files on a real disk: whatever happens between two looks, nothing is lost and nothing taken twice. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, test } from 'node:test';
import type { Received } from '../admit.ts';
import { systemClock } from '../lib/clock.ts';
import type { FailpointName } from '../lib/failpoint.ts';
import { systemFiles, TEMP_FOLDER } from '../lib/files.ts';
import { seededRandom } from '../lib/random.ts';
import { Folder, type FolderOptions, INCOMING, PROCESSING } from './folder.ts';

const after: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of after.splice(0)) await step();
});

interface Rig {
  readonly home: string;
  readonly folder: Folder;
  /** What was handed over, name and content. */
  readonly taken: [name: string, text: string][];
  readonly notices: string[];
  /** Resolves when so many were handed over. */
  enough(count: number): Promise<void>;
  drop(name: string, text: string): void;
}

/**
 * `at` is called at each failpoint; `pollMs` as in the settings. The watch never rings: the listing alone must do. The
 * system refuses to let go of the file named `guarded`, as it does for a folder of somebody else's or a mount point.
 */
function makeRig(
  at: (name: FailpointName, rig: Rig) => void,
  pollMs: number,
  guarded = '',
  more: Partial<FolderOptions> & {
    readonly room?: () => { free: number; total: number };
    readonly watch?: () => () => void;
  } = {},
): Rig {
  const home = fs.mkdtempSync(path.join(tmpdir(), 'folder-'));
  const files = systemFiles(home, { temps: TEMP_FOLDER });
  for (const name of [INCOMING, PROCESSING, TEMP_FOLDER]) files.makeFolder(name);
  const taken: [string, string][] = [];
  const notices: string[] = [];
  let count = 0;
  let done = (): void => {};
  const folder = new Folder({
    files: {
      ...files,
      watch: more.watch ?? (() => () => {}),
      room: more.room ?? files.room,
      claim(from, entry, to) {
        if (entry.name === guarded) throw Object.assign(new Error(`EACCES: ${to}`), { code: 'EACCES' });
        return files.claim(from, entry, to);
      },
    },
    clock: systemClock,
    random: seededRandom('folder'),
    failpoints: { hit: (name) => at(name, rig) },
    identities: {},
    pending: { of: () => 0, unpublished: () => 0, unpublishedOfAll: () => 0 },
    maxWaiting: 1000,
    maxWaitingBytes: 1_000_000,
    maxPending: 1000,
    reserveBytes: 0,
    settleMs: 20,
    pollMs,
    maxBytes: 1000,
    admit: async (batch: readonly Received[]) => {
      for (const { fileName, raw } of batch) taken.push([fileName, raw === null ? '' : Buffer.from(raw).toString()]);
      if (taken.length >= count) done();
    },
    receipt: async () => 'unknown',
    tries: { read: async () => null, write: async () => {} },
    notice: (_level, text) => notices.push(text),
    fatal: (error) => assert.fail(String(error)),
    ...more,
  });
  const rig: Rig = {
    home,
    folder,
    taken,
    notices,
    enough: (wanted) => {
      count = wanted;
      return new Promise((resolve) => {
        done = resolve;
        if (taken.length >= wanted) resolve();
      });
    },
    drop(name, text) {
      fs.writeFileSync(path.join(home, TEMP_FOLDER, name), text);
      fs.renameSync(path.join(home, TEMP_FOLDER, name), path.join(home, INCOMING, name));
    },
  };
  after.push(async () => {
    await folder.stop();
    fs.rmSync(home, { recursive: true });
  });
  return rig;
}

test('a file that is replaced between the look and the claim counts as it is when claimed', async () => {
  const rig = makeRig((name) => {
    if (name === 'k03-peeked' && rig.taken.length === 0) rig.drop('a.json', '{"n":2}');
  }, 1000);
  rig.drop('a.json', '{"n":1}');
  rig.folder.start();
  await rig.enough(1);
  assert.deepEqual(rig.taken, [['a.json', '{"n":2}']]);
  const [claimed = ''] = fs.readdirSync(path.join(rig.home, PROCESSING));
  assert.equal(fs.readFileSync(path.join(rig.home, PROCESSING, claimed), 'utf8'), '{"n":2}');
  assert.deepEqual(fs.readdirSync(path.join(rig.home, INCOMING)), []);
});

test('a file that is rewritten in place between the look and the claim counts as it is when claimed', async () => {
  const rig = makeRig((name) => {
    if (name === 'k03-peeked' && rig.taken.length === 0)
      fs.writeFileSync(path.join(rig.home, INCOMING, 'a.json'), '{"n":22}');
  }, 1000);
  rig.drop('a.json', '{"n":1}');
  rig.folder.start();
  await rig.enough(1);
  assert.deepEqual(rig.taken, [['a.json', '{"n":22}']]);
});

test('a file that gets a second name between the look and the claim is not taken as if it had one', async () => {
  const faults: unknown[] = [];
  const rig = makeRig(
    (name) => {
      if (name === 'k03-peeked') fs.linkSync(path.join(rig.home, INCOMING, 'a.json'), path.join(rig.home, 'other'));
    },
    1000,
    '',
    {
      admit: async (batch) => {
        faults.push(...batch.map(({ fault }) => fault?.code));
      },
    },
  );
  rig.drop('a.json', '{"n":1}');
  rig.folder.start();
  while (faults.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(faults, ['file_links']);
});

test('a file that comes under the same name after the claim is taken as a second one', async () => {
  const rig = makeRig((name) => {
    if (name === 'k04-claimed' && rig.taken.length === 0) rig.drop('a.json', '{"n":2}');
  }, 10);
  rig.drop('a.json', '{"n":1}');
  rig.folder.start();
  await rig.enough(1);
  await rig.enough(2);
  assert.deepEqual(rig.taken, [
    ['a.json', '{"n":1}'],
    ['a.json', '{"n":2}'],
  ]);
});

test('a watch that never rings loses nothing, and a file in pieces is taken when it rests', {
  timeout: 3000,
}, async () => {
  const rig = makeRig(() => {}, 10);
  rig.folder.start();
  rig.drop('whole.json', '{}');
  await rig.enough(1);
  fs.writeFileSync(path.join(rig.home, INCOMING, 'half.json'), '{"a":');
  await rig.enough(2);
  assert.deepEqual(rig.taken, [
    ['whole.json', '{}'],
    ['half.json', '{"a":'],
  ]);
});

test('a file that the system does not let go of is told once and does not stop the others', async () => {
  const rig = makeRig(() => {}, 10, 'theirs.json');
  rig.folder.start();
  rig.drop('theirs.json', '{}');
  rig.drop('mine.json', '{}');
  await rig.enough(1);
  rig.drop('next.json', '{}');
  await rig.enough(2);
  assert.deepEqual(
    rig.taken.map(([name]) => name),
    ['mine.json', 'next.json'],
  );
  assert.equal(rig.notices.length, 1);
  assert.match(rig.notices[0] ?? '', /theirs\.json cannot be taken: EACCES/);
  assert.deepEqual(fs.readdirSync(path.join(rig.home, INCOMING)), ['theirs.json']);
});

test('a file that is linked into place is taken when its first name is gone, and judged when both rest', async () => {
  const rig = makeRig(() => {}, 10);
  const [first, second] = [path.join(rig.home, TEMP_FOLDER, 'first'), path.join(rig.home, INCOMING, 'second.json')];
  fs.writeFileSync(first, '{}');
  fs.linkSync(first, second);
  rig.folder.start();
  fs.unlinkSync(first);
  await rig.enough(1);
  assert.deepEqual(rig.taken, [['second.json', '{}']]);
  fs.writeFileSync(first, '{}');
  fs.linkSync(first, path.join(rig.home, INCOMING, 'third.json'));
  await rig.enough(2);
  assert.deepEqual(rig.taken[1], ['third.json', '']);
});

const AT = '20260213143022';
const nameOf = (agent: string, n: number, type = 'stockbuy'): string =>
  `paper_${agent}_${type}_${AT}${String(n).padStart(6, '0')}.json`;
const looks = (rig: Rig): Promise<void> =>
  new Promise((resolve) => {
    systemClock.after(60, () => {
      rig.folder.ring();
      systemClock.after(60, resolve);
    });
  });

test('with too much of an agent inside the tower its files wait, its cancels and the others do not', async () => {
  let busy = 'full';
  const pending = {
    of: (agent: string) => (agent === busy ? 1000 : 0),
    unpublished: () => 0,
    unpublishedOfAll: () => 0,
  };
  const rig = makeRig(() => {}, 10, '', { pending });
  fs.mkdirSync(path.join(rig.home, 'responses'));
  for (const name of [nameOf('full', 1), nameOf('full', 2, 'cancelorder'), nameOf('free', 1)]) rig.drop(name, '{}');
  rig.folder.start();
  await rig.enough(2);
  await looks(rig);
  assert.deepEqual(rig.taken.map(([name]) => name).sort(), [nameOf('free', 1), nameOf('full', 2, 'cancelorder')]);
  const told = JSON.parse(fs.readFileSync(path.join(rig.home, 'responses/full/_notices.json'), 'utf8'));
  assert.deepEqual(
    told.notices.map(({ code }: { code: string }) => code),
    ['quota'],
  );
  busy = '';
  await rig.enough(3);
  await looks(rig);
  const after = JSON.parse(fs.readFileSync(path.join(rig.home, 'responses/full/_notices.json'), 'utf8'));
  assert.deepEqual(after.notices, []);
});

test('more files than an agent may have waiting are refused, the oldest first, until it has no more than that', async () => {
  const faults: (string | null)[] = [];
  const rig = makeRig(() => {}, 1000, '', {
    maxWaiting: 3,
    admit: async (batch) => {
      for (const { fault } of batch) faults.push(fault?.code ?? null);
    },
  });
  for (let n = 0; n < 6; n++) rig.drop(nameOf('many', n), '{}');
  rig.drop(nameOf('many', 6, 'cancelorder'), '{}');
  rig.folder.start();
  while (faults.length < 7) await looks(rig);
  assert.deepEqual(faults, ['quota', 'quota', 'quota', 'quota', null, null, null]);
});

test('more bytes than an agent may have waiting are refused in the same way, and one that is too large counts for nothing', async () => {
  const faults: (string | null)[] = [];
  const rig = makeRig(() => {}, 1000, '', {
    maxBytes: 1000,
    maxWaitingBytes: 100,
    admit: async (batch) => {
      for (const { fault } of batch) faults.push(fault?.code ?? null);
    },
  });
  for (let n = 0; n < 6; n++) rig.drop(nameOf('heavy', n), '{}'.padEnd(40));
  rig.drop(nameOf('heavy', 6, 'cancelorder'), '{}');
  rig.drop(nameOf('heavy', 7), '{}'.padEnd(2000));
  rig.folder.start();
  while (faults.length < 8) await looks(rig);
  assert.deepEqual(faults, ['quota', 'quota', 'quota', 'quota', null, null, null, 'file_too_large']);
});

test('the folder of claimed files is made again when somebody has taken it away', async () => {
  const rig = makeRig(() => {}, 10);
  fs.rmSync(path.join(rig.home, PROCESSING), { recursive: true });
  rig.drop(nameOf('one', 1), '{}');
  rig.folder.start();
  await rig.enough(1);
  assert.deepEqual(rig.taken, [[nameOf('one', 1), '{}']]);
});

test('with little room on the disk only cancels are taken, and the rest when there is room again', async () => {
  let free = 5;
  const rig = makeRig(() => {}, 10, '', { reserveBytes: 100, room: () => ({ free, total: 10_000 }) });
  rig.drop(nameOf('one', 1), '{}');
  rig.drop(nameOf('one', 2, 'cancelorder'), '{}');
  rig.folder.start();
  await rig.enough(1);
  await looks(rig);
  assert.deepEqual(rig.taken, [[nameOf('one', 2, 'cancelorder'), '{}']]);
  free = 5000;
  await rig.enough(2);
  assert.deepEqual(rig.taken[1], [nameOf('one', 1), '{}']);
  assert.match(rig.notices.join('\n'), /only cancels are taken.*has room again/s);
});

test('where there is no watch to be had, files are found by the listing, and a person is told once', async () => {
  const watch = (): never => {
    throw Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), { code: 'ENOSPC' });
  };
  const rig = makeRig(() => {}, 10, '', { watch, identities: { own: { folder: true, uid: null, key: null } } });
  fs.mkdirSync(path.join(rig.home, INCOMING, 'own'));
  rig.folder.start();
  rig.drop('a.json', '{"n":1}');
  await rig.enough(1);
  assert.deepEqual(rig.notices, [
    'orders/incoming cannot be watched (ENOSPC); new files are found by listing it every 10 ms',
  ]);
});
