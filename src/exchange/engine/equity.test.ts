/** Stocks as a trader meets them: what is accepted, what is refused and in which words, what fills and when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Desk } from './testing/harness.ts';

const UNPROCESSABLE = [422, 42210000] as const;
const MALFORMED = [422, 40010001] as const;
const FORBIDDEN = [403, 40310000] as const;

test('a market order is answered before it fills, and fills at the other side of the quote', () => {
  const desk = new Desk();
  const order = desk.place({ qty: '10', client_order_id: 'mine' });
  assert.deepEqual([order.status, order.filled_qty, order.client_order_id], ['pending_new', '0', 'mine']);
  assert.deepEqual(desk.state(order), ['filled', '10', '100.01']);
  assert.deepEqual(desk.heard(), ['new', 'fill']);
  assert.deepEqual(desk.position('AAPL'), ['10', '10']);
  assert.equal(desk.account('cash'), '98999.9');
});

test('the shape of an order is judged in the words of the trading API', () => {
  const desk = new Desk();
  const cases: [object, string][] = [
    [{}, 'qty or notional is required'],
    [{ qty: '1', notional: '1' }, 'only one of qty or notional is accepted'],
    [{ qty: '0' }, 'qty must be > 0'],
    [{ qty: '-1' }, 'qty must be > 0'],
    [{ qty: '1', type: 'limit', limit_price: '0' }, 'limit price must be > 0'],
    [{ qty: '1', type: 'iceberg' }, 'invalid order type'],
    [{ qty: '1', side: 'hold' }, 'invalid side'],
    [{ qty: '1', time_in_force: 'soon' }, 'invalid time_in_force'],
    [{ qty: '1', type: 'limit' }, 'limit orders require a limit price'],
    [{ qty: '1', type: 'stop' }, 'stop orders require a stop price'],
    [{ qty: '1', type: 'stop_limit', stop_price: '1' }, 'stop limit orders require both stop and limit price'],
    [{ qty: '1', limit_price: '1' }, 'market orders require no stop or limit price'],
    [{ qty: '1', type: 'trailing_stop' }, 'trailing stop orders must specify one of trail_price or trail_percent'],
    [{ qty: '1', type: 'trailing_stop', trail_percent: '0.01' }, 'trail_percent must be greater than or equal to 0.1'],
    [{ qty: '1', client_order_id: 'x'.repeat(129) }, 'client_order_id must be no more than 128 characters'],
    [{ notional: '0.5' }, 'notional must be >= 1.00'],
    [{ qty: '1', symbol: 'GONE' }, 'asset GONE is not active'],
  ];
  for (const [body, message] of cases) assert.deepEqual(desk.refused({ ...body }), [...MALFORMED, message]);
});

test('numbers may come as text or as JSON numbers', () => {
  const desk = new Desk();
  const order = desk.place({ qty: 1.5, type: 'limit', limit_price: 80 });
  assert.deepEqual([order.qty, order.limit_price], ['1.5', '80']);
});

test('a client order id is spent for ever once an order was accepted, and not before', () => {
  const desk = new Desk();
  desk.refused({ qty: '100000', client_order_id: 'a' });
  const order = desk.place({ qty: '1', type: 'limit', limit_price: '80', client_order_id: 'a' });
  assert.ok(desk.cancel(order).ok);
  assert.deepEqual(desk.refused({ qty: '1', client_order_id: 'a' }), [...MALFORMED, 'client_order_id must be unique']);
  desk.engine.setFaults({ enforceUnique: false }, desk.now);
  desk.place({ qty: '1', client_order_id: 'a' });
});

test('prices keep to cents from a dollar on, and to hundredths of a cent below', () => {
  const desk = new Desk();
  const message = 'sub-penny increment does not fulfill minimum pricing criteria';
  assert.deepEqual(desk.refused({ qty: '1', type: 'limit', limit_price: '90.123' }), [
    ...UNPROCESSABLE,
    `invalid limit_price 90.123. ${message}`,
  ]);
  desk.place({ symbol: 'PENNY', qty: '10', type: 'limit', limit_price: '0.4321' });
  desk.refused({ symbol: 'PENNY', qty: '10', type: 'limit', limit_price: '0.43215' });
  const bracket = {
    qty: '1',
    order_class: 'bracket',
    take_profit: { limit_price: '120.555' },
    stop_loss: { stop_price: '90' },
  };
  assert.deepEqual(desk.refused(bracket), [...UNPROCESSABLE, `invalid take_profit.limit_price 120.555. ${message}`]);
});

test('fractions: day only, simple only, whole shares for what is not fractionable, never short', () => {
  const desk = new Desk();
  const order = desk.place({ notional: '50' });
  assert.deepEqual([order.qty, order.notional], [null, '50']);
  assert.deepEqual(desk.state(order), ['filled', '0.499950004', '100.01']);
  assert.deepEqual(desk.refused({ qty: '0.5', time_in_force: 'gtc' }), [
    ...UNPROCESSABLE,
    'fractional orders must be DAY orders',
  ]);
  const exits = { take_profit: { limit_price: '120' }, stop_loss: { stop_price: '90' } };
  assert.deepEqual(desk.refused({ qty: '0.5', order_class: 'bracket', ...exits }), [
    ...UNPROCESSABLE,
    'fractional orders must be simple orders',
  ]);
  assert.deepEqual(desk.refused({ symbol: 'WHOLE', qty: '0.5' }), [...FORBIDDEN, 'asset "WHOLE" is not fractionable']);
  assert.deepEqual(desk.refused({ symbol: 'MSFT', qty: '0.5', side: 'sell' }), [
    ...UNPROCESSABLE,
    'fractional orders cannot be sold short',
  ]);
  assert.deepEqual(desk.refused({ notional: '5.123' }), [
    ...UNPROCESSABLE,
    'notional value must be limited to 2 decimal places',
  ]);
  assert.deepEqual(desk.refused({ qty: '0.001' }), [...FORBIDDEN, 'cost basis must be >= minimal amount of order 1']);
});

test('a resting buy takes exactly quantity × limit, and a cancel gives exactly that back', () => {
  const desk = new Desk();
  assert.equal(desk.account('buying_power'), '200000');
  const order = desk.place({ qty: '3', type: 'limit', limit_price: '80.01' });
  assert.equal(desk.account('buying_power'), '199759.97');
  const changed = desk.replace(order, { limit_price: '70' });
  assert.ok(changed.ok);
  assert.equal(desk.account('buying_power'), '199790');
  assert.ok(desk.cancel(changed.value).ok);
  assert.equal(desk.account('buying_power'), '200000');
  assert.deepEqual(desk.heard(), ['new', 'replaced', 'new', 'canceled']);
});

test('more than the buying power is refused, with both sums in the body', () => {
  const desk = new Desk();
  const { status, code, message, extra } = desk.refusal({ qty: '2001', type: 'limit', limit_price: '100' });
  assert.deepEqual([status, code, message], [...FORBIDDEN, 'insufficient buying power']);
  assert.deepEqual(extra, { buying_power: '200000', cost_basis: '200100' });
});

test('a limit order rests until the quote crosses it and then fills at the quote', () => {
  const desk = new Desk();
  const order = desk.place({ qty: '5', type: 'limit', limit_price: '95' });
  assert.equal(desk.state(order)[0], 'new');
  desk.price('AAPL', '95', '95.01');
  assert.equal(desk.state(order)[0], 'new');
  desk.price('AAPL', '94', '94.02');
  assert.deepEqual(desk.state(order), ['filled', '5', '94.02']);
});

test('ioc and fok fill at once or are cancelled', () => {
  const desk = new Desk();
  for (const tif of ['ioc', 'fok']) {
    assert.equal(
      desk.state(desk.place({ qty: '1', type: 'limit', limit_price: '90', time_in_force: tif }))[0],
      'canceled',
    );
    assert.equal(desk.state(desk.place({ qty: '1', time_in_force: tif }))[0], 'filled');
  }
});

test('a buy stop becomes a limit above its stop; a sell stop becomes a market order', () => {
  const desk = new Desk();
  const buy = desk.place({ qty: '1', type: 'stop', stop_price: '110' });
  // 2.5 % above the stop: 112.75.
  desk.price('AAPL', '113', '113.02');
  assert.equal(desk.state(buy)[0], 'new');
  desk.price('AAPL', '112', '112.02');
  assert.deepEqual(desk.state(buy), ['filled', '1', '112.02']);
  const sell = desk.place({ qty: '1', side: 'sell', type: 'stop', stop_price: '100' });
  desk.price('AAPL', '101', '101.02');
  assert.equal(desk.state(sell)[0], 'new');
  desk.price('AAPL', '98', '98.02');
  assert.deepEqual(desk.state(sell), ['filled', '1', '98']);
  desk.place({ qty: '1' });
  assert.deepEqual(desk.refused({ qty: '1', side: 'sell', type: 'stop', stop_price: '150' }), [
    ...UNPROCESSABLE,
    'stop price must be less than current price',
  ]);
});

test('a stop-limit rests as a limit once its stop is reached', () => {
  const desk = new Desk();
  desk.place({ qty: '2' });
  const order = desk.place({ qty: '2', side: 'sell', type: 'stop_limit', stop_price: '95', limit_price: '94.5' });
  desk.price('AAPL', '94', '94.02');
  assert.equal(desk.state(order)[0], 'new');
  desk.price('AAPL', '94.6', '94.62');
  assert.deepEqual(desk.state(order), ['filled', '2', '94.6']);
});

test('a trailing stop follows the best price, shows where it stands, and sells on the way back', () => {
  const desk = new Desk();
  desk.place({ qty: '1' });
  const order = desk.place({ qty: '1', side: 'sell', type: 'trailing_stop', trail_percent: '10' });
  assert.deepEqual([order.hwm, order.stop_price], ['100', '90']);
  desk.price('AAPL', '119.99', '120.01');
  desk.price('AAPL', '115', '115.02');
  assert.deepEqual([desk.order(order).hwm, desk.order(order).stop_price], ['120', '108']);
  const tighter = desk.replace(order, { trail: '5' });
  assert.ok(tighter.ok);
  assert.deepEqual([tighter.value.trail_percent, tighter.value.hwm, tighter.value.stop_price], ['5', '120', '114']);
  desk.price('AAPL', '114.5', '114.52');
  assert.equal(desk.state(tighter.value)[0], 'new');
  desk.price('AAPL', '100', '100.02');
  assert.deepEqual(desk.state(tighter.value), ['filled', '1', '100']);
});

test('what is on offer for sale is held, and no more can be sold', () => {
  const desk = new Desk();
  desk.place({ qty: '10' });
  const first = desk.place({ qty: '6', side: 'sell', type: 'limit', limit_price: '120' });
  assert.deepEqual(desk.position('AAPL'), ['10', '4']);
  const { message, extra } = desk.refusal({ qty: '5', side: 'sell', type: 'limit', limit_price: '121' });
  assert.equal(message, 'insufficient qty available for order (requested: 5, available: 4)');
  assert.deepEqual(extra, {
    available: '4',
    existing_qty: '10',
    held_for_orders: '6',
    related_orders: [first.id],
    symbol: 'AAPL',
  });
  desk.cancel(first);
  assert.deepEqual(desk.position('AAPL'), ['10', '10']);
});

test('shorting: easy to borrow only, reserved at 3 % above the ask, covered by buying back', () => {
  const desk = new Desk();
  assert.deepEqual(desk.refused({ symbol: 'HTB', qty: '1', side: 'sell' }), [
    ...UNPROCESSABLE,
    'asset "HTB" cannot be sold short',
  ]);
  const order = desk.place({ qty: '10', side: 'sell', type: 'limit', limit_price: '101' });
  assert.equal(desk.account('buying_power'), '198969.897');
  desk.cancel(order);
  desk.place({ qty: '10', side: 'sell' });
  assert.deepEqual(desk.position('AAPL'), ['-10', '-10']);
  assert.equal(desk.account('cash'), '100999.9');
  const { message } = desk.refusal({ qty: '11' });
  assert.equal(message, 'insufficient qty available for order (requested: 11, available: 10)');
  desk.place({ qty: '10' });
  assert.deepEqual(desk.position('AAPL'), ['0', '0']);
  desk.engine.configure('11111111-1111-4111-8111-111111111111', { no_shorting: true }, desk.now);
  assert.deepEqual(desk.refused({ qty: '1', side: 'sell' }), [...FORBIDDEN, 'account is not allowed to short']);
});

test('wash trades: the other side of the same symbol is refused unless two limits stay apart', () => {
  const desk = new Desk();
  desk.place({ qty: '10' });
  const sell = desk.place({ qty: '1', side: 'sell', type: 'limit', limit_price: '110' });
  const blocked = desk.refusal({ qty: '1' });
  assert.deepEqual(blocked.extra, { existing_order_id: sell.id, reject_reason: 'opposite side limit order exists' });
  assert.deepEqual(
    [blocked.status, blocked.code, blocked.message],
    [...FORBIDDEN, 'potential wash trade detected. use complex orders'],
  );
  desk.refused({ qty: '1', type: 'limit', limit_price: '110' });
  desk.cancel(desk.place({ qty: '1', type: 'limit', limit_price: '99' }));
  desk.place({ qty: '1', type: 'trailing_stop', trail_price: '5' });
  const stop = desk.place({ qty: '1', side: 'sell', type: 'stop', stop_price: '80' });
  const hard = desk.refusal({ qty: '1', type: 'limit', limit_price: '90' });
  assert.deepEqual(hard.extra, {
    existing_order_id: stop.id,
    reject_reason: 'opposite side market/stop order exists',
  });
});

test('while flat, one cannot wait to go long and short at once', () => {
  const desk = new Desk();
  const buy = desk.place({ qty: '1', type: 'limit', limit_price: '80' });
  assert.deepEqual(desk.refused({ qty: '1', side: 'sell', type: 'limit', limit_price: '120' }), [
    ...FORBIDDEN,
    'cannot open a short sell while a long buy order is open',
  ]);
  desk.cancel(buy);
  desk.place({ qty: '1', side: 'sell', type: 'limit', limit_price: '120' });
  assert.deepEqual(desk.refused({ qty: '1', type: 'limit', limit_price: '80' }), [
    ...FORBIDDEN,
    'cannot open a long buy while a short sell order is open',
  ]);
});

test('after hours: plain orders wait for the open, extended limit orders work', () => {
  const desk = new Desk({}, '2026-01-07 17:00');
  const waiting = desk.place({ qty: '1' });
  assert.equal(waiting.status, 'accepted');
  assert.deepEqual(desk.heard(), ['accepted']);
  const late = desk.place({ qty: '1', type: 'limit', limit_price: '100.01', extended_hours: true });
  assert.equal(desk.state(late)[0], 'filled');
  assert.deepEqual(desk.refused({ qty: '1', extended_hours: true }), [
    ...UNPROCESSABLE,
    'extended hours order must be DAY or GTC limit orders',
  ]);
  assert.ok(!desk.replace(waiting, { qty: '2' }).ok);
  desk.at('2026-01-08 09:00');
  assert.equal(desk.state(waiting)[0], 'accepted');
  desk.heard();
  desk.at('2026-01-08 09:31');
  assert.equal(desk.state(waiting)[0], 'filled');
  assert.deepEqual(desk.heard(), ['new', 'fill']);
});

test('a day order expires at the close, a gtc order after ninety days at a quarter past four', () => {
  const desk = new Desk();
  const day = desk.place({ qty: '1', type: 'limit', limit_price: '80' });
  const gtc = desk.place({ qty: '1', type: 'limit', limit_price: '80', time_in_force: 'gtc' });
  assert.equal(day.expires_at, '2026-01-07T21:00:00Z');
  assert.equal(gtc.expires_at, '2026-04-07T21:00:00Z');
  desk.at('2026-01-07 15:58');
  assert.equal(desk.state(day)[0], 'new');
  desk.at('2026-01-07 16:00');
  assert.equal(desk.state(day)[0], 'expired');
  desk.at('2026-04-07 16:10');
  assert.equal(desk.state(gtc)[0], 'new');
  desk.at('2026-04-07 16:15');
  assert.equal(desk.state(gtc)[0], 'canceled');
  assert.equal(desk.account('buying_power'), '200000');
});

test('opening and closing auctions have windows, fill in the auction, and are cancelled when they do not', () => {
  const desk = new Desk();
  assert.deepEqual(desk.refused({ qty: '1', time_in_force: 'opg' }), [
    ...FORBIDDEN,
    'opg orders must be submitted after 7:00pm and before 9:28am',
  ]);
  const close = desk.place({ qty: '1', time_in_force: 'cls' });
  const far = desk.place({ qty: '1', time_in_force: 'cls', type: 'limit', limit_price: '80' });
  assert.equal(close.status, 'accepted');
  desk.at('2026-01-07 15:52');
  assert.deepEqual(desk.refused({ qty: '1', time_in_force: 'cls' }), [
    ...FORBIDDEN,
    'cls orders must be submitted after 7:00pm and before 3:55pm',
  ]);
  desk.at('2026-01-07 16:00');
  assert.equal(desk.state(close)[0], 'filled');
  assert.equal(desk.state(far)[0], 'canceled');
  desk.at('2026-01-07 19:05');
  const open = desk.place({ qty: '1', time_in_force: 'opg' });
  desk.at('2026-01-08 09:29');
  assert.equal(desk.state(open)[0], 'accepted');
  desk.at('2026-01-08 09:30');
  assert.equal(desk.state(open)[0], 'filled');
});

test('an exchange that is always open knows neither sessions nor expiry of day orders', () => {
  const desk = new Desk({}, '2026-01-10 03:00');
  desk.market.keepsHours = false;
  const order = desk.place({ qty: '1', type: 'limit', limit_price: '80' });
  assert.equal(order.status, 'pending_new');
  desk.at('2026-01-14 03:00');
  assert.equal(desk.state(order)[0], 'new');
});

test('margin: half the price of a stock, all of it for what is not marginable, nothing below 2,000 dollars', () => {
  const desk = new Desk();
  desk.place({ qty: '100' });
  assert.equal(desk.account('initial_margin'), '5000');
  assert.equal(desk.account('maintenance_margin'), '3000');
  desk.place({ symbol: 'TRIPLE', qty: '100' });
  assert.equal(desk.account('maintenance_margin'), '4500.75');
  assert.equal(new Desk({ multiplier: 4 }).account('buying_power'), '400000');
  const small = new Desk({ cash: '1500' });
  assert.deepEqual([small.account('multiplier'), small.account('buying_power')], ['1', '1500']);
  assert.deepEqual(small.refused({ qty: '1', side: 'sell' }), [...FORBIDDEN, 'account is not allowed to short']);
  const cashOnly = desk.refusal({ symbol: 'CASHY', qty: '9000', type: 'limit', limit_price: '20' });
  assert.equal(cashOnly.message, 'insufficient buying power');
});

test('unknown, closed and quoteless symbols are refused', () => {
  const desk = new Desk();
  assert.deepEqual(desk.refused({ symbol: 'NOPE', qty: '1' }), [...UNPROCESSABLE, 'asset "NOPE" not found']);
  assert.deepEqual(desk.refused({ symbol: 'SHUT', qty: '1' }), [...UNPROCESSABLE, 'asset "SHUT" is not tradable']);
  assert.deepEqual(desk.refused({ symbol: 'QUIET', qty: '1' }), [
    ...FORBIDDEN,
    'order has been rejected due to no available quote for symbol. please reenter with a limit',
  ]);
});

test('a halt keeps orders where they are', () => {
  const desk = new Desk();
  desk.market.halt('AAPL', true);
  const order = desk.place({ qty: '1' });
  desk.look();
  assert.equal(desk.state(order)[0], 'new');
  desk.market.halt('AAPL', false);
  desk.look();
  assert.equal(desk.state(order)[0], 'filled');
});

test('partial fills, when they are switched on, add up', () => {
  const desk = new Desk({}, '2026-01-07 10:00', { partialFills: 1 });
  const order = desk.place({ qty: '1000' });
  for (let i = 0; i < 200 && desk.state(order)[0] !== 'filled'; i++) desk.look();
  assert.deepEqual(desk.state(order), ['filled', '1000', '100.01']);
  const heard = desk.heard();
  assert.equal(heard.at(-1), 'fill');
  assert.ok(heard.includes('partial_fill'));
  assert.equal(desk.account('non_marginable_buying_power'), '49990');
});

test('outside market hours a second fractional sale of a symbol has to wait', () => {
  const desk = new Desk();
  desk.place({ qty: '2' });
  desk.at('2026-01-07 17:00');
  desk.place({ qty: '0.5', side: 'sell' });
  assert.deepEqual(desk.refused({ qty: '0.5', side: 'sell' }), [
    ...FORBIDDEN,
    'unable to open new notional orders while having open closing position orders',
  ]);
});

test('replacing a partly filled order leaves its fills with it and buys the rest', () => {
  const desk = new Desk({}, '2026-01-07 10:00', { partialFills: 1 });
  const order = desk.place({ qty: '100', type: 'limit', limit_price: '101' });
  const filled = Number(desk.order(order).filled_qty);
  assert.ok(filled > 0 && filled < 100);
  desk.engine.setFaults({ partialFills: 0 }, desk.now);
  const few = desk.replace(order, { qty: String(filled) });
  assert.ok(!few.ok);
  assert.equal(few.error.message, 'qty must be > filled_qty');
  const next = desk.replace(order, { qty: '120' });
  assert.ok(next.ok);
  assert.equal(next.value.qty, String(120 - filled));
  assert.deepEqual(desk.position('AAPL'), ['120', '120']);
});
