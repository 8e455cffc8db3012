/**
 * A03 to A15 and G: processes that are killed while they recover, stopped, starved, started twice, and held to the budget.
 * Must never end a process that the row did not start.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { type Child, sleep, until } from './process.ts';
import { RESTING, type Rig } from './rig.ts';
import { type Figures, must, type Row, Unavailable } from './row.ts';
import { at, latencies } from './rows-intake.ts';
import { Tap } from './tap.ts';
import { type Seen, Wire } from './wire.ts';

const row = (id: string, title: string, promises: readonly string[], run: Row['run'], minutes?: number): Row => ({
  id,
  title,
  promises,
  ...(minutes === undefined ? {} : { minutes }),
  run,
});

/** Whether a process stands still (SIGSTOP). */
const isStopped = (pid: number): boolean => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

async function killedWhileRecovering(rig: Rig): Promise<Figures> {
  await rig.start({ TOWER_FAILPOINT: 'k10-d4-done:kill@3' });
  rig.dropMany(6);
  await until(
    () => !rig.isAnyRunning,
    10_000,
    () => 'the first tower is still alive',
  );
  for (const nth of [1, 2, 3]) {
    const { signal } = await rig.launch({ TOWER_FAILPOINT: `k27-in-recovery:kill@${nth}` }).exited;
    must(signal === 'SIGKILL', `recovery ${nth} ended by ${signal}`);
  }
  return { depth: 3 };
}

/** Stops the process at a point for longer than every HTTP timeout, then lets it go on. */
async function stoppedAt(rig: Rig, point: string, ms: number): Promise<Figures> {
  const tower = await rig.start({ TOWER_FAILPOINT: `${point}:stop` });
  rig.dropMany(3);
  await until(
    () => isStopped(tower.pid),
    10_000,
    () => `${point} was not reached`,
  );
  await sleep(ms);
  tower.signal('SIGCONT');
  await rig.site.settled(30_000);
  return { stopped_s: ms / 1000, posts: rig.posted };
}

async function termUnderLoad(rig: Rig): Promise<Figures> {
  const tower = await rig.start();
  rig.wire.hook = async (passing) => {
    if (passing.method === 'POST') await sleep(300);
    return false;
  };
  rig.dropMany(40);
  await until(
    () => rig.posted > 5,
    5000,
    () => 'no orders',
  );
  const startedAt = performance.now();
  const code = await tower.end('SIGTERM', 12_000);
  must(code === 0, `ended with ${code}:\n${tower.output.slice(-1000)}`);
  return { exit: code, seconds: Math.round((performance.now() - startedAt) / 100) / 10, sent_before: rig.posted };
}

async function termThenKill(rig: Rig): Promise<Figures> {
  const tower = await rig.start();
  rig.wire.hook = async (passing) => {
    if (passing.method === 'POST') await sleep(3000);
    return false;
  };
  rig.dropMany(12);
  await until(
    () => rig.posted > 2,
    5000,
    () => 'no orders',
  );
  tower.signal('SIGTERM');
  await sleep(1000);
  await tower.end('SIGKILL');
  return { kills: 1 };
}

/** Something throws where nothing may: the process must end by itself, and say so. */
async function throwAt(rig: Rig, point: string, action: string): Promise<Figures> {
  const tower = await rig.start({ TOWER_FAILPOINT: `${point}:${action}` });
  rig.dropMany(3);
  await until(
    () => !tower.isRunning,
    15_000,
    () => `still running after ${action} at ${point}`,
  );
  const { code } = await tower.exited;
  must(code === 1, `ended with ${code}:\n${tower.output.slice(-800)}`);
  return { exit: code };
}

async function outOfMemory(rig: Rig): Promise<Figures> {
  const note = 'x'.repeat(3000);
  for (let n = 0; n < 400; n++) rig.drop({ agent: `agent${n % 7}`, payload: { ...RESTING, note } });
  rig.dropMany(100);
  let deaths = 0;
  for (const megabytes of [24, 28, 32]) {
    const tower = rig.launch({ NODE_OPTIONS: `--max-old-space-size=${megabytes}` });
    await Promise.race([tower.exited, sleep(6000)]);
    if (tower.isRunning) await tower.end('SIGKILL');
    else deaths++;
  }
  return { out_of_memory: deaths, files: 500 };
}

/** Nothing runs but one thing, for five seconds. */
async function blockedLoop(rig: Rig): Promise<Figures> {
  await rig.start({ TOWER_FAILPOINT: 'k11-bytes-out:delay=5000' });
  rig.dropMany(5);
  await rig.site.settled(30_000);
  return { posts: rig.posted };
}

/** A second tower on the same home. */
async function secondTower(rig: Rig): Promise<Figures> {
  const first = await rig.start();
  const second = rig.launch();
  const { code } = await second.exited;
  must(code === 3, `the second ended with ${code}:\n${second.output.slice(-800)}`);
  must(
    second.output.includes(String(first.pid)),
    `it does not name process ${first.pid}:\n${second.output.slice(-800)}`,
  );
  rig.drop();
  return { exit: code };
}

