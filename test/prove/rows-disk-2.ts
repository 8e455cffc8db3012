/**
 * B06, B08, B12, B18: one system call on one file or folder fails or hangs, by strace. Must never pass when the fault was not
 * met: the tracer's own record says how often it was.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { type Child, sleep, until } from './process.ts';
import type { Rig } from './rig.ts';
import { type Figures, must, need, type Row } from './row.ts';

interface Fault {
  /** System calls by name, separated by commas. */
  readonly calls: string;
  /** As strace takes it: `error=EIO:when=1..2`. */
  readonly rule: string;
  /** Only on this file or folder, which must be there. */
  readonly path?: string;
}

/** Words before the tower's, and how often the fault was met. The tower is the tracer's parent, as a person would see it. */
function tracer(rig: Rig, { calls, rule, path }: Fault): { readonly under: readonly string[]; met(): number } {
  need('strace');
  const record = join(rig.folder, `strace-${tracers++}`);
  const only = path === undefined ? [] : ['-P', path];
  return {
    under: [
      'strace',
      '-D',
      '-f',
      '--seccomp-bpf',
      '-o',
      record,
      ...only,
      '-e',
      `trace=${calls}`,
      '-e',
      `inject=${calls}:${rule}`,
    ],
    met: () =>
      existsSync(record) ? (readFileSync(record, 'utf8').match(/\((?:INJECTED|DELAYED)\)/g)?.length ?? 0) : 0,
  };
}
let tracers = 0;

interface Entry {
  readonly id: string;
  readonly receipt: string;
  readonly state: string;
}

/** The journal of a home as a new start would find it, without touching it; in the order of `seq`. */
export function entriesOf(home: string, scratch: string): readonly Entry[] {
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  for (const name of readdirSync(join(home, 'data')))
    if (/^tower\.db(?:-wal)?$/.test(name)) copyFileSync(join(home, 'data', name), join(scratch, name));
  const db = new Sqlite(join(scratch, 'tower.db'));
  try {
    return db.prepare('SELECT client_order_id AS id, receipt, state FROM requests ORDER BY seq').all() as Entry[];
  } finally {
    db.close();
  }
}

const ended = (tower: Child, ms: number, words: string): Promise<unknown> =>
  until(
    () => !tower.isRunning,
    ms,
    () => words,
  );

/**
 * The sync of a commit fails, the N-th, N = 1, 2, 3…: the tower ends, and what the failed commit wrote may be on the disk all
 * the same. A sending that is there counts as one that may have left: it is looked up before anything is sent.
 */
async function failedCommits(rig: Rig): Promise<Figures> {
  const first = await rig.start();
  await rig.answered(rig.drop());
  // Its log stays.
  await first.end('SIGKILL');
  const log = join(rig.site.home, 'data', 'tower.db-wal');
  let sendings = 0;
  let admissions = 0;
  let failures = 0;
  for (let n = 1; n <= 24 && (sendings < 2 || admissions < 2); n++) {
    const { under, met } = tracer(rig, { calls: 'fsync,fdatasync', rule: `error=EIO:when=${n}`, path: log });
    const from = rig.wire.seen.length;
    const order = rig.drop();
    const tower = rig.launch({}, { under });
    const answered = rig.answered(order, ({ sent }) => sent === 'yes', 8000).catch(() => {});
    await Promise.race([tower.exited, answered]);
    // Answered, and something of it is still to be marked.
    if (tower.isRunning) await Promise.race([tower.exited, sleep(met() > 0 ? 5000 : 1000)]);
    if (tower.isRunning) {
      await tower.end('SIGKILL');
      must(met() === 0, `the ${n}. sync failed, and the tower went on`);
      break;
    }
    must(met() === 1, `it ended, and the ${n}. sync had not failed:\n${tower.output.slice(-800)}`);
    must((await tower.exited).code !== 0, 'it ended as if all were well');
    failures++;
    const state = entriesOf(rig.site.home, join(rig.folder, 'found')).find(
      ({ id }) => id === order.clientOrderId,
    )?.state;
    const left = rig.wire.seen
      .slice(from)
      .filter(({ method, url }) => method === 'POST' && url === '/v2/orders').length;
    const since = rig.wire.seen.length;
    const next = await rig.start();
    await rig.answered(order, ({ sent }) => sent === 'yes', 30_000);
    // By its id; the list of all orders says it too.
    const said = rig.wire.seen.slice(since).filter(({ url }) => /client_order_id=|^\/v2\/orders(?:\?|$)/.test(url));
    if (state === 'sending') {
      must(said[0]?.method === 'GET', `a sending of unknown fate was followed by ${said[0]?.method} ${said[0]?.url}`);
      const again = said.filter(({ method }) => method === 'POST').length;
      must(again === (left === 0 ? 1 : 0), `${left} POSTs before the fault, ${again} after it`);
      if (left === 0) sendings++;
    } else if (state === 'admitted') admissions++;
    const orders = rig.posts(order).filter(({ accepted }) => accepted).length;
    must(orders === 1, `${orders} orders after the ${n}. sync had failed in state ${state}`);
    await next.end('SIGKILL');
  }
  must(sendings > 0, 'no failed commit left a sending on the disk: nothing was proved');
  return {
    failed_commits: failures,
    kills: 2 * failures,
    rows_there_admitted: admissions,
    rows_there_sending: sendings,
  };
}

