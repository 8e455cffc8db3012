/**
 * D01 to D06: a wall clock that jumps while a tower runs or sleeps, by a preloaded shim, and a broker whose clock is another.
 * Must never set the machine's clock.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep, until } from './process.ts';
import { RESTING, type Rig } from './rig.ts';
import { type Figures, machine, must, need, type Row } from './row.ts';
import { isOrder } from './rows-broker.ts';
import { entriesOf } from './rows-disk-2.ts';
import { counted, windows } from './rows-process.ts';

interface Jumper {
  readonly env: Readonly<Record<string, string>>;
  to(seconds: number): void;
}

/** A clock in the hands of the row, for towers started with its environment. */
function jumper(rig: Rig): Jumper {
  need('gcc');
  const library = join(rig.folder, 'clock-shim.so');
  machine(
    'gcc',
    '-shared',
    '-fPIC',
    '-O1',
    '-o',
    library,
    fileURLToPath(new URL('clock-shim.c', import.meta.url)),
    '-ldl',
  );
  const file = join(rig.folder, 'clock-offset');
  // At once: who reads it while it is empty would see the true time.
  const to = (seconds: number): void => {
    writeFileSync(`${file}.new`, String(seconds));
    renameSync(`${file}.new`, file);
  };
  to(0);
  return { env: { LD_PRELOAD: library, PROVE_CLOCK: file }, to };
}

/** Two hours back and forth while orders wait. */
const jumpsWhileRunning = (rig: Rig): Promise<Figures> =>
  counted(rig, async (tap, env) => {
    const clock = jumper(rig);
    rig.clockJumps = true;
    const dropped = rig.dropMany(60, { sendBy: 36_000 });
    const tower = await rig.start({ ...env, ...clock.env });
    for (const hours of [-2, 2, 0]) {
      await sleep(2000);
      clock.to(hours * 3600);
    }
    await rig.site.settled(60_000);
    for (const each of dropped)
      must(rig.posts(each).length === 1, `${each.clientOrderId}: sent more than once, or not`);
    for (const way of ['behind', 'ahead of']) {
      const words = `nobody was told of a clock that is ${way} Alpaca's`;
      must(tower.output.includes(`clock is 7200 s ${way} Alpaca's`), words);
    }
    return { jumps: 3, ...windows((await tap.count()).seen) };
  });

/** Two hours back between a kill and the next start. */
const backAcrossRestart = (rig: Rig): Promise<Figures> =>
  counted(rig, async (tap, env) => {
    const clock = jumper(rig);
    rig.clockJumps = true;
    rig.dropMany(60, { sendBy: 36_000 });
    const first = await rig.start({ ...env, ...clock.env });
    await sleep(3000);
    await first.end('SIGKILL');
    clock.to(-7200);
    await rig.start({ ...env, ...clock.env });
    await rig.site.settled(90_000);
    return { kills: 1, ...windows((await tap.count()).seen) };
  });

/** The machine slept: nothing ran for longer than an order may wait. */
async function slept(rig: Rig): Promise<Figures> {
  const clock = jumper(rig);
  rig.clockJumps = true;
  rig.wire.hook = isOrder;
  const tower = await rig.start(clock.env);
  const dropped = rig.drop({ sendBy: 60 });
  await sleep(500);
  tower.signal('SIGSTOP');
  clock.to(600);
  await sleep(500);
  const before = rig.posted;
  rig.wire.calm();
  tower.signal('SIGCONT');
  await sleep(4000);
  await tower.end('SIGKILL');
  rig.lastEnv = clock.env;
  await rig.start(clock.env);
  await rig.site.settled(180_000);
  must(rig.posted === before, 'a late order was sent after the sleep');
  return { late_orders: 0, answer: rig.site.answer(dropped)?.error?.code ?? 'success' };
}

