/**
 * The request budget under saturation: how much of it is used, whether the stub ever saw more than it allows, and how
 * long a cancel takes while orders queue. Must never take the tower's word for it: the requests are counted at the stub.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Plan } from '../plan.ts';
import { type Section, spread } from '../result.ts';
import { type Moment, monotonicMs, RESTING, Rig, type Staged, startStub } from '../rig.ts';

const RESTING_ORDERS = 30;
/** Cancels come at this pace while the queue is full. */
const CANCEL_EVERY_MS = 400;

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

const within = (moments: readonly Moment[], from: number, to: number): readonly Moment[] =>
  moments.filter(({ arrived }) => arrived >= from && arrived < to);

export async function measureBudget(plan: Plan): Promise<Section> {
  const { perMinute, perSecond, seconds } = plan.budget;
  const stub = await startStub();
  const rig = new Rig({ budget: plan.budget, profile: plan.profile });
  try {
    await rig.start(stub);
    const resting = rig.stage(RESTING_ORDERS, RESTING);
    const placed = rig.answers(RESTING_ORDERS);
    for (const { file } of resting) rig.drop(file);
    await placed;
    // What the first orders took of the windows must not count against the saturated time.
    await sleep(Math.min(61_000, perMinute > 600 ? 1500 : 61_000));
    await stub.take();
    const allowed = Math.min(perSecond * seconds, (perMinute * seconds) / 60 + perSecond);
    const queue = rig.stage(Math.ceil(allowed * 1.5) + 200);
    const cancels = rig.stage(
      Math.min(RESTING_ORDERS, Math.floor((seconds * 1000) / CANCEL_EVERY_MS) - 2),
      (index) => ({
        type: 'cancelorder',
        payload: { client_order_id: ownRest(resting, rig, index).id },
      }),
    );
    plan.say(
      `${queue.length} orders against ${perSecond}/s and ${perMinute}/min for ${seconds} s, with cancels in between`,
    );
    const began = monotonicMs();
    for (const { file } of queue) rig.drop(file);
    const dropped: { readonly target: string; readonly at: number }[] = [];
    for (const [index, { file }] of cancels.entries()) {
      await sleep(CANCEL_EVERY_MS);
      dropped.push({ target: ownRest(resting, rig, index).id, at: rig.drop(file) });
    }
    await sleep(Math.max(0, began + seconds * 1000 - monotonicMs()));
    const moments = within(await stub.take(), began, began + seconds * 1000);
    const arrivals = moments.map(({ arrived }) => arrived).toSorted((a, b) => a - b);
    const latencies = dropped.flatMap(({ target, at }) => {
      const moment = moments.find(({ method, id, arrived }) => method === 'DELETE' && id === target && arrived >= at);
      return moment === undefined ? [] : [moment.arrived - at];
    });
    const orders = moments.filter(({ method }) => method === 'POST').length;
    const limit = Math.min(perSecond, perMinute / 60);
    return {
      title: 'The request budget under saturation',
      what: `More orders than the budget lets through for ${seconds} s, at ${perSecond} requests a second and ${perMinute} a minute, and a cancel every ${CANCEL_EVERY_MS} ms. Counted at the stub.`,
      figures: [
        {
          name: 'requests of the budget that were used',
          value: (arrivals.length / seconds / limit) * 100,
          unit: '%',
          note: 'of the smaller of the two limits, over the whole time; the tower keeps a margin and a share for cancels',
        },
        { name: 'orders sent', value: orders / seconds, unit: '/s' },
        {
          name: 'most requests in any second',
          value: most(arrivals, 1000),
          unit: '',
          aim: { op: '≤', limit: perSecond },
        },
        {
          name: 'most requests in any minute',
          value: most(arrivals, 60_000),
          unit: '',
          aim: { op: '≤', limit: perMinute },
        },
        ...spread('cancel, file → wire', latencies),
        { name: 'cancels that were on the wire in time', value: (latencies.length / dropped.length) * 100, unit: '%' },
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