/** The sync of the folder of answers, or of the archive, fails: written again, and orders go on. */
const folderSyncFails =
  (which: 'answers' | 'archive') =>
  async (rig: Rig): Promise<Figures> => {
    const first = await rig.start();
    const before = rig.drop();
    await rig.site.settled(20_000);
    await first.end();
    const path = which === 'answers' ? join(before.answer, '..') : join(rig.site.home, 'orders', 'completed');
    const { under, met } = tracer(rig, { calls: 'fsync', rule: 'error=EIO:when=1..3', path });
    await rig.start({ UV_THREADPOOL_SIZE: '1' }, { under });
    const posted = rig.posted;
    rig.dropMany(6);
    await rig.site.settled(40_000);
    must(met() === 3, `the sync of ${path} failed ${met()} times, not 3`);
    must(rig.isAnyRunning, 'the tower ended');
    must(rig.posted - posted === 6, `${rig.posted - posted} POSTs for 6 orders`);
    return { failed_syncs: met(), orders: 6 };
  };

/** The sync that makes the journal's name durable fails at the start: nothing is taken. */
async function dataSyncFails(rig: Rig): Promise<Figures> {
  const first = await rig.start();
  await first.end();
  const path = join(rig.site.home, 'data');
  const { under, met } = tracer(rig, { calls: 'fsync', rule: 'error=EIO:when=1+', path });
  rig.dropMany(2);
  const tower = rig.launch({ UV_THREADPOOL_SIZE: '1' }, { under });
  await ended(tower, 20_000, 'the tower goes on although the name of its journal is not durable');
  const { code } = await tower.exited;
  must(met() > 0 && code !== 0, `ended with ${code} after ${met()} failed syncs`);
  must(rig.posted === 0, `${rig.posted} orders were sent`);
  return { exit: code ?? -1, posts: 0 };
}

/** No room in the database while the log is copied into it: nothing is lost, and it is copied later. */
async function checkpointFails(rig: Rig): Promise<Figures> {
  const first = await rig.start();
  await rig.answered(rig.drop());
  await first.end();
  const file = join(rig.site.home, 'data', 'tower.db');
  // Each copy of the log ends at its first page that cannot be written.
  const { under, met } = tracer(rig, {
    calls: 'write,pwrite64,pwritev,pwritev2',
    rule: 'error=ENOSPC:when=1..2',
    path: file,
  });
  const before = readFileSync(file).length;
  const tower = await rig.start({}, { under });
  for (let n = 0; n < 30 && met() < 2; n++) {
    rig.dropMany(80, { type: 'accountinfo', payload: {} });
    await rig.site.settled(60_000);
    await sleep(200);
  }
  must(met() === 2, `the copy failed ${met()} times, not 2`);
  must(tower.isRunning, 'the tower ended because its log could not be copied');
  const told = entriesOf(rig.site.home, join(rig.folder, 'found')).length;
  must(told === rig.site.dropped.length, `${told} of ${rig.site.dropped.length} requests are in the journal`);
  // Now there is room.
  for (let n = 0; n < 30 && readFileSync(file).length <= before; n++) {
    rig.dropMany(80, { type: 'accountinfo', payload: {} });
    await rig.site.settled(60_000);
    await sleep(200);
  }
  must(readFileSync(file).length > before, 'the log was never copied again');
  await tower.end('SIGKILL');
  return { failed_copies: met(), requests: rig.site.dropped.length, kills: 1 };
}

