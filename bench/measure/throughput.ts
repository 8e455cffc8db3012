/**
 * Thousands of orders dropped at once, with no limit at the broker, beside what the files alone cost. Must never count
 * what is not durable: the last answer and the last archive are seen under their names.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { durableFloor } from '../durable-floor.ts';
import type { Plan } from '../plan.ts';
import { median, type Section } from '../result.ts';
import { type Counterpart, ended, helper, Rig, startExchangeProcess, startStub } from '../rig.ts';
import { type Burst, burst, perSecond } from './drops.ts';
import { measureLimits } from './limits.ts';

const WARM_UP = 500;
/** Orders of the loop beside each burst: a second of it. */
const LOOP = 500;
/** Points of a curve: more than anybody sees. */
const POINTS = 120;

/** Milliseconds to write an answer and an archived copy for so many orders, durably and with nothing in between. */
async function bulkFloor(pairs: number): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'bench-bulk-'));
  for (const folder of ['in', 'out']) mkdirSync(join(home, folder));
  const child = helper('./file-floor.ts', home);
  await once(child, 'message');
  child.send({ bulk: pairs });
  const [took] = await once(child, 'message');
  child.disconnect();
  await ended(child);
  rmSync(home, { recursive: true, force: true });
  return took;
}

/** Processor seconds of this process for 1,000 orders of the loop that keeps the same promises, one after the other. */
async function loopCpu(url: string): Promise<number> {
  const before = process.cpuUsage();
  await durableFloor(url, LOOP);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1e6 / LOOP) * 1000;
}

/** The burst with the median rate of several. */
function middle(all: readonly Burst[]): Burst {
  const sorted = all.toSorted((a, b) => (a.answerMs.at(-1) ?? 0) - (b.answerMs.at(-1) ?? 0));
  const found = sorted[Math.floor(sorted.length / 2)];
  if (found === undefined) throw new Error('no burst was measured');
  return found;
}

const curve = (moments: readonly number[]): readonly (readonly [number, number])[] =>
  Array.from({ length: POINTS + 1 }, (_, n) => {
    const index = Math.min(moments.length - 1, Math.round((n / POINTS) * (moments.length - 1)));
    return [moments[index] ?? 0, index + 1] as const;
  });

async function several(rig: Rig, counterpart: Counterpart, plan: Plan, between: () => Promise<void>): Promise<Burst> {
  await burst(rig, counterpart, WARM_UP);
  const all: Burst[] = [];
  for (let n = 1; n <= plan.burst.times; n++) {
    plan.say(`burst ${n} of ${plan.burst.times}: ${plan.burst.orders} orders`);
    all.push(await burst(rig, counterpart, plan.burst.orders));
    await between();
  }
  return middle(all);
}

export async function measureThroughput(plan: Plan): Promise<Section> {
  const { orders, times } = plan.burst;
  const stub = await startStub();
  const rig = new Rig({ profile: plan.profile });
  const floors: number[] = [];
  const loops: number[] = [];
  let result: Burst;
  let memory: { readonly now: number; readonly peak: number };
  let journalBytes: number;
  try {
    await rig.start(stub);
    await loopCpu(stub.url);
    result = await several(rig, stub, plan, async () => {
      floors.push(await bulkFloor(orders));
      loops.push(await loopCpu(stub.url));
    });
    memory = rig.memory();
    await rig.stop();
    journalBytes = rig.journalBytes() / (WARM_UP + orders * times);
  } finally {
    await rig.end();
    await stub.stop();
  }
  plan.say('the same at the exchange');
  const exchange = await startExchangeProcess();
  const other = new Rig();
  let atExchange: Burst;
  try {
    await other.start(exchange);
    atExchange = await several(other, exchange, { ...plan, burst: { ...plan.burst, times: 1 } }, async () => {});
  } finally {
    await other.end();
    await exchange.stop();
  }
  const limits = await measureLimits(plan);
  const rate = (moments: readonly number[]): number => perSecond(orders, moments.at(-1) ?? Number.NaN);
  const floorRate = perSecond(orders, median(floors));
  return {
    title: 'Throughput',
    what: `${orders} market orders dropped at once, ${times} times (the median burst counts), no rate limit at the broker. The floor writes, syncs and renames the same two files for each order (answer and archive) and does nothing else.`,
    figures: [
      {
        name: 'orders per second to the last response',
        value: rate(result.answerMs),
        unit: '/s',
        aim: { op: '≥', limit: 1000 },
      },
      {
        name: 'orders per second to the last archive',
        value: perSecond(orders, result.archivedMs),
        unit: '/s',
        aim: { op: '≥', limit: 1000 },
      },
      { name: 'orders per second to the last request on the wire', value: rate(result.wireMs), unit: '/s' },
      { name: 'first request on the wire', value: result.wireMs[0] ?? Number.NaN, unit: 'ms' },
      { name: 'floor: files alone', value: floorRate, unit: '/s' },
      {
        name: 'the tower over files alone',
        value: rate(result.answerMs) / floorRate,
        unit: '×',
        guard: { better: 'more', margin: 0.25, everywhere: false },
      },
      { name: 'processor time of 1,000 orders', value: result.cpuSecondsPer1000, unit: 's' },
      {
        name: 'processor time per order over the same promises without a tower',
        value: result.cpuSecondsPer1000 / median(loops),
        unit: '×',
        guard: { better: 'less', margin: 0.3, everywhere: true },
        note: 'of the loop of the latency part, which has one order at a time, and so shares no commit',
      },
      ...limits,
      { name: 'memory after it', value: memory.now, unit: 'MB' },
      { name: 'most memory', value: memory.peak, unit: 'MB' },
      { name: 'journal per order', value: journalBytes, unit: 'bytes' },
      { name: 'at the exchange: to the last response', value: rate(atExchange.answerMs), unit: '/s' },
      { name: 'at the exchange: to the last fill', value: perSecond(orders, atExchange.finalMs), unit: '/s' },
      { name: 'at the exchange: processor time of 1,000 orders', value: atExchange.cpuSecondsPer1000, unit: 's' },
    ],
    charts: [
      {
        kind: 'lines',
        title: 'Orders done after the first drop',
        x: 'milliseconds',
        y: 'orders',
        series: [
          { name: 'on the wire', role: 'second', points: curve(result.wireMs) },
          { name: 'answered', role: 'tower', points: curve(result.answerMs) },
          { name: 'answered, at the exchange', role: 'other', points: curve(atExchange.answerMs) },
          {
            name: 'floor, files alone',
            role: 'floor',
            points: [
              [0, 0],
              [median(floors), orders],
            ],
          },
        ],
      },
    ],
  };
}
