/**
 * What a long past costs: start-up, memory and cost per order over journals of different lengths, a start in front of a
 * full folder, and the recovery from a kill in the middle of everything. Must never leave a large journal behind.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../src/lib/random.ts';
import { fillJournal } from '../long-journal.ts';
import type { Plan } from '../plan.ts';
import { type Figure, median, type Section } from '../result.ts';
import { monotonicMs, RESTING, Rig, startExchangeProcess, startStub } from '../rig.ts';
import { burst, paced, perSecond } from './drops.ts';

const WARM_UP = 300;
const MEASURED = 1000;
const WAITING_AGENTS = 50;

interface Age {
  readonly rows: number;
  readonly startMs: number;
  readonly startMb: number;
  readonly fileToWireMs: number;
  readonly cpuSecondsPer1000: number;
  readonly journalMb: number;
}

/** A journal of `rows` finished orders: started with, traded on, deleted. */
async function age(plan: Plan, rows: number): Promise<Age> {
  const stub = await startStub();
  const rig = new Rig();
  try {
    plan.say(`making a journal of ${rows.toLocaleString('en-US')} finished orders`);
    let told = monotonicMs();
    await fillJournal(rig.journalFile, rows, (done) => {
      if (monotonicMs() - told < 5000) return;
      told = monotonicMs();
      plan.say(`${done.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')}`);
    });
    const journalMb = rig.journalBytes() / 2 ** 20;
    plan.say('start and orders with it');
    // What Node compiles, and the file system's memory, are there from the second start on: the age of the journal is what counts.
    await rig.start(stub);
    await rig.stop();
    const startMs = await rig.start(stub);
    const startMb = rig.memory().now;
    await burst(rig, stub, WARM_UP);
    const one = await paced(rig, stub, plan.paced.orders, seededRandom(plan.seed));
    const costs: number[] = [];
    for (let n = 0; n < 3; n++) costs.push((await burst(rig, stub, MEASURED)).cpuSecondsPer1000);
    const cpuSecondsPer1000 = median(costs);
    return { rows, startMs, startMb, fileToWireMs: median(one.fileToWire), cpuSecondsPer1000, journalMb };
  } finally {
    await rig.end();
    await stub.stop();
  }
}

/** Files that waited while no tower ran. */
async function waiting(plan: Plan): Promise<readonly Figure[]> {
  const { files, seconds } = plan.waiting;
  const count = files.toLocaleString('en-US');
  const stub = await startStub();
  // An agent with more than 20,000 waiting files is refused, not served.
  const rig = new Rig({ agents: WAITING_AGENTS });
  try {
    plan.say(`${count} files waiting at start`);
    for (const { file } of rig.stage(files)) rig.drop(file);
    const began = monotonicMs();
    const ready = await rig.start(stub);
    const deadline = began + ready + seconds * 1000;
    const arrivals: number[] = [];
    while (arrivals.length < files && monotonicMs() < deadline) {
      await sleep(200);
      arrivals.push(...(await stub.take()).filter(({ method }) => method === 'POST').map(({ arrived }) => arrived));
    }
    const last = Math.max(...arrivals.slice(-1), began + ready);
    return [
      { name: `start with ${count} files waiting`, value: ready, unit: 'ms' },
      { name: 'from launch to the first of them on the wire', value: (arrivals[0] ?? Number.NaN) - began, unit: 'ms' },
      {
        name: 'waiting files sent',
        value: perSecond(arrivals.length, last - (arrivals[0] ?? began)),
        unit: '/s',
        note: `over ${arrivals.length.toLocaleString('en-US')} of them`,
      },
      { name: 'memory while they are taken', value: rig.memory().peak, unit: 'MB' },
    ];
  } finally {
    await rig.kill();
    await rig.end();
    await stub.stop();
  }
}

/** Killed while orders are in every state, started again, until all are answered; counted at the exchange. */
async function recovery(plan: Plan): Promise<readonly Figure[]> {
  const count = plan.unfinished;
  const exchange = await startExchangeProcess();
  const rig = new Rig();
  try {
    plan.say(`kill -9 with ${count.toLocaleString('en-US')} orders that are not finished`);
    await rig.start(exchange);
    const staged = rig.stage(count, RESTING);
    const half = rig.answers(Math.floor(count / 2));
    for (const { file } of staged) rig.drop(file);
    await half;
    await rig.kill();
    const answered = staged.filter(({ file }) => rig.hasAnswer(file)).length;
    const began = monotonicMs();
    const ready = await rig.start(exchange);
    while (staged.some((one) => !rig.isAnswered(one))) await sleep(50);
    const all = monotonicMs() - began;
    plan.say('waiting for what is in doubt');
    while (staged.some((one) => !rig.isSettled(one))) await sleep(50);
    const settled = monotonicMs() - began;
    const orders = await ordersAt(exchange.url, rig.key);
    const distinct = new Set(orders).size;
    if (distinct !== count || orders.length !== count)
      throw new Error(`${count} orders were dropped, the exchange has ${orders.length}, ${distinct} of them distinct`);
    return [
      {
        name: `start after kill -9 with ${count.toLocaleString('en-US')} unfinished orders`,
        value: ready,
        unit: 'ms',
        note: `${answered.toLocaleString('en-US')} were answered before it; afterwards the exchange had each order exactly once`,
      },
      { name: 'from that launch until every order has an answer', value: all, unit: 'ms' },
      {
        name: 'and until none is in doubt',
        value: settled,
        unit: 'ms',
        note: 'an order that was on its way when the tower ended is looked up until a lost one cannot arrive any more (doubt.settle_ms)',
      },
    ];
  } finally {
    await rig.end();
    await exchange.stop();
  }
}