const HUNG_MS = 60_000;

/**
 * One commit hangs for a minute: nothing is taken and nothing leaves meanwhile, status says that the tower may hang, and an
 * order whose time has passed is not sent when it goes on.
 */
async function hangs(rig: Rig): Promise<Figures> {
  const first = await rig.start();
  await rig.answered(rig.drop());
  await first.end('SIGKILL');
  const log = join(rig.site.home, 'data', 'tower.db-wal');
  // Not the commits of the start: the next after they are done.
  const { under, met } = tracer(rig, {
    calls: 'fsync,fdatasync',
    rule: `delay_enter=${HUNG_MS * 1000}:when=40`,
    path: log,
  });
  const tower = await rig.start({}, { under });
  for (let n = 0; n < 60 && met() === 0; n++) {
    const order = rig.drop({ type: 'accountinfo', payload: {} });
    await Promise.race([rig.answered(order).catch(() => {}), sleep(4000)]);
    if (rig.site.answer(order) === null) break;
  }
  const startedAt = performance.now();
  const orders = [...rig.dropMany(5, { sendBy: 20 }), ...rig.dropMany(5, { sendBy: 600 })];
  const incoming = join(rig.site.home, 'orders', 'incoming');
  const before = rig.posted;
  const seen = rig.wire.seen.length;
  await sleep(30_000);
  const waiting = readdirSync(incoming).length;
  must(waiting === orders.length, `${orders.length - waiting} files were taken while the journal hung`);
  must(rig.wire.seen.slice(seen).length === 0, 'requests left while the journal hung');
  const { output } = await rig.command(['status']);
  must(/it may hang/.test(output), `status does not say that it may hang:\n${output}`);
  await until(
    () => rig.posted > before || !tower.isRunning,
    HUNG_MS,
    () => 'nothing was sent after the disk was back',
  );
  const hungMs = Math.round(performance.now() - startedAt);
  must(hungMs > 40_000, `it hung for ${hungMs} ms only`);
  if (!tower.isRunning) await rig.start();
  await rig.site.settled(60_000);
  const late = orders.slice(0, 5).filter((order) => rig.posts(order).length > 0).length;
  must(late === 0, `${late} orders were sent after their time`);
  for (const order of orders.slice(0, 5))
    must(rig.site.answer(order)?.sent === 'no', `${order.clientOrderId}: not told`);
  for (const order of orders.slice(5)) must(rig.posts(order).length === 1, `${order.clientOrderId}: not sent once`);
  return { hung_s: Math.round(hungMs / 1000), taken: 0, requests_meanwhile: 0, late_orders: 0 };
}

const row = (id: string, title: string, run: Row['run'], minutes?: number): Row => ({
  id,
  title,
  promises: ['p2', 'p1'],
  ...(minutes === undefined ? {} : { minutes }),
  run,
});

export const diskFaultRows: readonly Row[] = [
  row('B06', 'a commit fails, and what it wrote is there after the restart', failedCommits, 1),
  row('B08.answers', 'EIO where the folder of answers is synced', folderSyncFails('answers')),
  row('B08.archive', 'EIO where the folder of the archive is synced', folderSyncFails('archive')),
  row('B08.data', "EIO where the journal's folder is synced", dataSyncFails),
  row('B12', 'no room while the log is copied into the database', checkpointFails, 0.5),
  row('B18', 'the disk hangs for a minute in a commit', hangs, 1.5),
];
