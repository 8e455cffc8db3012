/**
 * B01 to B25: power cuts on a loop device, failing syncs and renames by strace, full, read-only and foreign disks, and
 * journals that are lost or old. Must never touch a file system that the row did not make.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Chance, chanceOf } from './chance.ts';
import { sleep, until } from './process.ts';
import { MARKET, RESTING, type Rig, type Site } from './rig.ts';
import { type Figures, leave, machine, must, need, type Row } from './row.ts';

const row = (id: string, title: string, run: Row['run'], minutes?: number): Row => ({
  id,
  title,
  promises: ['p2', 'p1'],
  ...(minutes === undefined ? {} : { minutes }),
  run,
});

/** A small file system of the row's own, mounted where its home is. Gone when the row has ended. */
async function onDisk(
  rig: Rig,
  kind: 'ext4' | 'tmpfs',
  work: (disk: { readonly site: Site; readonly mount: string; cutPower(): Promise<void> }) => Promise<Figures>,
): Promise<Figures> {
  need('root');
  if (kind === 'ext4') need('loop');
  const mount = `${rig.site.home}-disk`;
  const image = `${mount}.img`;
  mkdirSync(mount);
  if (kind === 'ext4') {
    machine('truncate', '-s', '64M', image);
    machine('mkfs.ext4', '-q', '-F', image);
    machine('mount', '-o', 'loop', image, mount);
  } else machine('mount', '-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', mount);
  try {
    const site = rig.moveTo(join(mount, 'home'));
    const figures = await work({
      site,
      mount,
      // What has not reached the device is not in the copy; the copy is what the machine finds when the power is back.
      cutPower: async () => {
        await rig.killTowers();
        copyFileSync(image, `${image}.cut`);
        machine('umount', mount);
        copyFileSync(`${image}.cut`, image);
        machine('mount', '-o', 'loop', image, mount);
      },
    });
    await rig.conclude(180_000);
    return figures;
  } finally {
    await rig.killTowers();
    leave('umount', '-l', mount);
    rmSync(image, { force: true });
    rmSync(`${image}.cut`, { force: true });
  }
}

const drops = (rig: Rig, chance: Chance, count: number): void => {
  for (let n = 0; n < count; n++)
    rig.drop({ agent: chance.fraction() < 0.5 ? 'one' : 'two', payload: chance.fraction() < 0.7 ? MARKET : RESTING });
};

/** The power fails at a failpoint. */
const cutAt = (point: string) => (rig: Rig) =>
  onDisk(rig, 'ext4', async ({ cutPower }) => {
    const tower = rig.launch({ TOWER_FAILPOINT: `${point}:kill` });
    rig.dropMany(3);
    await until(
      () => !tower.isRunning,
      20_000,
      () => `${point} was not reached`,
    );
    await cutPower();
    return { power_cuts: 1 };
  });

const randomCuts = (count: number, seed: number) => (rig: Rig) =>
  onDisk(rig, 'ext4', async ({ cutPower }) => {
    const chance = chanceOf(seed);
    for (let n = 0; n < count; n++) {
      await rig.start({}, { direct: true });
      drops(rig, chance, chance.whole(1, 4));
      await sleep(chance.whole(5, 400));
      await cutPower();
    }
    return { power_cuts: count };
  });

