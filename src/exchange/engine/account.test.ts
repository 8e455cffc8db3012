/** The account's own pages: lists, activities, configurations, closing everything, history, splits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCOUNT, Desk, MSFT } from './testing/harness.ts';
import type { OrderJson, Query } from './types.ts';

const REST = { type: 'limit', limit_price: '80', time_in_force: 'gtc' };

function list(desk: Desk, query: Query): readonly OrderJson[] {
  const result = desk.engine.orders(ACCOUNT, query);
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}
const ids = (orders: readonly OrderJson[]): string[] => orders.map(({ id }) => id);

test('lists: newest first, after and until exclusive, paging by order id, filters', () => {
  const desk = new Desk();
  const orders = Array.from({ length: 5 }, () => desk.place({ qty: '1', ...REST }));
  const [a, b, c, d, e] = orders;
  assert.ok(a && b && c && d && e);
  assert.deepEqual(ids(list(desk, {})), ids([e, d, c, b, a]));
  assert.deepEqual(ids(list(desk, { direction: 'asc', limit: '2' })), ids([a, b]));
  assert.deepEqual(ids(list(desk, { after: b.submitted_at, until: e.submitted_at })), ids([d, c]));
  assert.deepEqual(ids(list(desk, { before_order_id: c.id })), ids([b, a]));
  assert.deepEqual(ids(list(desk, { after_order_id: c.id, direction: 'asc' })), ids([d, e]));
  desk.cancel(c);
  assert.deepEqual(ids(list(desk, { status: 'closed' })), ids([c]));
  assert.equal(list(desk, { status: 'all' }).length, 5);
  desk.place({ symbol: 'BTC/USD', qty: '0.1', ...REST, limit_price: '40000' });
  assert.equal(list(desk, { symbols: 'BTCUSD' }).length, 1);
  assert.equal(list(desk, { asset_class: 'crypto' }).length, 1);
  assert.equal(list(desk, { asset_class: 'all', side: 'sell' }).length, 0);
  for (const bad of [
    { limit: '501' },
    { status: 'new' },
    { after: 'yesterday' },
    { before_order_id: a.id, after: a.submitted_at },
  ]) {
    const result = desk.engine.orders(ACCOUNT, bad);
    assert.ok(!result.ok && result.error.status === 422);
  }
});

test('orders are found by id and by client order id, for ever', () => {
  const desk = new Desk();
  const order = desk.place({ qty: '1', client_order_id: 'mine' });
  const found = desk.engine.orderByClientId(ACCOUNT, 'mine');
  assert.ok(found.ok);
  assert.equal(found.value.id, order.id);
  const unknown = '00000000-0000-4000-8000-000000000000';
  for (const [result, message] of [
    [desk.engine.order(ACCOUNT, unknown, {}), `order not found for ${unknown}`],
    [desk.engine.order(ACCOUNT, 'xyz', {}), 'order_id is missing'],
    [desk.engine.orderByClientId(ACCOUNT, 'other'), 'order not found for other'],
    [desk.cancel({ id: unknown }), `order not found for ${unknown}`],
    [desk.cancel(order), 'order is already in "filled" state'],
    [desk.replace(order, { qty: '2' }), 'unable to replace order, order is not open'],
  ] as const) {
    assert.ok(!result.ok);
    assert.equal(result.error.message, message);
  }
});

test('a replacement has a new id and names the old order, which names it', () => {
  const desk = new Desk();
  const order = desk.place({ qty: '1', ...REST });
  const next = desk.replace(order, { qty: '2', client_order_id: 'next' });
  assert.ok(next.ok);
  assert.deepEqual([next.value.replaces, next.value.client_order_id, next.value.qty], [order.id, 'next', '2']);
  const old = desk.order(order);
  assert.deepEqual([old.status, old.replaced_by], ['replaced', next.value.id]);
  assert.notEqual(old.replaced_at, null);
  const [, replaced, fresh] = desk.events;
  assert.deepEqual([replaced?.event, replaced?.order.replaced_by], ['replaced', next.value.id]);
  assert.deepEqual([fresh?.event, fresh?.order.id], ['new', next.value.id]);
  for (const [body, message] of [
    [{ qty: '2' }, 'order parameters are not changed'],
    [{ client_order_id: 'next' }, 'client_order_id must be unique'],
    [
      { limit_price: '80.001' },
      'invalid limit_price 80.001. sub-penny increment does not fulfill minimum pricing criteria',
    ],
    [{ qty: '1000000' }, 'insufficient buying power'],
  ] as const) {
    const result = desk.replace(next.value, body);
    assert.ok(!result.ok);
    assert.equal(result.error.message, message);
  }
  const again = desk.replace(order, { qty: '3' });
  assert.ok(!again.ok);
  assert.equal(again.error.message, 'order already replaced');
});

test('activities: newest first, pages by the last id, by type, category and order', () => {
  const desk = new Desk();
  const orders = [1, 2, 3].map((n) => desk.place({ qty: String(n) }));
  desk.engine.adjustCash(ACCOUNT, '-500', desk.now);
  const rows = (query: Query, type?: string): string[] => {
    const result = desk.engine.activities(ACCOUNT, query, type);
    assert.ok(result.ok);
    return result.value.map((row) => `${row.activity_type} ${row['qty'] ?? row['net_amount']}`);
  };
  assert.deepEqual(rows({}), ['CSW -500', 'FILL 3', 'FILL 2', 'FILL 1']);
  assert.deepEqual(rows({ direction: 'asc', page_size: '2' }), ['FILL 1', 'FILL 2']);
  const first = desk.engine.activities(ACCOUNT, { page_size: '2' });
  assert.ok(first.ok);
  assert.deepEqual(rows({ page_token: first.value.at(-1)?.id }), ['FILL 2', 'FILL 1']);
  assert.deepEqual(rows({ category: 'non_trade_activity' }), ['CSW -500']);
  assert.deepEqual(rows({}, 'FILL').length, 3);
  assert.deepEqual(rows({ order_id: orders[1]?.id }), ['FILL 2']);
  assert.equal(desk.account('cash'), '98899.94');
  assert.ok(!desk.engine.activities(ACCOUNT, { activity_types: 'FILL', category: 'trade_activity' }).ok);
});

test('cancelling and closing everything answer one element each', () => {
  const desk = new Desk();
  desk.place({ qty: '10' });
  desk.place({ symbol: 'BTC/USD', qty: '0.1', time_in_force: 'gtc' });
  const order = desk.place({ qty: '10', side: 'sell', type: 'limit', limit_price: '120' });
  const held = desk.engine.closeAll(ACCOUNT, false, desk.now);
  assert.deepEqual(
    held.map(({ symbol, status }) => [symbol, status]),
    [
      ['AAPL', 403],
      ['BTCUSD', 200],
    ],
  );
  assert.deepEqual(held[0]?.body, {
    available: '0',
    code: 40310000,
    existing_qty: '10',
    held_for_orders: '10',
    message: 'insufficient qty available for order (requested: 10, available: 0)',
    related_orders: [order.id],
    symbol: 'AAPL',
  });
  assert.deepEqual(desk.engine.cancelAll(ACCOUNT, desk.now), [{ id: order.id, status: 200 }]);
  desk.engine.closeAll(ACCOUNT, true, desk.now);
  assert.deepEqual(desk.engine.positions(ACCOUNT, desk.now), []);
});

test('a position is closed in part or in whole, by symbol or by asset id', () => {
  const desk = new Desk();
  desk.place({ symbol: 'MSFT', qty: '10' });
  const close = (key: string, query: Query) => desk.engine.closePosition(ACCOUNT, key, query, desk.now);
  assert.ok(close('MSFT', { qty: '1' }).ok);
  assert.ok(close(MSFT.id, { percentage: '50' }).ok);
  assert.deepEqual(desk.position('MSFT'), ['4.5', '4.5']);
  assert.ok(close('MSFT', {}).ok);
  const gone = close('MSFT', {});
  assert.ok(!gone.ok);
  assert.deepEqual([gone.error.status, gone.error.message], [404, 'position not found: MSFT']);
  const none = desk.engine.position(ACCOUNT, 'MSFT', desk.now);
  assert.ok(!none.ok);
  assert.equal(none.error.message, 'position does not exist');
  assert.ok(!close('MSFT', { qty: '1', percentage: '1' }).ok);
});

test('configurations: partial bodies, nulls and retired keys are fine, nonsense is not', () => {
  const desk = new Desk();
  const result = desk.engine.configure(ACCOUNT, { suspend_trade: true, pdt_check: null, dtbp_check: 'both' }, desk.now);
  assert.ok(result.ok);
  assert.deepEqual([result.value.suspend_trade, result.value.fractional_trading], [true, true]);
  assert.equal(desk.refusal({ qty: '1' }).message, 'account is not authorized to trade');
  assert.ok(!desk.engine.configure(ACCOUNT, { max_margin_multiplier: '3' }, desk.now).ok);
  desk.engine.configure(
    ACCOUNT,
    { suspend_trade: false, fractional_trading: false, max_margin_multiplier: '1' },
    desk.now,
  );
  assert.equal(desk.refusal({ qty: '1.5' }).message, 'fractional trading is disabled for this account');
  assert.equal(desk.account('buying_power'), '100000');
});

test('the day rolls at the close: last equity, intraday gains, history', () => {
  const desk = new Desk();
  desk.place({ qty: '100' });
  desk.price('AAPL', '109.99', '110.01');
  assert.equal(desk.account('equity'), '100999');
  assert.equal(desk.account('last_equity'), '100000');
  desk.at('2026-01-07 16:00');
  assert.equal(desk.account('last_equity'), '100999');
  const history = desk.engine.portfolioHistory(ACCOUNT, { period: '1D', timeframe: '1H' }, desk.now);
  assert.ok(history.ok);
  assert.deepEqual(
    [history.value.base_value, history.value.equity[0], history.value.profit_loss[0]],
    [100000, 100999, 999],
  );
  assert.equal(history.value.timestamp.length, history.value.profit_loss.length);
  assert.ok(!desk.engine.portfolioHistory(ACCOUNT, { timeframe: '2H' }, desk.now).ok);
});

test('a history within days tells of market hours and starts its gains anew every day, unless asked otherwise', () => {
  const desk = new Desk();
  desk.place({ qty: '100' });
  desk.price('AAPL', '109.99', '110.01');
  desk.at('2026-01-07 15:59');
  desk.at('2026-01-08 09:31');
  desk.price('AAPL', '104.99', '105.01');
  desk.at('2026-01-08 10:30');
  const history = (query: Query) => {
    const result = desk.engine.portfolioHistory(ACCOUNT, { period: '2D', timeframe: '1H', ...query }, desk.now);
    assert.ok(result.ok, result.ok ? '' : result.error.message);
    return result.value;
  };
  const hours = (query: Query): number[] =>
    history(query).timestamp.map((at) => (new Date(at * 1000).getUTCHours() + 19) % 24);
  assert.deepEqual(hours({}).slice(-2), [9, 10]);
  assert.ok(hours({}).every((hour) => hour >= 9 && hour < 16));
  assert.equal(Math.max(...hours({ intraday_reporting: 'extended_hours' })), 19);
  assert.ok(
    hours({ intraday_reporting: 'continuous' }).length > hours({ intraday_reporting: 'extended_hours' }).length,
  );
  assert.equal(history({}).profit_loss.at(-1), -500);
  assert.equal(history({ pnl_reset: 'no_reset' }).profit_loss.at(-1), 499);
  const frame = (period: string) => history({ period, timeframe: '' }).timeframe;
  assert.deepEqual(['1D', '6D', '1W', '1M'].map(frame), ['1Min', '1Min', '15Min', '1D']);
  for (const wrong of [{ intraday_reporting: 'x' }, { pnl_reset: 'x' }, { period: '1A' }]) {
    const query = { timeframe: '1H', ...wrong };
    const result = desk.engine.portfolioHistory(ACCOUNT, query, desk.now);
    assert.ok(!result.ok && result.error.status === 422, JSON.stringify(query));
  }
});

test('a split keeps what the position cost and cancels the orders of the symbol', () => {
  const desk = new Desk();
  desk.place({ qty: '10' });
  const order = desk.place({ qty: '1', ...REST });
  desk.engine.split('AAPL', 4, 1, desk.now);
  desk.price('AAPL', '25', '25.02');
  assert.equal(desk.state(order)[0], 'canceled');
  const position = desk.engine.position(ACCOUNT, 'AAPL', desk.now);
  assert.ok(position.ok);
  assert.deepEqual(
    [position.value.qty, position.value.avg_entry_price, position.value.cost_basis],
    ['40', '25.0025', '1000.1'],
  );
});

test('accounts do not see each other', () => {
  const desk = new Desk();
  const other = '22222222-2222-4222-8222-222222222222';
  desk.engine.openAccount({ id: other, cash: '50' }, desk.now);
  const order = desk.place({ qty: '1', client_order_id: 'same' });
  assert.ok(!desk.engine.order(other, order.id, {}).ok);
  assert.deepEqual(desk.engine.positions(other, desk.now), []);
  assert.throws(() => desk.engine.openAccount({ id: other }, desk.now), /exists/);
  assert.throws(() => desk.engine.account('nobody', desk.now), /no account/);
});
