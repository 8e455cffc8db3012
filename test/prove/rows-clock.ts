/**
 * D01 to D03: a wall clock that jumps while a tower runs or sleeps, by a preloaded shim. Must never set the machine's clock.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep } from './process.ts';
import type { Rig } from './rig.ts';
import { type Figures, machine, must, need, type Row } from './row.ts';
import { isOrder } from './rows-broker.ts';
import { mostIn } from './rows-process.ts';

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
  const to = (seconds: number): void => writeFileSync(file, String(seconds));
  to(0);
  return { env: { LD_PRELOAD: library, PROVE_CLOCK: file }, to };
}

const BUDGET = { TOWER_BUDGET_PER_MINUTE: '200', TOWER_BUDGET_PER_SECOND: '10', TOWER_SWEEP_INTERVAL_MS: '30000' };

function windows(rig: Rig): Figures {
  const figures = { most_in_60_s: mostIn(rig.wire.seen, 60_000), most_in_1_s: mostIn(rig.wire.seen, 1000) };
  must(figures.most_in_60_s <= 200 && figures.most_in_1_s <= 10, `the budget did not hold: ${JSON.stringify(figures)}`);
  return figures;
}

/** Two hours back and forth while orders wait. */
async function jumpsWhileRunning(rig: Rig): Promise<Figures> {
  const clock = jumper(rig);
  rig.clockJumps = true;
  const dropped = rig.dropMany(60, { sendBy: 36_000 });
  await rig.start({ ...BUDGET, ...clock.env });
  for (const hours of [-2, 2, 0]) {
    await sleep(2000);
    clock.to(hours * 3600);
  }
  await rig.site.settled(60_000);
  for (const each of dropped) must(rig.posts(each).length === 1, `${each.clientOrderId}: sent more than once, or not`);
  return { jumps: 3, ...windows(rig) };
}

/** Two hours back between a kill and the next start. */
async function backAcrossRestart(rig: Rig): Promise<Figures> {
  const clock = jumper(rig);
  rig.clockJumps = true;
  rig.dropMany(60, { sendBy: 36_000 });
  const first = await rig.start({ ...BUDGET, ...clock.env });
  await sleep(3000);
  await first.end('SIGKILL');
  clock.to(-7200);
  await rig.start({ ...BUDGET, ...clock.env });
  await rig.site.settled(90_000);
  return { kills: 1, ...windows(rig) };
}

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
];