/** Two towers with journals of their own get the same files for the same account. */
async function twins(rig: Rig): Promise<Figures> {
  const otherLine = new Wire(rig.exchangeUrl);
  await otherLine.open();
  try {
    const twin = rig.newSite(`${rig.site.home}-twin`);
    const env = { ALPACA_PAPER_BASE_URL: otherLine.url, ALPACA_DATA_BASE_URL: otherLine.url };
    await rig.start();
    await rig.start(env, { site: twin });
    for (let n = 0; n < 20; n++) {
      const timestamp = `202601010000000001${String(n).padStart(2, '0')}`;
      rig.drop({ timestamp });
      twin.drop({ timestamp });
    }
    await rig.site.settled(60_000);
    await twin.settled(60_000);
    const accepted = rig.ledger().filter(({ accepted: done }) => done).length;
    must(accepted === 20, `${accepted} orders for 20 requests`);
    await rig.conclude();
    return { requests: 20, orders: accepted, absorbed: rig.ledger().length - accepted };
  } finally {
    await otherLine.end();
  }
}

async function staleLock(rig: Rig): Promise<Figures> {
  const tower = await rig.start();
  await tower.end('SIGKILL');
  const startedAt = performance.now();
  await rig.start();
  const ms = Math.round(performance.now() - startedAt);
  rig.drop();
  return { start_ms: ms };
}

/** One file ends the tower each time it is judged; whoever starts it again and again gets it to run. */
async function crashLoop(rig: Rig): Promise<Figures> {
  const first = await rig.start();
  await rig.answered(rig.drop());
  await first.end();
  const before = [...rig.dropMany(4), rig.drop({ agent: 'other' })];
  const poison = rig.drop({ agent: 'poison' });
  const after = [...rig.dropMany(4), rig.drop({ agent: 'other' })];
  const env = { TOWER_FAILPOINT: `judge:kill~${createHash('sha256').update(poison.bytes).digest('hex')}` };
  let crashes = 0;
  for (;;) {
    const tower = rig.launch(env);
    const done = rig.answered(poison, ({ final }) => final, 10_000).catch(() => {});
    await Promise.race([tower.exited, done]);
    if (tower.isRunning) break;
    must((await tower.exited).signal === 'SIGKILL', `it ended by itself:\n${tower.output.slice(-800)}`);
    crashes++;
    must(crashes <= 3, 'the file is still tried after three crashes');
  }
  must(crashes === 3, `given up after ${crashes} crashes`);
  const answer = rig.site.answer(poison);
  must(answer?.error?.code === 'internal' && answer.sent === 'no', `it is told ${JSON.stringify(answer)}`);
  must(/ended 3 times/.test(answer.error.message), answer.error.message);
  for (const order of [...before, ...after]) await rig.answered(order, ({ sent }) => sent === 'yes');
  const kept = join(rig.site.home, 'orders', 'failed', `${poison.stem}.json`);
  await until(
    () => existsSync(kept) && readFileSync(kept, 'utf8') === poison.bytes,
    10_000,
    () => 'it is not in the archive as it was',
  );
  // With the fault still in it the tower goes on, and the others wait no longer than before.
  const waits = await latencies(rig, 'other', 40);
  must(at(waits, 1) < 3000, `an answer took ${at(waits, 1)} ms`);
  must(rig.posts(poison).length === 0, 'it was sent');
  return {
    crashes,
    others: before.length + after.length,
    others_p50_ms: at(waits, 0.5),
    others_p99_ms: at(waits, 0.99),
  };
}

async function newerJournal(rig: Rig): Promise<Figures> {
  const tower = await rig.start();
  await rig.answered(rig.drop());
  await tower.end();
  const db = new Sqlite(join(rig.site.home, 'data', 'tower.db'));
  const version = Number(db.pragma('user_version', { simple: true }));
  db.pragma(`user_version = ${version + 1}`);
  // The newer tower has left its own; this row is about the schema alone.
  rmSync(join(rig.site.home, 'data', 'tower.tip'));
  const older = rig.launch();
  const { code } = await older.exited;
  must(code === 2 && older.output.includes(`schema ${version + 1}`), `ended with ${code}:\n${older.output}`);
  db.pragma(`user_version = ${version}`);
  db.close();
  return { exit: code };
}

/** Most requests that came in any stretch of so many milliseconds. */
export function mostIn(seen: readonly Seen[], windowMs: number): number {
  let most = 0;
  let from = 0;
  seen.forEach(({ at }, to) => {
    while ((seen[from]?.at ?? at) <= at - windowMs) from++;
    most = Math.max(most, to - from + 1);
  });
  return most;
}

type Windows = { readonly most_in_60_s: number; readonly most_in_1_s: number; readonly requests_seen: number };

export function windows(seen: readonly Seen[]): Windows {
  const figures = {
    most_in_60_s: mostIn(seen, 60_000),
    most_in_1_s: mostIn(seen, 1000),
    requests_seen: seen.length,
  };
  must(figures.most_in_60_s <= 200, `${figures.most_in_60_s} requests in 60 s`);
  must(figures.most_in_1_s <= 10, `${figures.most_in_1_s} requests in 1 s`);
  return figures;
}

