/**
 * The request budget under saturation: how much of it is used, whether the stub ever saw more than it allows, and how
 * long a cancel takes while orders queue. Must never take the tower's word for it: the requests are counted at the stub.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Plan } from '../plan.ts';
import { type Figure, type Section, spread } from '../result.ts';
import { monotonicMs, RESTING, Rig, type Staged, startStub } from '../rig.ts';

/** In a minute fewer cancels than the tenth of the limit that is kept for them. */
const RESTING_ORDERS = 16;
const MINUTE_MS = 60_000;
/** After the last minute, so that a request that has just left is counted. */
const MARGIN_MS = 500;

/** The most requests in any window of `ms`. */
function most(arrivals: readonly number[], ms: number): number {
  let from = 0;
  let found = 0;
  arrivals.forEach((at, index) => {
    while ((arrivals[from] ?? at) <= at - ms) from++;
    found = Math.max(found, index - from + 1);
  });
  return found;
}

export async function measureBudget(plan: Plan): Promise<Section> {
  const { perMinute, perSecond, seconds } = plan.budget;
  const stub = await startStub();
  const rig = new Rig({ budget: plan.budget, profile: plan.profile });
  try {
    // What the start asks for is a part of the first minute, as are the orders that are to be cancelled.
    const began = monotonicMs();
    await rig.start(stub);
    const resting = rig.stage(RESTING_ORDERS, RESTING);
    const placed = rig.answers(RESTING_ORDERS);
    for (const { file } of resting) rig.drop(file);
    await placed;
    const allowed = Math.min(perSecond * seconds, (perMinute * seconds) / 60 + perMinute);
    const queue = rig.stage(Math.ceil(allowed * 1.2) + 200);
    const cancels = rig.stage(RESTING_ORDERS - 1, (index) => ({
      type: 'cancelorder',
      payload: { client_order_id: ownRest(resting, rig, index).id },
    }));
    const pace = (seconds * 1000 - (monotonicMs() - began)) / RESTING_ORDERS;
    plan.say(
      `${queue.length} orders against ${perSecond}/s and ${perMinute}/min for ${seconds} s, with ${cancels.length} cancels in between`,
    );
    for (const { file } of queue) rig.drop(file);
    const dropped: { readonly target: string; readonly at: number }[] = [];
    for (const [index, { file }] of cancels.entries()) {
      await sleep(pace);
      dropped.push({ target: ownRest(resting, rig, index).id, at: rig.drop(file) });
    }
    await sleep(Math.max(0, began + seconds * 1000 + MARGIN_MS - monotonicMs()));
    const moments = await stub.take();
    const arrivals = moments.map(({ arrived }) => arrived).toSorted((a, b) => a - b);
    const latencies = dropped.flatMap(({ target, at }) => {
      const moment = moments.find(({ method, id, arrived }) => method === 'DELETE' && id === target && arrived >= at);
      return moment === undefined ? [] : [moment.arrived - at];
    });
    const inMinute = most(arrivals, MINUTE_MS);
    const orders = moments.filter(({ method }) => method === 'POST').length;
    return {
      title: 'The request budget under saturation',
      what: `More orders than the budget lets through for ${seconds} s from the launch on, at ${perSecond} requests a second and ${perMinute} a minute, with ${cancels.length} cancels in between. Counted at the stub.`,
      figures: [
        ...(seconds * 1000 < MINUTE_MS
          ? []
          : ([
              {
                name: 'requests of the minute that were used',
                value: (inMinute / perMinute) * 100,
                unit: '%',
                guard: { better: 'more', margin: 0.03, everywhere: true },
                aim: { op: '≥', limit: 95 },
                note: 'in the fullest minute; what is left is the margin for requests that travel for different times, and what a cancel may need at once',
              },
            ] satisfies readonly Figure[])),
        { name: 'orders sent', value: orders, unit: '' },
        {
          name: 'most requests in any second',
          value: most(arrivals, 1000),
          unit: '',
          aim: { op: '≤', limit: perSecond },
        },
        { name: 'most requests in any minute', value: inMinute, unit: '', aim: { op: '≤', limit: perMinute } },
        ...spread('cancel, file → wire', latencies, { p50: 10, p99: 200 }),
        {
          name: 'cancels that were on the wire in time',
          value: (latencies.length / dropped.length) * 100,
          unit: '%',
          aim: { op: '≥', limit: 100 },
        },
      ],
      charts: [
        {
          kind: 'lines',
          title: 'Requests in each second',
          x: 'seconds',
          y: 'requests',
          series: [
            { name: 'requests', role: 'tower', points: perSecondOf(arrivals, began, seconds) },
            {
              name: 'allowed',
              role: 'floor',
              points: [
                [0, perSecond],
                [seconds, perSecond],
              ],
            },
          ],
        },
      ],
    };
  } finally {
    await rig.kill();
    await rig.end();
    await stub.stop();
  }
}

/** The resting order of the same agent: an agent cancels its own orders only. */
function ownRest(resting: readonly Staged[], rig: Rig, index: number): Staged {
  const agent = rig.agents[index % rig.agents.length];
  const own = resting.filter((staged) => staged.agent === agent);
  const found = own[Math.floor(index / rig.agents.length) % own.length];
  if (found === undefined) throw new Error(`${agent} has no resting order`);
  return found;
}

const perSecondOf = (
  arrivals: readonly number[],
  began: number,
  seconds: number,
): readonly (readonly [number, number])[] =>
  Array.from({ length: seconds }, (_, second) => [
    second,
    arrivals.filter((at) => at >= began + second * 1000 && at < began + (second + 1) * 1000).length,
  ]);