/** The last seconds of a year with a leap second in it, and the hours in which New York changes its clocks. */
const MOMENTS = [
  { at: '2026-12-31T23:59:57Z', leap: -1 },
  { at: '2027-03-14T06:59:57Z', leap: 0 },
  { at: '2026-11-01T05:59:57Z', leap: 0 },
] as const;

/** Orders before, at and after a moment at which somebody's calendar does something. */
async function calendar(rig: Rig): Promise<Figures> {
  const clock = jumper(rig);
  rig.clockJumps = true;
  let orders = 0;
  for (const { at, leap } of MOMENTS) {
    let offset = Math.round((Date.parse(at) - Date.now()) / 1000);
    clock.to(offset);
    const from = Date.now() + offset * 1000;
    const dropped = [...rig.dropMany(20, { sendBy: offset + 60 })];
    const tower = await rig.start({ ...clock.env, TZ: 'America/New_York' });
    const drip = (): void => void dropped.push(rig.drop({ sendBy: offset + 60 }));
    while (Date.now() + offset * 1000 < Date.parse(at) + 3000) {
      drip();
      await sleep(150);
    }
    // 23:59:60 is written as 23:59:59 once more.
    offset += leap;
    clock.to(offset);
    for (let n = 0; n < 15; n++) {
      drip();
      await sleep(150);
    }
    await rig.site.settled(30_000);
    const to = Date.now() + offset * 1000;
    for (const each of dropped) {
      must(rig.posts(each).length === 1, `${at}: ${each.clientOrderId} was not sent once`);
      const answer = rig.site.answer(each);
      must(answer?.sent === 'yes', `${at}: ${each.clientOrderId}: ${JSON.stringify(answer?.error)}`);
      const said = Date.parse(answer.timestamp);
      must(said > from - 2000 && said < to + 2000, `${at}: an answer is dated ${answer.timestamp}`);
    }
    orders += dropped.length;
    must((await tower.end()) === 0, `${at}: the tower did not end well:\n${tower.output.slice(-800)}`);
  }
  clock.to(0);
  return { moments: MOMENTS.length, leap_seconds: 1, orders };
}

const weekdayOf = (at: number): string =>
  new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', weekday: 'short' }).format(at);
const isWeekend = (at: number): boolean => /^S/.test(weekdayOf(at));
const DAY_MS = 86_400_000;

