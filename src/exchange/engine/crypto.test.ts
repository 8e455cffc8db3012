/** Crypto pairs as a trader meets them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCOUNT, Desk } from './testing/harness.ts';

const BUY = { symbol: 'BTC/USD', qty: '0.1', time_in_force: 'gtc' };

test('the fee is taken from what is received, and what is left can be sold at once', () => {
  const desk = new Desk();
  const order = desk.place(BUY);
  assert.deepEqual([order.symbol, order.asset_class, order.status], ['BTC/USD', 'crypto', 'pending_new']);
  assert.deepEqual(desk.state(order), ['filled', '0.1', '50010']);
  // A quarter of a percent for taking liquidity.
  assert.deepEqual(desk.position('BTCUSD'), ['0.09975', '0.09975']);
  assert.equal(desk.account('cash'), '94999');
  const over = desk.refusal({ ...BUY, side: 'sell' });
  assert.equal(over.message, 'insufficient balance for BTC (requested: 0.1, available: 0.09975)');
  assert.deepEqual(over.extra, { available: '0.09975', balance: '0.09975', symbol: 'BTC' });
  desk.place({ ...BUY, side: 'sell', qty: '0.09975' });
  assert.deepEqual(desk.position('BTC/USD'), ['0', '0']);
  // 0.09975 × 49990, less a quarter of a percent.
  assert.equal(desk.account('cash'), '99973.03624375');
  const fees = desk.engine.activities(ACCOUNT, {}, 'CFEE');
  assert.ok(fees.ok);
  assert.equal(fees.value.length, 2);
});

test('a resting order pays the maker fee', () => {
  const desk = new Desk();
  const order = desk.place({ ...BUY, type: 'limit', limit_price: '49000' });
  assert.equal(desk.account('buying_power'), '195100');
  assert.equal(desk.account('non_marginable_buying_power'), '95100');
  desk.price('BTC/USD', '48980', '48990');
  assert.equal(desk.state(order)[0], 'filled');
  assert.deepEqual(desk.position('BTCUSD'), ['0.09985', '0.09985']);
});

test('a notional purchase buys for the money less the collar', () => {
  const desk = new Desk();
  const { qty: _, ...rest } = BUY;
  const order = desk.place({ ...rest, notional: '1020' });
  assert.deepEqual(desk.state(order), ['filled', '0.019996', '50010']);
});

test('types, time in force and sizes are those of crypto', () => {
  const desk = new Desk();
  const cases: [object, number, string][] = [
    [{ time_in_force: 'day' }, 422, 'invalid crypto time_in_force'],
    [{ type: 'stop', stop_price: '60000' }, 422, 'invalid order type for crypto order'],
    [{ type: 'trailing_stop', trail_price: '60' }, 422, 'invalid order type for crypto order'],
    [{ qty: '0.0001' }, 403, 'cost basis must be >= minimal amount of order 10'],
    [{ side: 'sell' }, 403, 'insufficient balance for BTC (requested: 0.1, available: 0)'],
    [
      { qty: '3.9', type: 'limit', limit_price: '50000' },
      403,
      'insufficient balance for USD (requested: 195000, available: 100000)',
    ],
    [{ qty: '10' }, 422, 'crypto order notional must be <= 200000'],
  ];
  for (const [body, status, message] of cases) {
    const error = desk.refusal({ ...BUY, ...body });
    assert.deepEqual([error.status, error.message], [status, message]);
  }
});

test('an offer reserves the coins; trading never closes', () => {
  const desk = new Desk({}, '2026-01-10 03:00');
  desk.place(BUY);
  const offer = desk.place({ ...BUY, qty: '0.09975', side: 'sell', type: 'limit', limit_price: '60000' });
  assert.deepEqual(desk.position('BTCUSD'), ['0.09975', '0']);
  assert.equal(
    desk.refusal({ ...BUY, qty: '0.05', side: 'sell', type: 'limit', limit_price: '61000' }).message,
    'insufficient balance for BTC (requested: 0.05, available: 0)',
  );
  desk.price('BTC/USD', '60000', '60010');
  assert.equal(desk.state(offer)[0], 'filled');
});

test('a stop-limit triggers and fills; ioc does not rest', () => {
  const desk = new Desk();
  const order = desk.place({ ...BUY, type: 'stop_limit', stop_price: '51000', limit_price: '51100' });
  desk.price('BTC/USD', '51000', '51020');
  assert.deepEqual(desk.state(order), ['filled', '0.1', '51020']);
  const none = desk.place({ ...BUY, type: 'limit', limit_price: '40000', time_in_force: 'ioc' });
  assert.equal(desk.state(none)[0], 'canceled');
});

test('a pair priced in another coin is paid with that coin', () => {
  const desk = new Desk();
  const { message } = desk.refusal({ symbol: 'ETH/BTC', qty: '1', time_in_force: 'gtc' });
  assert.equal(message, 'insufficient balance for BTC (requested: 0.051102, available: 0)');
  desk.place(BUY);
  desk.place({ symbol: 'ETH/BTC', qty: '1', time_in_force: 'gtc' });
  assert.deepEqual(desk.position('ETHBTC'), ['0.9975', '0.9975']);
  assert.deepEqual(desk.position('BTCUSD'), ['0.04965', '0.04965']);
});
