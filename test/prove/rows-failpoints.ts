/**
 * A01: kill -9 at every named failpoint, a row each, then a new start. Must never pass a point that was not reached.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAILPOINTS } from '../../src/lib/failpoint.ts';
import { until } from './process.ts';
import { MARKET, RESTING, type Rig } from './rig.ts';
import { must, type Row } from './row.ts';
import type { Passing } from './wire.ts';

/** What makes a tower come by a point that an ordinary order does not meet. */
const SCENES: Readonly<Record<string, (rig: Rig) => Promise<void>>> = {
  'k16-refusal-before-d5': async (rig) => {
    rig.drop({ payload: { ...MARKET, qty: '999999999' } });
  },
  'k17-limited-before-d5': async (rig) => {
    await rig.faults({ requests: [{ method: 'POST', path: '/v2/orders', on: [1], fault: { kind: 'rate_limited' } }] });
    rig.dropMany(3);
  },
  'k18-duplicate-before-d5': async (rig) => {
    // The exchange acts, and the tower is told what a second copy would have been told.
    rig.wire.hook = async (passing) => {
      if (passing.method !== 'POST') return false;
      await passing.forward();
      passing.reply({ status: 422, body: '{"code":40010001,"message":"client_order_id must be unique"}' });
      return true;
    };
    rig.drop();
  },
  'k28-before-cancel': cancelScene,
  'k28-after-cancel': cancelScene,
};

async function cancelScene(rig: Rig): Promise<void> {
  const resting = rig.drop({ payload: RESTING });
  await rig.answered(resting, (answer) => answer.status === 'success');
  rig.drop({ type: 'cancelorder', payload: { client_order_id: resting.clientOrderId } });
}

const ordinary = async (rig: Rig): Promise<void> => {
  rig.drop({ agent: 'one', payload: MARKET });
  rig.drop({ agent: 'two', payload: RESTING });
  rig.drop({ agent: 'one', type: 'stocksell', payload: { ...RESTING, qty: 'none' } });
  rig.drop({ agent: 'two', type: 'positions', payload: {} });
};

/** Points that are passed while the tower starts: nothing needs to be dropped for them to be reached. */
const AT_START = new Set(['k27-in-recovery', 'k31-migrate']);

/** One point: killed there, started again, and further on everything as if nothing had been. */
async function killAt(rig: Rig, name: string, nth = 1): Promise<void> {
  const scene = SCENES[name] ?? ordinary;
  if (name === 'k27-in-recovery') {
    // Something to recover: a tower that died with orders on their way.
    await rig.start({ TOWER_FAILPOINT: 'k10-d4-done:kill@2' });
    await ordinary(rig);
    await until(
      () => !rig.isAnyRunning,
      10_000,
      () => 'the first tower is still alive',
    );
  }
  const tower = rig.launch({ TOWER_FAILPOINT: `${name}:kill@${nth}` });
  if (AT_START.has(name)) rig.dropMany(2);
  else {
    await tower.ready();
    await scene(rig);
  }
  await until(
    () => !tower.isRunning,
    15_000,
    () => `${name} was not reached`,
  );
  const { signal } = await tower.exited;
  must(signal === 'SIGKILL', `${name}: ended by ${signal}, not by the failpoint:\n${tower.output.slice(-1000)}`);
}

async function halfWritten(rig: Rig): Promise<void> {
  writeFileSync(join(rig.site.home, 'orders', 'incoming', '.half.json.tmp'), '{"agent_id":"one"');
  await rig.start();
  await ordinary(rig);
  await rig.killTowers();
}

const noAnswer = (rig: Rig): Promise<void> =>
  killWhile(rig, async (passing) => {
    await passing.forward();
  });

const halfAnswer = (rig: Rig): Promise<void> =>
  killWhile(rig, async (passing) => {
    const { body } = await passing.forward();
    passing.raw(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`);
    passing.raw(body.slice(0, 100));
  });

/** Kills the tower once the exchange has taken its order and the line has done what `answer` does. */
async function killWhile(rig: Rig, answer: (passing: Passing) => Promise<void>): Promise<void> {
  let answered = false;
  rig.wire.hook = async (passing) => {
    if (passing.method !== 'POST' || answered) return false;
    await answer(passing);
    answered = true;
    return true;
  };
  await rig.start();
  rig.drop();
  await until(
    () => answered,
    10_000,
    () => 'no order came',
  );
  await rig.killTowers();
}

const row = (name: string, title: string, act: (rig: Rig) => Promise<void>): Row => ({
  id: `A01.${name}`,
  title,
  promises: ['p1', 'p2', 'p3'],
  // A refusal that was not journaled is proved by absence, which takes the longest delay and a minute.
  ...(name === 'k16-refusal-before-d5' ? { minutes: 3 } : {}),
  async run(rig) {
    await act(rig);
    await rig.conclude(180_000);
    return { failpoints: 1 };
  },
});

export const failpointRows: readonly Row[] = [
  row('k01-agent-tmp', 'an agent died while it wrote', halfWritten),
  row('k02-dropped', 'dropped while no tower ran', ordinary),
  ...Object.entries(FAILPOINTS).map(([name, title]) => row(name, title, (rig) => killAt(rig, name))),
  row('k12-no-answer', 'the exchange has it, no answer came', noAnswer),
  row('k13-half-answer', 'half an answer came', halfAnswer),
];
