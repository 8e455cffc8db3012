/** What memory and the tables say of what counts, after any course of events: the same, whoever reads it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Entry } from '../../src/journal/journal.ts';
import { micros } from '../../src/lib/clock.ts';
import { below, pick, type Random, seededRandom } from '../../src/lib/random.ts';
import type { OrderType } from '../../src/order/name.ts';
import { STATES, type State } from '../../src/order/states.ts';

import { Desk, desk, LIMIT, MARKET, OPTION, type Payload, SECOND } from './desk.ts';

const COIN = { symbol: 'ETH/USD', qty: '2', order_class: 'limit', limit_price: '50', time_in_force: 'gtc' };
const { qty: _, ...SUM } = MARKET;
const ORDERS: readonly (readonly [OrderType, Payload])[] = [
  ['stockbuy', LIMIT],
  ['stocksell', { ...LIMIT, limit_price: '120' }],
  ['stockbuy', { ...LIMIT, take_profit: { limit_price: '130' }, stop_loss: { stop_price: '70' } }],
  ['stocksell', { ...LIMIT, take_profit: { limit_price: '70' }, stop_loss: { stop_price: '130' } }],
  ['stockbuy', { ...SUM, notional: '505' }],
  ['cryptobuy', COIN],
  ['cryptosell', { ...COIN, symbol: 'ETHUSD' }],
  ['optionsingle', OPTION],
];

/** 46 showed that what two agents held against each other was forgotten. */
const SEEDS = [46, 1, 2, 3, 4, 5];

/** All that is counted, as text: of each agent and of the account. */
async function counted(one: Desk): Promise<string> {
  const { standings } = await one.journal.ground(one.clock.now());
  const lines: string[] = [];
  for (const scope of ['alpha', 'beta', '*']) {
    const { gross, openBuys, orders, minuteOrders, dayOrders, dayValue, dayProfit, profit } = standings.totals(
      'paper',
      scope,
      one.clock.at,
    );
    const sums = { gross, openBuys, orders, minuteOrders, dayOrders, dayValue, dayProfit, profit };
    lines.push(`${scope} ${JSON.stringify(sums)}`);
    for (const [symbol, standing] of [...standings.symbols('paper', scope)].sort())
      lines.push(`${scope} ${symbol} ${JSON.stringify(standing)}`);
  }
  return lines.join('\n');
}

async function course(random: Random, one: Desk): Promise<void> {
  const open = new Map<number, { entry: Entry; type: OrderType; payload: Payload; left: number; closing: number }>();
  for (let step = 0; step < 60; step++) {
    one.clock.at += below(random, 3) === 0 ? below(random, 3 * 3600) * SECOND : 1000;
    const orders = [...open.values()];
    const what = below(random, 6);
    if (what <= 1 || orders.length === 0) {
      const [type, payload] = pick(random, ORDERS);
      const { entry } = await one.ask(pick(random, ['alpha', 'beta']), type, payload);
      open.set(entry.seq, { entry, type, payload, left: 4, closing: 0 });
      continue;
    }
    const order = pick(random, orders);
    const { agent } = order.entry;
    const symbol = String(order.payload['symbol']).replace('/', '');
    const side = order.type.endsWith('sell') ? 'sell' : 'buy';
    if (what === 2) await one.journal.settled('PA1', micros(one.clock.at - below(random, 86_400) * SECOND));
    else if (what === 3 && order.left > 0) {
      order.left--;
      order.closing++;
      await one.post(order.entry, agent, side, '0.5', '100', symbol);
    } else if (what === 4 && order.closing > 0 && 'take_profit' in order.payload) {
      order.closing--;
      await one.post(order.entry, agent, side === 'buy' ? 'sell' : 'buy', '0.5', '101', symbol);
    } else {
      const newest = await one.journal.find({ seq: order.entry.seq });
      const moves = STATES[newest?.state ?? 'closed'].next.filter((state) => !['answered', 'failed'].includes(state));
      // It may also come to light after all.
      const to: State = moves.length === 0 ? 'working' : pick(random, moves);
      await one.move(order.entry, to, String(below(random, 3) / 2));
    }
  }
}

test('memory and tables agree after any course of events, and after a start in between', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'limits-'));
  context.after(() => rmSync(folder, { recursive: true }));
  let compared = 0;
  for (const seed of SEEDS) {
    const random = seededRandom(`agree:${seed}`);
    const file = join(folder, `${seed}.db`);
    let one = await desk({}, file);
    for (let part = 0; part < 3; part++) {
      await one.journal.ground(one.clock.now());
      await course(random, one);
      const before = await counted(one);
      await one.journal.close();
      const again = new Desk({}, file);
      again.clock.at = one.clock.at;
      one = again;
      assert.equal(await counted(one), before, `seed ${seed}, start ${part}`);
      compared++;
    }
    await one.journal.close();
  }
  context.diagnostic(`compared ${compared} times`);
});