/** The broker lives days ahead: somebody is told, and it is its day that counts for the hours of trading. */
async function otherDate(rig: Rig): Promise<Figures> {
  writeFileSync(
    join(rig.site.home, 'tower.config.json'),
    JSON.stringify({ limits: { account: { hours: '00:00-23:59' } } }),
    { mode: 0o600 },
  );
  const here = isWeekend(Date.now());
  let ahead = DAY_MS;
  while (isWeekend(Date.now() + ahead) === here) ahead += DAY_MS;
  rig.wire.hook = async (passing) => {
    const reply = await passing.forward();
    passing.reply({ ...reply, headers: { ...reply.headers, date: new Date(Date.now() + ahead).toUTCString() } });
    return true;
  };
  const tower = await rig.start();
  const told = (pattern: RegExp): number => tower.output.match(pattern)?.length ?? 0;
  const ask = async (): Promise<string> => {
    const order = rig.drop({ sendBy: null });
    const { error } = await rig.answered(order, ({ sent }) => sent !== 'unknown');
    return error?.code ?? 'success';
  };
  const expected = (weekend: boolean): string => (weekend ? 'risk_hours' : 'success');
  const off = new RegExp(`clock is ${ahead / 1000} s behind Alpaca's`, 'g');
  await until(
    () => told(off) > 0,
    15_000,
    () => `nobody is told:\n${tower.output.slice(-800)}`,
  );
  const there = await ask();
  must(there === expected(!here), `by the broker's day it would be ${expected(!here)}, not ${there}`);
  for (let n = 0; n < 20; n++) await rig.answered(rig.drop({ type: 'accountinfo', payload: {} }));
  must(told(off) === 1, `told ${told(off)} times`);
  rig.wire.calm();
  await until(
    () => told(/clock agrees with Alpaca's again/g) === 1,
    15_000,
    () => `nobody is told that it is right again:\n${tower.output.slice(-800)}`,
  );
  const again = await ask();
  must(again === expected(here), `by the right day it would be ${expected(here)}, not ${again}`);
  return { days_ahead: ahead / DAY_MS, told: 1, there, again };
}

/** The clock goes back between two heaps of orders, so that the younger have the older receipts; then a kill. */
async function orderOfSeq(rig: Rig): Promise<Figures> {
  const clock = jumper(rig);
  rig.clockJumps = true;
  const slow = { ...clock.env, TOWER_BUDGET_PER_SECOND: '3', TOWER_BUDGET_PER_MINUTE: '200' };
  const first = await rig.start(slow);
  const resting = rig.drop({ payload: RESTING, sendBy: 36_000 });
  await rig.answered(resting, ({ status }) => status === 'success');
  const older = rig.dropMany(12, { sendBy: 36_000 });
  const known = (): ReturnType<typeof entriesOf> => entriesOf(rig.site.home, join(rig.folder, 'found'));
  const has = (count: number): Promise<unknown> =>
    until(
      () => known().length === count,
      10_000,
      () => `${known().length} of ${count} are in the journal`,
    );
  await has(13);
  clock.to(-7200);
  const younger = rig.dropMany(12, { sendBy: 36_000 });
  await has(25);
  await first.end('SIGKILL');
  const entries = known();
  const receipts = (orders: typeof older): readonly string[] =>
    entries.filter(({ id }) => orders.some(({ clientOrderId }) => clientOrderId === id)).map(({ receipt }) => receipt);
  const [youngest = ''] = receipts(younger).toSorted().toReversed();
  const [oldest = ''] = receipts(older).toSorted();
  must(youngest < oldest, 'the receipts are in the order of time: nothing was proved');
  const waiting = entries.filter(({ state }) => state === 'admitted').map(({ id }) => id);
  must(waiting.length > 6, `only ${waiting.length} orders waited at the kill`);
  rig.lastEnv = slow;
  await rig.start(slow);
  const cancel = rig.drop({ type: 'cancelorder', payload: { client_order_id: resting.clientOrderId } });
  await rig.answered(cancel, ({ status }) => status === 'success');
  rig.site.dropAgain(resting);
  await rig.site.settled(60_000);
  const sent = rig
    .ledger()
    .flatMap(({ method, client_order_id: id }) => (method === 'POST' && id !== null ? [id] : []));
  const order = sent.filter((id) => waiting.includes(id));
  must(order.join() === waiting.join(), `sent in the order ${order.join(' ')} instead of ${waiting.join(' ')}`);
  const repeats = rig.posts(resting).length;
  must(repeats === 1, `a repeat was sent: ${repeats} POSTs`);
  return { receipts_out_of_order: younger.length, waiting: waiting.length, kills: 1, out_of_seq: 0 };
}

const row = (id: string, title: string, run: Row['run'], minutes?: number): Row => ({
  id,
  title,
  promises: ['p1', 'p7'],
  ...(minutes === undefined ? {} : { minutes }),
  run,
});

export const clockRows: readonly Row[] = [
  row('D01', 'wall clock two hours back and forward while orders wait', jumpsWhileRunning),
  row('D02', 'wall clock two hours back across a restart', backAcrossRestart, 0.5),
  row('D03', 'asleep for ten minutes with an order on its way', slept, 3),
  row('D04', 'a leap second at the end of a year, and both changes of the clocks', calendar, 0.5),
  row('D05', 'the broker lives days ahead of us', otherDate),
  row('D06', 'younger orders have older receipts, because the clock went back', orderOfSeq, 0.5),
];