/** Strace that lets a system call fail; the tower stays the child, the tracer is its grandchild. */
function failing(call: string, rule: string): readonly string[] {
  need('strace');
  const calls = call === 'rename' ? 'rename,renameat,renameat2' : call === 'unlink' ? 'unlink,unlinkat' : call;
  return [
    'strace',
    '-D',
    '-f',
    '--seccomp-bpf',
    '-o',
    '/dev/null',
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${calls}:${rule}`,
  ];
}

/** The N-th call fails, N = 1, 2, 3…: the tower ends, or goes on; either way all comes right at last. */
async function nthFails(rig: Rig, call: string, error: string, upTo: number): Promise<Figures> {
  let ended = 0;
  for (let n = 1; n <= upTo; n++) {
    const under = failing(call, `error=${error}:when=${n}`);
    const tower = rig.launch({ UV_THREADPOOL_SIZE: '1' }, { under });
    rig.dropMany(2);
    const settled = rig.site.settled(4000).catch(() => {});
    await Promise.race([tower.exited, settled]);
    if (!tower.isRunning) ended++;
    else await tower.end('SIGKILL');
    if (ended > 0 && !tower.isRunning) await settled;
  }
  return { failed_calls: upTo, ended_by_it: ended };
}

/** Every sync fails from the N-th on: nothing may be sent on promises that cannot be kept. */
async function syncsFail(rig: Rig): Promise<Figures> {
  const dropped = rig.dropMany(2);
  const tower = rig.launch({ UV_THREADPOOL_SIZE: '1' }, { under: failing('fsync', 'error=EIO:when=1+') });
  await until(
    () => !tower.isRunning,
    20_000,
    () => 'the tower goes on although no sync works',
  );
  must(rig.posted === 0, `${rig.posted} orders of ${dropped.length} were sent`);
  const { code } = await tower.exited;
  must(code !== 0, 'ended as if all were well');
  return { exit: code ?? -1, posts: 0 };
}

/** Writing an answer or an archive fails once: it is written again, and orders go on. */
const answerFails = (point: string, error: string) => async (rig: Rig) => {
  await rig.start({ TOWER_FAILPOINT: `${point}:${error}` });
  rig.dropMany(4);
  await rig.site.settled(20_000);
  must(rig.posted === 4, `${rig.posted} POSTs`);
  return { posts: rig.posted };
};

const diskFull = (rig: Rig) =>
  onDisk(rig, 'tmpfs', async ({ site, mount }) => {
    await rig.start();
    const open = rig.drop({ payload: RESTING });
    await rig.answered(open, ({ status }) => status === 'success');
    const reserve = join(site.home, 'data', 'reserve');
    await until(
      () => existsSync(reserve),
      5000,
      () => 'there is no reserve',
    );
    const before = rig.posted;
    const ballast = join(mount, 'ballast');
    const cancel = site.prepare([{ type: 'cancelorder', payload: { client_order_id: open.clientOrderId } }]);
    const cancelled = site.dropped.at(-1);
    must(cancelled !== undefined, 'nothing prepared');
    // Agents write while there is space; the names appear when there is none.
    const release = site.prepare(Array.from({ length: 40 }, () => ({})));
    const { bavail, bsize } = statfsSync(mount);
    try {
      writeFileSync(ballast, Buffer.alloc(bavail * bsize));
    } catch (error) {
      // The tower wrote at the same time: the disk is full all the same.
      must(error instanceof Error && error.message.startsWith('ENOSPC'), String(error));
    }
    release();
    await until(
      () => !existsSync(reserve),
      5000,
      () => `the reserve is not freed; the tower ${rig.isAnyRunning ? 'runs' : 'ended'}`,
    );
    const askedAt = performance.now();
    cancel();
    await rig
      .answered(cancelled, ({ status }) => status === 'success')
      .catch((error: unknown) => {
        throw new Error(`${rig.isAnyRunning ? '' : 'the tower ended: '}${String(error)}`);
      });
    const cancelMs = Math.round(performance.now() - askedAt);
    await sleep(3000);
    const sent = rig.posted - before;
    const alive = rig.isAnyRunning;
    must(sent === 0, `${sent} orders were sent`);
    must(!existsSync(reserve), 'the reserve was not freed');
    rmSync(ballast);
    const startedAt = performance.now();
    if (!rig.isAnyRunning) await rig.start();
    await site.settled(60_000);
    return {
      sent_while_full: sent,
      cancel_ms: cancelMs,
      went_on: String(alive),
      seconds_to_recover: Math.round((performance.now() - startedAt) / 1000),
    };
  });

/** Room gets short, not yet gone: orders wait in their folder, and a cancel goes. */
const diskShort = (rig: Rig) =>
  onDisk(rig, 'tmpfs', async ({ site, mount }) => {
    await rig.start();
    const open = rig.drop({ payload: RESTING });
    await rig.answered(open, ({ status }) => status === 'success');
    const before = rig.posted;
    const release = site.prepare(Array.from({ length: 10 }, () => ({})));
    const ballast = join(mount, 'ballast');
    const { bavail, bsize } = statfsSync(mount);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - 1_200_000));
    await sleep(1000);
    release();
    const askedAt = performance.now();
    const cancel = rig.drop({ type: 'cancelorder', payload: { client_order_id: open.clientOrderId } });
    await rig.answered(cancel, ({ status }) => status === 'success');
    const cancelMs = Math.round(performance.now() - askedAt);
    await sleep(1000);
    must(rig.posted === before, `${rig.posted - before} orders were sent`);
    must(rig.isAnyRunning, 'the tower ended');
    rmSync(ballast);
    const startedAt = performance.now();
    await site.settled(30_000);
    return { sent_while_short: 0, cancel_ms: cancelMs, ms_to_recover: Math.round(performance.now() - startedAt) };
  });

const readOnly = (rig: Rig) =>
  onDisk(rig, 'ext4', async ({ mount, cutPower }) => {
    const tower = await rig.start();
    await rig.answered(rig.drop());
    const before = rig.posted;
    rig.dropMany(3);
    machine('mount', '-o', 'remount,abort', mount);
    await sleep(3000);
    const ended = !tower.isRunning;
    const sent = rig.posted - before;
    await cutPower();
    return { ended: String(ended), sent_around_the_fault: sent };
  });

async function limited(rig: Rig, limit: string): Promise<Figures> {
  need('prlimit');
  const tower = rig.launch({}, { under: ['prlimit', limit] });
  rig.dropMany(20);
  const settled = rig.site.settled(6000).catch(() => {});
  await Promise.race([tower.exited, settled]);
  const ended = !tower.isRunning;
  if (!ended) await tower.end('SIGKILL');
  await settled;
  return { ended_by_it: String(ended) };
}

async function otherFileSystem(rig: Rig): Promise<Figures> {
  need('root');
  const processing = join(rig.site.home, 'orders', 'processing');
  mkdirSync(processing, { recursive: true });
  machine('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', processing);
  try {
    const tower = rig.launch();
    rig.dropMany(2);
    await Promise.race([tower.exited, sleep(5000)]);
    must(!tower.isRunning, 'it started although processing/ lies on another file system');
    const { code } = await tower.exited;
    must(code === 2, `ended with ${code}:\n${tower.output.slice(-600)}`);
    return { exit: code };
  } finally {
    await rig.killTowers();
    leave('umount', '-l', processing);
  }
}

async function slowSyncs(rig: Rig): Promise<Figures> {
  const startedAt = performance.now();
  await rig.start({}, { under: failing('fsync', 'delay_enter=200000') });
  rig.dropMany(10);
  await rig.site.settled(60_000);
  return { orders: 10, seconds: Math.round((performance.now() - startedAt) / 1000) };
}

const DATABASE = ['tower.db', 'tower.db-wal', 'tower.db-shm'];

/** A start on a journal that is shorter than it was must say so; true when it did. Then the file that knows is taken away. */
async function isRefused(rig: Rig): Promise<boolean> {
  const before = rig.wire.seen.length;
  const tower = rig.launch();
  await Promise.race([tower.exited, tower.ready().catch(() => {})]);
  if (tower.isRunning) {
    await tower.end('SIGKILL');
    return false;
  }
  const { code } = await tower.exited;
  const tip = join(rig.site.home, 'data', 'tower.tip');
  must(code === 2 && tower.output.includes(tip), `ended with ${code}:\n${tower.output.slice(-800)}`);
  must(rig.wire.seen.length === before, 'a refused start has asked the broker');
  rmSync(tip);
  return true;
}

/** The journal is gone, or yesterday's, or without its log; the same files are dropped again: no order twice. */
async function journalLost(rig: Rig, how: 'deleted' | 'yesterday' | 'without its log'): Promise<Figures> {
  const data = join(rig.site.home, 'data');
  const first = await rig.start();
  rig.drop();
  await rig.site.settled(20_000);
  await first.end();
  copyFileSync(join(data, 'tower.db'), join(rig.folder, 'yesterday.db'));
  const second = await rig.start();
  const dropped = rig.dropMany(4);
  await rig.site.settled(20_000);
  if (how === 'without its log') {
    await second.end('SIGKILL');
    rmSync(join(data, 'tower.db-wal'));
  } else {
    await second.end();
    for (const name of DATABASE) rmSync(join(data, name), { force: true });
    if (how === 'yesterday') copyFileSync(join(rig.folder, 'yesterday.db'), join(data, 'tower.db'));
  }
  rig.journalLost = true;
  rig.site.forgetAll();
  rmSync(join(rig.site.home, 'responses'), { recursive: true });
  for (const { stem } of dropped) rmSync(join(rig.site.home, 'orders', 'completed', `${stem}.json`), { force: true });
  for (const again of dropped) rig.site.dropAgain(again);
  if (how !== 'deleted') must(await isRefused(rig), 'a tower started on a journal that is shorter than it was');
  await rig.start();
  await rig.site.settled(60_000);
  const orders = rig.ledger().filter(({ accepted }) => accepted).length;
  must(orders === 5, `${orders} orders for 5 requests`);
  return { requests: 5, dropped_again: 4, orders, ...(how === 'deleted' ? {} : { refused_first: 1 }) };
}

async function archiveTaken(rig: Rig): Promise<Figures> {
  const dropped = rig.drop();
  const planted = join(rig.site.home, 'orders', 'completed', `${dropped.stem}.json`);
  mkdirSync(join(rig.site.home, 'orders', 'completed'), { recursive: true });
  writeFileSync(planted, 'something else');
  await rig.start();
  await rig.answered(dropped, ({ final }) => final);
  await sleep(1500);
  must(readFileSync(planted, 'utf8') === 'something else', 'the planted file was overwritten');
  const beside = readdirSync(dirname(planted)).find(
    (name) => name.startsWith(`${dropped.stem}.`) && name !== basename(planted),
  );
  must(beside !== undefined, 'nothing was archived beside it');
  must(readFileSync(join(dirname(planted), beside), 'utf8') === dropped.bytes, 'other bytes were archived beside it');
  rmSync(planted);
  renameSync(join(dirname(planted), beside), planted);
  return { overwritten: 0 };
}

async function foreignThings(rig: Rig): Promise<Figures> {
  const processing = join(rig.site.home, 'orders', 'processing');
  mkdirSync(join(processing, 'a-folder'), { recursive: true });
  writeFileSync(join(processing, 'notes.txt'), 'mine');
  await rig.start();
  await rig.answered(rig.drop(), ({ final }) => final);
  must(existsSync(join(processing, 'a-folder')), 'a folder in processing/ was taken away');
  must(readFileSync(join(processing, 'notes.txt'), 'utf8') === 'mine', 'a file in processing/ was touched');
  rmSync(join(processing, 'a-folder'), { recursive: true });
  rmSync(join(processing, 'notes.txt'));
  return { touched: 0 };
}

/** Thousands of names that are not to be taken, and an order among them. */
async function crowded(rig: Rig): Promise<Figures> {
  const incoming = join(rig.site.home, 'orders', 'incoming');
  for (let n = 0; n < 20_000; n++) writeFileSync(join(incoming, `.crowd-${n}.tmp`), '');
  await rig.start();
  let worst = 0;
  for (let n = 0; n < 5; n++) {
    const startedAt = performance.now();
    await rig.answered(rig.drop(), ({ status }) => status === 'success');
    worst = Math.max(worst, performance.now() - startedAt);
  }
  must(worst < 3000, `an order waited ${Math.round(worst)} ms`);
  return { other_names: 20_000, slowest_answer_ms: Math.round(worst) };
}

const ANSWER_POINTS = [
  'k07a-response-temp',
  'k07b-response-written',
  'k07c-response-synced',
  'k07d-response-renamed',
  'k23-archive-temp',
];

export const diskRows = (seed: number): readonly Row[] => [
  ...[
    'k07a-response-temp',
    'k07b-response-written',
    'k07c-response-synced',
    'k07d-response-renamed',
    'k07e-response-folder-synced',
  ].map((point) => row(`B01.${point}`, 'power cut while an answer is written', cutAt(point))),
  ...['k06-d2-done', 'k10-d4-done', 'k19-d5-done', 'k22-d7-done'].map((point) =>
    row(`B02.${point}`, 'power cut after a commit', cutAt(point)),
  ),
  row('B02.random', 'power cuts at 30 random moments under load', randomCuts(30, seed), 1.5),
  row('B03', 'power cut while the database is made', cutAt('k31-migrate')),
  row('B04', 'the N-th sync fails once', (rig) => nthFails(rig, 'fsync', 'EIO', 24), 1.5),
  row('B05', 'every sync fails', syncsFail),
  ...ANSWER_POINTS.map((point) => row(`B07.${point}`, 'EIO in an answer', answerFails(point, 'eio'))),
  row('B09', 'disk full', diskFull),
  row('B09.short', 'little room left on the disk', diskShort),
  row('B10', 'no space for answers', answerFails('k07b-response-written', 'enospc')),
  row('B11', 'files may not grow', (rig) => limited(rig, '--fsize=60000')),
  row('B13', 'file system becomes read-only', readOnly),
  row('B14', 'processing/ on another file system', otherFileSystem),
  row('B15.rename', 'the N-th rename fails once', (rig) => nthFails(rig, 'rename', 'EIO', 8), 0.5),
  row('B15.link', 'the N-th link fails once', (rig) => nthFails(rig, 'link', 'EIO', 3)),
  row('B15.unlink', 'the N-th unlink fails once', (rig) => nthFails(rig, 'unlink', 'EACCES', 6), 0.5),
  row('B16', 'hardly any file descriptors', (rig) => limited(rig, '--nofile=40')),
  row('B17', 'every sync takes 0.2 s longer', slowSyncs),
  row('B20', 'journal deleted, files dropped again', (rig) => journalLost(rig, 'deleted')),
  row('B21', "yesterday's journal, files dropped again", (rig) => journalLost(rig, 'yesterday')),
  row('B22', 'the log of the journal deleted, files dropped again', (rig) => journalLost(rig, 'without its log')),
  row('B23', 'archive name taken by something else', archiveTaken),
  row('B24', 'foreign things in processing/', foreignThings),
  row('B25', '20,000 other names in incoming/', crowded),
];