const BUDGET = { TOWER_BUDGET_PER_MINUTE: '200', TOWER_BUDGET_PER_SECOND: '10', TOWER_SWEEP_INTERVAL_MS: '30000' };

/** A line that is looked at by nobody but a counter. */
export async function counted(rig: Rig, work: (tap: Tap, env: typeof BUDGET) => Promise<Figures>): Promise<Figures> {
  const tap = await Tap.open(rig.exchangeUrl);
  try {
    const env = { ...BUDGET, ALPACA_PAPER_BASE_URL: tap.url, ALPACA_DATA_BASE_URL: tap.url };
    rig.lastEnv = env;
    const figures = await work(tap, env);
    await rig.conclude();
    return figures;
  } finally {
    await rig.killTowers();
    await tap.end();
  }
}

/** Eight agents want more than there is; the account's limits hold at the socket, and a cancel does not wait. */
const saturated = (rig: Rig): Promise<Figures> =>
  counted(rig, async (tap, env) => {
    const resting = rig.drop({ agent: 'agent0', payload: RESTING });
    for (let n = 0; n < 320; n++) rig.drop({ agent: `agent${n % 8}` });
    await rig.start(env);
    await rig.answered(resting, ({ status }) => status === 'success');
    await sleep(4000);
    const asked = performance.now();
    const cancel = rig.drop({
      agent: 'agent0',
      type: 'cancelorder',
      payload: { client_order_id: resting.clientOrderId },
    });
    await rig.answered(cancel, ({ final }) => final, 60_000);
    await rig.site.settled(150_000);
    const { seen } = await tap.count();
    const sent = seen.find(({ method }) => method === 'DELETE');
    must(sent !== undefined, 'no cancel left');
    const wait = Math.round(sent.at - asked);
    must(wait < 1500, `the cancel left after ${wait} ms`);
    return { ...windows(seen), cancel_waited_ms: wait };
  });

/** Five times killed and started again within half a minute: what was spent before still counts. */
const saturatedAcrossKills = (rig: Rig): Promise<Figures> =>
  counted(rig, async (tap, env) => {
    for (let n = 0; n < 260; n++) rig.drop({ agent: `agent${n % 8}` });
    let tower: Child | null = null;
    for (let n = 0; n < 6; n++) {
      if (tower !== null) await tower.end('SIGKILL');
      tower = rig.launch(env);
      await sleep(4500);
    }
    await rig.site.settled(150_000);
    return { ...windows((await tap.count()).seen), kills: 5 };
  });

async function jitter(rig: Rig): Promise<Figures> {
  await rig.faults({ requests: [{ path: '/v2/*', fault: { kind: 'latency', delay_ms: 0, jitter_ms: 800 } }] });
  await rig.start();
  rig.dropMany(60);
  await rig.site.settled(60_000);
  return { orders: 60 };
}

const THROWS = [
  'k05-d2-mid',
  'k08-before-d4',
  'k09-d4-mid',
  'k10-d4-done',
  'k15-d5-mid',
  'k20-event-in-memory',
  'k21-d7-mid',
];

export const processRows: readonly Row[] = [
  row('A03', 'killed while it recovers, three deep', ['p1', 'p2'], killedWhileRecovering),
  row('A04.sending', 'stopped for 15 s with a sending journaled', ['p1'], (rig) =>
    stoppedAt(rig, 'k10-d4-done', 15_000),
  ),
  row('A04.bytes', 'stopped for 15 s with bytes on their way', ['p1'], (rig) =>
    stoppedAt(rig, 'k11-bytes-out', 15_000),
  ),
  row('A04.answer', 'stopped for 15 s in an answer', ['p1'], (rig) => stoppedAt(rig, 'k07d-response-renamed', 15_000)),
  row('A05', 'SIGTERM under load', ['p2'], termUnderLoad),
  row('A06', 'SIGTERM, and SIGKILL a second later', ['p1', 'p2'], termThenKill),
  ...THROWS.map((point) =>
    row(`A07.${point}`, 'an error where none may be', ['p1'], (rig) => throwAt(rig, point, 'throw')),
  ),
  row('A08', 'out of memory with 500 files waiting', ['p2'], outOfMemory, 0.5),
  row('A09', 'event loop blocked for 5 s', ['p1'], blockedLoop),
  row('A10', 'second tower on the same home', ['p1'], secondTower),
  row('A11', 'twin towers: same files, same account, journals of their own', ['p1'], twins),
  row('A12', 'lock of a killed tower', ['p2'], staleLock),
  row('A13', 'one file ends the tower each time it is judged', ['p1', 'p4'], crashLoop, 0.5),
  row('A14', 'journal of a newer tower', ['p2'], newerJournal),
  row('A15', 'upgrade in the middle of a sending', ['p1'], async () => {
    throw new Unavailable('only one schema exists so far: a restart of the same tower is A01.k10');
  }),
  row('G01', 'eight agents want more than the budget', ['p7'], saturated, 2.5),
  row('G02', 'killed five times under that load', ['p7'], saturatedAcrossKills, 2),
  row('G03', 'up to 0.8 s of jitter on every request', ['p1'], jitter),
];
