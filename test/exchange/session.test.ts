/**
 * Sessions that a trader would recognise, with every cent accounted for: a bracket through the open, a replaced target,
 * a gap through the stop; a crypto round trip with its fees; what a resting order takes of the buying power.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamPort } from '../../src/exchange/stream/trade-updates.ts';
import { type Json, openWorld, type World } from './world.ts';

interface Update {
  readonly event: string;
  readonly order: Json;
  readonly price?: string;
  readonly qty?: string;
  readonly position_qty?: string;
}

/** Listens to trade_updates as a client would; gives the updates so far. */
function listen(world: World): readonly Update[] {
  const updates: Update[] = [];
  const port: StreamPort = {
    send: (frame) => {
      const message = JSON.parse(typeof frame === 'string' ? frame : new TextDecoder().decode(frame));
      if (message.stream === 'trade_updates') updates.push(message.data);
    },
    close: () => {},
    silence: () => {},
    buffered: () => 0,
  };
  const session = world.exchange.openStream('/stream', {}, port);
  session.receive('{"action":"auth","key":"KEY","secret":"SECRET"}');
  session.receive('{"action":"listen","data":{"streams":["trade_updates"]}}');
  return updates;
}

const account = (world: World): Json => world.call('GET', '/v2/account').body;
const legsOf = (order: Json): readonly Json[] => order['legs'] as readonly Json[];
const legOf = (order: Json, type: string): Json => {
  const leg = legsOf(order).find((each) => each['type'] === type);
  assert.ok(leg, `no ${type} leg`);
  return leg;
};

test('a bracket entered before the open, its target moved, its stop hit by a gap', () => {
  const world = openWorld({ hours: true, at: '2026-11-23T13:00:00Z' });
  const updates = listen(world);
  world.hold('AAPL', '199.99', '200.01');

  const placed = world.order({
    symbol: 'AAPL',
    qty: '100',
    side: 'buy',
    type: 'limit',
    limit_price: '201',
    time_in_force: 'gtc',
    order_class: 'bracket',
    take_profit: { limit_price: '210' },
    stop_loss: { stop_price: '195' },
    client_order_id: 'gap-trade',
  });
  assert.equal(placed.status, 200);
  assert.equal(placed.body['status'], 'accepted');
  assert.equal(placed.body['filled_qty'], '0');
  assert.deepEqual(
    legsOf(placed.body).map((leg) => leg['status']),
    ['held', 'held'],
  );
  const id = String(placed.body['id']);
  assert.equal(account(world)['buying_power'], '179900', 'two times 100,000 less 100 × 201');

  world.advanceTo('2026-11-23T14:29:59Z');
  assert.equal(world.call('GET', `/v2/orders/${id}`).body['status'], 'accepted', 'nothing happens before the open');
  assert.deepEqual(world.call('GET', '/v2/positions').list, []);

  world.advanceTo('2026-11-23T14:30:05Z');
  const entered = world.call('GET', `/v2/orders/${id}?nested=true`).body;
  assert.equal(entered['status'], 'filled');
  assert.equal(entered['filled_avg_price'], '200.01');
  assert.equal(legOf(entered, 'limit')['status'], 'new');
  const position = world.call('GET', '/v2/positions/AAPL').body;
  assert.equal(position['qty'], '100');
  assert.equal(position['qty_available'], '0', 'the exits hold the shares, once');
  assert.equal(position['avg_entry_price'], '200.01');
  assert.equal(account(world)['cash'], '79999');

  const target = legOf(entered, 'limit');
  const moved = world.call('PATCH', `/v2/orders/${target['id']}`, { limit_price: '215' });
  assert.equal(moved.status, 200, JSON.stringify(moved.body));
  assert.equal(moved.body['replaces'], target['id']);
  assert.equal(moved.body['limit_price'], '215');
  assert.equal(world.call('GET', `/v2/orders/${target['id']}`).body['replaced_by'], moved.body['id']);

  world.advanceTo('2026-11-23T15:00:00Z');
  world.hold('AAPL', '190.00', '190.02');
  world.advance(2);
  const over = world.call('GET', `/v2/orders/${id}?nested=true`).body;
  const stop = legOf(over, 'stop');
  assert.equal(stop['status'], 'filled');
  assert.equal(stop['filled_avg_price'], '190', 'a gap fills at the market, not at the stop');
  assert.equal(world.call('GET', `/v2/orders/${moved.body['id']}`).body['status'], 'canceled');
  assert.deepEqual(world.call('GET', '/v2/positions').list, []);

  // 100 × (190.00 − 200.01) = −1,001.00
  assert.equal(account(world)['cash'], '98999');
  assert.equal(account(world)['equity'], '98999');
  const fills = world.call('GET', '/v2/account/activities/FILL?direction=asc').list;
  assert.deepEqual(
    fills.map((fill) => [fill['side'], fill['qty'], fill['price'], fill['cum_qty'], fill['leaves_qty']]),
    [
      ['buy', '100', '200.01', '100', '0'],
      ['sell', '100', '190', '100', '0'],
    ],
  );
  assert.deepEqual(world.call('GET', '/v2/orders?status=open').list, []);
  const told = updates.map((update) => update.event);
  for (const event of ['new', 'fill', 'replaced', 'canceled']) assert.ok(told.includes(event), told.join(' '));
  const executions = updates.filter((update) => update.event === 'fill');
  assert.deepEqual(
    executions.map(({ price, qty, position_qty }) => [price, qty, position_qty]),
    [
      ['200.01', '100', '100'],
      ['190', '100', '0'],
    ],
  );
  assert.ok(told.indexOf('new') < told.indexOf('fill'));
});

test('a crypto round trip pays its fees in what it receives', () => {
  const world = openWorld();
  world.hold('BTC/USD', '50000');
  const order = { symbol: 'BTC/USD', side: 'buy', qty: '0.1', type: 'market', time_in_force: 'gtc' };
  assert.equal(world.order(order).status, 200);
  world.advance(1);
  const position = world.call('GET', '/v2/positions/BTCUSD').body;
  // 25 basis points of 0.1
  assert.equal(position['qty_available'], '0.09975');
  assert.equal(account(world)['cash'], '95000');
  const sold = world.order({ ...order, side: 'sell', qty: '0.09975' });
  assert.equal(sold.status, 200, JSON.stringify(sold.body));
  world.advance(1);
  assert.deepEqual(world.call('GET', '/v2/positions').list, []);
  // 0.09975 × 50,000 = 4,987.50, less 25 basis points = 12.46875
  assert.equal(account(world)['cash'], '99975.03125');
  const fees = world.call('GET', '/v2/account/activities/CFEE').list;
  assert.equal(fees.length, 2);
});

test('a resting buy takes quantity × limit, a replace counts the new order alone, a cancel gives it back', () => {
  const world = openWorld();
  world.hold('AAPL', '200');
  const before = account(world)['buying_power'];
  assert.equal(before, '200000');
  const placed = world.order({
    symbol: 'AAPL',
    qty: '10',
    side: 'buy',
    type: 'limit',
    limit_price: '150.5',
    time_in_force: 'day',
  });
  assert.equal(account(world)['buying_power'], '198495');
  const replaced = world.call('PATCH', `/v2/orders/${placed.body['id']}`, { limit_price: '160', qty: '20' });
  assert.equal(replaced.status, 200, JSON.stringify(replaced.body));
  assert.equal(account(world)['buying_power'], '196800');
  assert.equal(world.call('DELETE', `/v2/orders/${replaced.body['id']}`).status, 204);
  assert.equal(account(world)['buying_power'], before);
});