/** The client_order_ids of every order of the account. */
async function ordersAt(url: string, key: string): Promise<readonly string[]> {
  const headers = { 'apca-api-key-id': key, 'apca-api-secret-key': 'bench' };
  const found = new Map<string, string>();
  for (let until = ''; ; ) {
    const query = `status=all&limit=500&direction=desc${until === '' ? '' : `&until=${encodeURIComponent(until)}`}`;
    const response = await fetch(`${url}/v2/orders?${query}`, { headers });
    if (response.status !== 200) throw new Error(`the exchange lists no orders: ${await response.text()}`);
    const page: readonly { id: string; client_order_id: string; submitted_at: string }[] = JSON.parse(
      await response.text(),
    );
    const before = found.size;
    for (const order of page) found.set(order.id, order.client_order_id);
    const last = page.at(-1);
    if (last === undefined || found.size === before) return [...found.values()];
    until = new Date(Date.parse(last.submitted_at) + 1).toISOString();
  }
}

export async function measureGrowth(plan: Plan): Promise<Section> {
  const ages: Age[] = [];
  for (const rows of plan.rows) ages.push(await age(plan, rows));
  const [youngest] = ages;
  const oldest = ages.at(-1);
  if (youngest === undefined || oldest === undefined) throw new Error('no journal was measured');
  const faults: string[] = [];
  /** One of these that cannot be measured must not cost the long journals, which took minutes. */
  const tried = async (measure: Promise<readonly Figure[]>): Promise<readonly Figure[]> => {
    try {
      return await measure;
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
      return [];
    }
  };
  const waited = await tried(waiting(plan));
  const recovered = await tried(recovery(plan));
  const points = (value: (one: Age) => number): readonly (readonly [number, number])[] =>
    ages.map((one) => [one.rows, value(one)] as const);
  return {
    ...(faults.length === 0 ? {} : { fault: faults.join('; ') }),
    title: 'Growth',
    what: 'Journals filled with finished orders of the size of real ones, a tower started on each; then a start in front of a full folder, and one after a kill in the middle of everything.',
    figures: [
      ...ages.flatMap((one): readonly Figure[] => {
        const rows = one.rows.toLocaleString('en-US');
        return [
          { name: `start with ${rows} orders`, value: one.startMs, unit: 'ms' },
          { name: `memory at start with ${rows}`, value: one.startMb, unit: 'MB' },
          { name: `file → wire, p50, with ${rows}`, value: one.fileToWireMs, unit: 'ms' },
          { name: `processor time of 1,000 orders with ${rows}`, value: one.cpuSecondsPer1000, unit: 's' },
          { name: `journal of ${rows}`, value: one.journalMb, unit: 'MB' },
        ];
      }),
      {
        name: 'start, longest journal over shortest',
        value: oldest.startMs / youngest.startMs,
        unit: '×',
        guard: { better: 'less', margin: 0.4, everywhere: true, fine: 1.3 },
        aim: { op: '≤', limit: 1.5 },
      },
      {
        name: 'file → wire, longest journal over shortest',
        value: oldest.fileToWireMs / youngest.fileToWireMs,
        unit: '×',
        guard: { better: 'less', margin: 0.4, everywhere: true, fine: 1.3 },
        aim: { op: '≤', limit: 1.5 },
      },
      {
        name: 'processor time per order, longest over shortest',
        value: oldest.cpuSecondsPer1000 / youngest.cpuSecondsPer1000,
        unit: '×',
        guard: { better: 'less', margin: 0.4, everywhere: true, fine: 1.3 },
        aim: { op: '≤', limit: 1.5 },
      },
      ...waited,
      ...recovered,
    ],
    charts: [
      {
        kind: 'lines',
        title: 'Over the length of the journal, against the shortest',
        x: 'finished orders in the journal',
        y: 'times the shortest',
        logX: true,
        series: [
          { name: 'start', role: 'tower', points: points((one) => one.startMs / youngest.startMs) },
          {
            name: 'file → wire, p50',
            role: 'second',
            points: points((one) => one.fileToWireMs / youngest.fileToWireMs),
          },
          {
            name: 'processor time per order',
            role: 'other',
            points: points((one) => one.cpuSecondsPer1000 / youngest.cpuSecondsPer1000),
          },
          { name: 'memory at start', role: 'floor', points: points((one) => one.startMb / youngest.startMb) },
        ],
      },
    ],
  };
}
