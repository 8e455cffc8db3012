/**
 * What an idle tower costs: processor and memory with many agents, before and after a day's worth of orders. Must never
 * measure a moment at which something still happens.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Plan } from '../plan.ts';
import type { Figure, Section } from '../result.ts';
import { monotonicMs, Rig, startStub } from '../rig.ts';
import { burst } from './drops.ts';

/** The first seconds belong to the start, and to what the last orders left. */
const SETTLE_MS = 3000;
const CHUNK = 5000;

async function idle(rig: Rig, seconds: number): Promise<{ readonly cpuShare: number; readonly mb: number }> {
  await sleep(SETTLE_MS);
  const cpu = rig.cpuSeconds();
  const began = monotonicMs();
  await sleep(seconds * 1000);
  return { cpuShare: ((rig.cpuSeconds() - cpu) / (monotonicMs() - began)) * 1e5, mb: rig.memory().now };
}

export async function measureRest(plan: Plan): Promise<Section> {
  const { agents, seconds, dayOfOrders } = plan.rest;
  const stub = await startStub();
  const rig = new Rig({ agents, profile: plan.profile });
  try {
    await rig.start(stub);
    await burst(rig, stub, agents);
    plan.say(`${seconds} s of rest with ${agents} agents`);
    const young = await idle(rig, seconds);
    for (let left = dayOfOrders; left > 0; left -= CHUNK) {
      plan.say(`a day of orders: ${left.toLocaleString('en-US')} left`);
      await burst(rig, stub, Math.min(CHUNK, left));
    }
    const peak = rig.memory().peak;
    plan.say(`${seconds} s of rest after it`);
    const old = await idle(rig, seconds);
    const figures: readonly Figure[] = [
      { name: 'processor, idle', value: young.cpuShare, unit: '%', note: 'of one core' },
      { name: 'memory, idle', value: young.mb, unit: 'MB' },
      { name: `processor, idle after ${dayOfOrders.toLocaleString('en-US')} orders`, value: old.cpuShare, unit: '%' },
      { name: 'memory, idle after them', value: old.mb, unit: 'MB' },
      { name: 'most memory', value: peak, unit: 'MB' },
    ];
    return {
      title: 'Cost at rest',
      what: `A tower with ${agents} agents that does nothing for ${seconds} s, then takes ${dayOfOrders.toLocaleString('en-US')} orders as fast as it can, then does nothing again. The account's whole budget of a trading day is 78,000 requests.`,
      figures,
      charts: [
        {
          kind: 'bars',
          title: 'Memory',
          unit: 'MB',
          bars: [
            { name: 'idle', role: 'tower', value: young.mb },
            { name: 'idle after the orders', role: 'tower', value: old.mb },
            { name: 'most', role: 'floor', value: peak },
          ],
        },
      ],
    };
  } finally {
    await rig.end();
    await stub.stop();
  }
}
