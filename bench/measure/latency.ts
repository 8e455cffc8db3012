/**
 * Latency of one drop on an idle system, beside the official client sending the same order to the same stub, and beside
 * what files alone cost. Must never compare what was not measured in turns in the same run.
 */
import { once } from 'node:events';
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync, watch, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Alpaca } from '@alpacahq/alpaca-trade-api';
import { seededRandom } from '../../src/lib/random.ts';
import { durableFloor } from '../durable-floor.ts';
import type { Plan } from '../plan.ts';
import { median, type Section, spread } from '../result.ts';
import { type Counterpart, ended, helper, monotonicMs, Rig, startStub } from '../rig.ts';
import { burst, joined, type Paced, paced } from './drops.ts';

const WARM_UP = 200;
const PACE_MS = 20;

interface Trip {
  /** Milliseconds: the call to the request on the wire, and the answer on the wire to the caller. */
  readonly toWire: number[];
  readonly toCaller: number[];
}

/** The same order by the official client, one after the other at the same pace. */
async function byClient(stub: Counterpart, count: number): Promise<Trip> {
  const alpaca = new Alpaca({
    keyId: 'client',
    secret: 'bench',
    paper: true,
    timeoutMs: 2_500,
    fetchApi: (input, init) => {
      const { pathname, search } = new URL(String(input));
      return fetch(stub.url + pathname + search, init);
    },
  });
  await stub.take();
  const calls: { readonly id: string; readonly called: number; readonly answered: number }[] = [];
  for (let n = 0; n < count; n++) {
    await sleep(PACE_MS);
    const id = `client-${process.pid}-${monotonicMs()}`;
    const called = monotonicMs();
    await alpaca.trading.orders.market({ symbol: 'AAPL', side: 'buy', qty: 1, clientOrderId: id });
    calls.push({ id, called, answered: monotonicMs() });
  }
  const moments = new Map((await stub.take()).map((moment) => [moment.id, moment]));
  const trip: Trip = { toWire: [], toCaller: [] };
  for (const { id, called, answered } of calls) {
    const moment = moments.get(id);
    if (moment === undefined) throw new Error(`${id} of the official client never reached the stub`);
    trip.toWire.push(moment.arrived - called);
    trip.toCaller.push(answered - moment.answered);
  }
  return trip;
}

/** Two hops through files with nothing in between: dropped by rename, answered by another process, seen by watch. */
async function fileFloor(): Promise<{
  round(count: number): Promise<{ readonly trip: readonly number[]; readonly write: readonly number[] }>;
  end(): Promise<void>;
}> {
  const home = mkdtempSync(join(tmpdir(), 'bench-files-'));
  for (const folder of ['in', 'out']) mkdirSync(join(home, folder));
  const child = helper('./file-floor.ts', home);
  await once(child, 'message');
  let seen = (_name: string): void => {};
  const watcher = watch(join(home, 'out'), (_event, name) => seen(name ?? ''));
  let n = 0;
  return {
    async round(count) {
      const trip: number[] = [];
      const write: number[] = [];
      for (let left = count; left > 0; left--) {
        await sleep(PACE_MS);
        const name = `order-${n++}`;
        const temp = join(home, `.${name}`);
        const began = monotonicMs();
        const fd = openSync(temp, 'wx');
        writeSync(fd, 'x'.repeat(250));
        fsyncSync(fd);
        closeSync(fd);
        const dropped = monotonicMs();
        const answered = new Promise<void>((resolve) => {
          seen = (other) => {
            if (other === name) resolve();
          };
        });
        renameSync(temp, join(home, 'in', name));
        await answered;
        trip.push(monotonicMs() - dropped);
        write.push(dropped - began);
      }
      return { trip, write };
    },
    async end() {
      watcher.close();
      child.disconnect();
      await ended(child);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export async function measureLatency(plan: Plan): Promise<Section> {
  const { rounds, orders } = plan.paced;
  const random = seededRandom(plan.seed);
  const stub = await startStub();
  const rig = new Rig({ profile: plan.profile });
  const files = await fileFloor();
  const towerRounds: Paced[] = [];
  const client: Trip = { toWire: [], toCaller: [] };
  const floor: number[] = [];
  const durable: number[] = [];
  try {
    await rig.start(stub);
    await burst(rig, stub, WARM_UP);
    await byClient(stub, 30);
    await durableFloor(stub.url, 50);
    await files.round(30);
    for (let round = 1; round <= rounds; round++) {
      plan.say(`round ${round} of ${rounds}: ${orders} orders each by the tower, the official client and the floors`);
      towerRounds.push(await paced(rig, stub, orders, random));
      const one = await byClient(stub, orders);
      client.toWire.push(...one.toWire);
      client.toCaller.push(...one.toCaller);
      floor.push(...(await files.round(orders)).trip);
      durable.push(...(await durableFloor(stub.url, orders)));
    }
  } finally {
    await rig.end();
    await files.end();
    await stub.stop();
  }
  const tower = joined(towerRounds);
  const own = tower.fileToWire.map((ms, index) => ms + (tower.answerToResponse[index] ?? 0));
  const direct = client.toWire.map((ms, index) => ms + (client.toCaller[index] ?? 0));
  return {
    title: 'Latency of one drop',
    what: `${rounds * orders} market orders one by one on an idle system, the tower, the stub and this bench being processes of their own. In turns with it: the official client sending the same order to the same stub, and two floors.`,
    figures: [
      ...spread('file → wire', tower.fileToWire, { p50: 3, p99: 10 }),
      ...spread('answer → response', tower.answerToResponse, { p50: 2 }),
      ...spread("the tower's part", own),
      ...spread('floor: two hops through files', floor),
      ...spread('floor: the same promises, no tower', durable),
      ...spread('official client, call → wire', client.toWire),
      ...spread('official client, answer → caller', client.toCaller),
      {
        name: "the tower's part over two hops through files",
        value: median(own) / median(floor),
        unit: '×',
        guard: { better: 'less', margin: 0.25, everywhere: false },
        aim: { op: '≤', limit: 2 },
        note: 'medians. Two hops: rename, watch, read, write, fsync, rename, watch, by a process that does nothing else. The tower journals in between, with three synced commits.',
      },
      {
        name: "the tower's part over the same promises without a tower",
        value: median(tower.fileToResponse) / median(durable),
        unit: '×',
        guard: { better: 'less', margin: 0.2, everywhere: false },
        note: 'medians. The floor reads the file, commits three times to SQLite, posts the order and writes the answer durably, in one loop.',
      },
      {
        name: "the official client's part over the tower's",
        value: median(direct) / median(own),
        unit: '×',
        note: 'medians; the client keeps no promise beyond sending.',
      },
    ],
    charts: [
      {
        kind: 'quantiles',
        title: 'Share of orders within a time',
        series: [
          { name: 'tower, file → wire', role: 'tower', values: tower.fileToWire },
          { name: 'tower, answer → response', role: 'second', values: tower.answerToResponse },
          { name: 'official client, call → wire', role: 'other', values: client.toWire },
          { name: 'floor, two hops through files', role: 'floor', values: floor },
        ],
      },
    ],
  };
}
