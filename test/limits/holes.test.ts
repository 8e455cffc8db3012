/** Ways around the limits: each was one, or might have been. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { haltAgainst, haltOf } from '../../src/halt/halt.ts';
import type { Quotes } from '../../src/risk/measure.ts';

import { code, desk, LIMIT, MARKET, OPTION, quote } from './desk.ts';

const NO_QUOTES: Quotes = new Map();
const { qty: _, ...SUM } = MARKET;
const BRACKET = { ...LIMIT, take_profit: { limit_price: '120' }, stop_loss: { stop_price: '80' } };

describe('a sum of money', () => {
  test('is no share where nobody knows what one costs', async () => {
    for (const agent of [{ position_qty: '100' }, { order_qty: '100' }, { shorting: false }]) {
      const one = await desk({ agent });
      await one.post(null, 'alpha', 'buy', '5', '100');
      const type = 'shorting' in agent ? 'stocksell' : 'stockbuy';
      assert.equal(code(await one.ask('alpha', type, { ...SUM, notional: '200000' }, NO_QUOTES)), 'price_reference');
      assert.notEqual(code(await one.ask('alpha', type, { ...SUM, notional: '200000' })), undefined);
      assert.equal(code(await one.ask('alpha', type, { ...SUM, notional: '400' })), undefined);
    }
    const own = await desk({ allotment: '1000' });
    await own.post(null, 'alpha', 'buy', '5', '100');
    assert.equal(code(await own.ask('alpha', 'stocksell', { ...SUM, notional: '900' }, NO_QUOTES)), 'price_reference');
    assert.equal(code(await own.ask('alpha', 'stocksell', { ...SUM, notional: '900' })), 'risk_allotment');
  });

  test('covers no more of a short position than there is', async () => {
    const one = await desk({ agent: { day_loss: '1' } });
    await one.post(null, 'alpha', 'buy', '1', '100');
    await one.post(null, 'alpha', 'sell', '3', '90');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...SUM, notional: '100000' })), 'risk_loss');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...SUM, notional: '10' }, NO_QUOTES)), 'risk_loss');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...SUM, notional: '202' })), undefined);
  });
});

describe('coins', () => {
  const pair = (symbol: string, more: object = {}) => ({
    symbol,
    qty: '10',
    order_class: 'limit',
    limit_price: '0.05',
    time_in_force: 'gtc',
    ...more,
  });
  const BITCOIN: Quotes = new Map([
    ['BTC/USD', quote('59000', '60000')],
    ['ETH/BTC', quote('0.049', '0.05')],
  ]);

  test('that are priced in others are worth dollars', async () => {
    for (const agent of [{ order_value: '1000' }, { gross_value: '1000' }, { position_value: '1000' }]) {
      const one = await desk({ agent });
      assert.notEqual(code(await one.ask('alpha', 'cryptobuy', pair('ETH/BTC'), BITCOIN)), undefined);
      assert.equal(code(await one.ask('alpha', 'cryptobuy', pair('ETH/BTC'), NO_QUOTES)), 'price_reference');
      assert.equal(code(await one.ask('alpha', 'cryptobuy', pair('ETH/BTC', { qty: '0.3' }), BITCOIN)), undefined);
      assert.equal(
        code(await one.ask('alpha', 'cryptobuy', pair('ETH/USDT', { qty: '1', limit_price: '90' }))),
        undefined,
      );
    }
    const one = await desk({ agent: { order_value: '1000' } });
    const { qty: __, limit_price: ___, ...sum } = pair('ETH/BTC', { order_class: 'market', notional: '1' });
    assert.equal(code(await one.ask('alpha', 'cryptobuy', sum, BITCOIN)), 'risk_value', 'it may be one coin');
  });

  test('are not paid with those of others', async () => {
    const one = await desk({ allotment: '100000' });
    assert.equal(code(await one.ask('alpha', 'cryptobuy', pair('ETH/BTC', { qty: '0.3' }), BITCOIN)), 'risk_allotment');
    const covered = await desk({ agent: { shorting: false } });
    assert.equal(code(await covered.ask('alpha', 'cryptobuy', pair('ETH/BTC'), BITCOIN)), 'risk_short');
    assert.equal(code(await covered.ask('alpha', 'cryptobuy', pair('ETH/USD'))), undefined);
  });

  test('have one name, with and without the slash', async () => {
    const one = await desk({ agent: { position_qty: '15', similar_seconds: 60, symbols_barred: ['DOGE/USD'] } });
    await one.ask('alpha', 'cryptobuy', pair('ETH/USD'));
    assert.equal(code(await one.ask('alpha', 'cryptobuy', pair('ETHUSD'))), 'risk_duplicate');
    assert.equal(code(await one.ask('alpha', 'cryptobuy', pair('ETHUSD', { qty: '6' }))), 'risk_position');
    assert.equal(code(await one.ask('alpha', 'cryptobuy', pair('DOGEUSD'))), 'risk_restricted');
  });
});

describe('orders without a price of their own', () => {
  test('a trailing stop buys when the market has risen by its trail', async () => {
    const one = await desk({ agent: { order_value: '1100' } });
    const trailing = { symbol: 'AAPL', qty: '10', order_class: 'trailing_stop', time_in_force: 'day' };
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...trailing, trail_percent: '9' })), 'risk_value');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...trailing, trail_percent: '8' })), undefined);
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...trailing, trail_price: '9.01' })), 'risk_value');
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...trailing, trail_price: '9.01' })), undefined);
  });

  test('a stop is worth its price, and the market’s where that is more', async () => {
    const one = await desk({ agent: { order_value: '1100' } });
    const stop = { symbol: 'AAPL', qty: '10', order_class: 'stop', time_in_force: 'day' };
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...stop, stop_price: '110.01' })), 'risk_value');
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...stop, stop_price: '90', qty: '10.9' })), 'risk_value');
  });
});

describe('exits', () => {
  test('hold what they close: it is not sold a second time', async () => {
    const one = await desk({ agent: { shorting: false } });
    await one.post(null, 'beta', 'buy', '10', '100');
    const { entry } = await one.ask('alpha', 'stockbuy', BRACKET);
    await one.move(await one.move(entry, 'sending'), 'working', '10');
    await one.post(entry, 'alpha', 'buy', '10', '100');
    const twice = await one.ask('alpha', 'stocksell', LIMIT);
    assert.deepEqual([code(twice), twice.error?.details['used']], ['risk_short', '10']);
    await one.post(entry, 'alpha', 'sell', '4', '120');
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '1' })), 'risk_short');
    await one.move(entry, 'closed', '10');
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '6' })), undefined);
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '1' })), 'risk_short');
  });

  test('add nothing to a position, and hold nothing before there is one', async () => {
    const one = await desk({ agent: { position_qty: '10', shorting: false } });
    await one.post(null, 'alpha', 'buy', '3', '100');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...BRACKET, qty: '7' })), undefined);
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '3' })), undefined);
  });
});

describe('strategies', () => {
  const leg = (symbol: string, side: string, ratio_qty: string) => ({ symbol, side, ratio_qty });
  const [LOW, HIGH] = [OPTION.symbol, OPTION.symbol.replace('00150000', '00160000')];
  const spread = (...legs: readonly object[]) => ({
    order_class: 'mleg',
    type: 'limit',
    limit_price: '0.01',
    time_in_force: 'day',
    legs,
  });
  const PRICED: Quotes = new Map([
    [LOW, quote('4.9', '5')],
    [HIGH, quote('3.9', '4')],
  ]);

  test('each leg is a position of its own', async () => {
    for (const agent of [{ gross_value: '850' }, { position_value: '450' }]) {
      const one = await desk({ agent });
      const vertical = spread(leg(LOW, 'buy', '1'), leg(HIGH, 'sell', '1'));
      assert.notEqual(code(await one.ask('alpha', 'optionmulti', vertical, PRICED)), undefined);
      assert.equal(code(await one.ask('alpha', 'optionmulti', vertical, NO_QUOTES)), 'price_reference');
    }
    const one = await desk({ agent: { gross_value: '950' } });
    const sold = spread(leg(HIGH, 'sell', '1'), leg(LOW, 'buy', '1'));
    assert.equal(code(await one.ask('alpha', 'optionmulti', sold, PRICED)), undefined);
    assert.equal(code(await one.ask('alpha', 'optionmulti', sold, PRICED)), 'risk_exposure');
  });

  test('of an allotment sell nothing that is not bought with it or held', async () => {
    const one = await desk({ allotment: '2000' });
    const ratio = spread(leg(LOW, 'buy', '1'), leg(HIGH, 'sell', '2'));
    assert.equal(code(await one.ask('alpha', 'optionmulti', ratio, PRICED)), 'risk_allotment');
    const put = LOW.replace('C', 'P');
    const straddle = spread(leg(LOW, 'sell', '1'), leg(put, 'sell', '1'));
    assert.equal(code(await one.ask('alpha', 'optionmulti', straddle, PRICED)), 'risk_allotment');
    const vertical = spread(leg(LOW, 'buy', '1'), leg(HIGH, 'sell', '1'));
    assert.equal(code(await one.ask('alpha', 'optionmulti', { ...vertical, qty: '2' }, PRICED)), undefined);
    assert.equal(code(await one.ask('alpha', 'optionmulti', { ...vertical, qty: '2' }, PRICED)), 'risk_allotment');
  });
});

describe('names', () => {
  test('an adjusted contract is one on its underlying', async () => {
    const adjusted = { ...OPTION, symbol: OPTION.symbol.replace('AAPL', 'AAPL1') };
    const one = await desk({ agent: { symbols_barred: ['AAPL'] } });
    assert.equal(code(await one.ask('alpha', 'optionsingle', adjusted)), 'risk_restricted');
    const halt = haltOf('symbol.AAPL', null);
    for (const symbol of ['AAPL', OPTION.symbol, adjusted.symbol])
      assert.equal(haltAgainst([halt], { agent: 'alpha', symbols: [symbol], reduces: false }), halt, symbol);
    assert.equal(haltAgainst([halt], { agent: 'alpha', symbols: ['AAPLW'], reduces: false }), null);
  });

  test('the same order is the same, however it is written', async () => {
    const one = await desk({ agent: { similar_seconds: 60 } });
    await one.ask('alpha', 'stockbuy', LIMIT);
    for (const again of [
      { ...LIMIT, limit_price: '100.00', qty: 10 },
      { ...LIMIT, time_in_force: 'gtc' },
      { ...LIMIT, extended_hours: true },
      BRACKET,
    ])
      assert.equal(code(await one.ask('alpha', 'stockbuy', again)), 'risk_duplicate');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, limit_price: '100.01' })), undefined);
    assert.equal(code(await one.ask('alpha', 'stockbuy', MARKET)), undefined);
  });
});

describe('one after the other', () => {
  test('a cancelled order makes room when it has ended, and not while it may still fill', async () => {
    const one = await desk({ agent: { position_qty: '10', open_orders: 1 } });
    const { entry } = await one.ask('alpha', 'stockbuy', LIMIT);
    await one.move(await one.move(entry, 'sending'), 'working', '4');
    // Cancelled after a fill of four, of which the books have nothing yet.
    await one.move(entry, 'closed', '4');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '7' })), 'risk_position');
    const { entry: next } = await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '6' });
    await one.post(entry, 'alpha', 'buy', '4', '100');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '1' })), 'risk_orders');
    await one.move(await one.move(await one.move(next, 'sending'), 'in_doubt'), 'not_executed');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '6' })), undefined);
    // And it came after all.
    await one.move(next, 'working', '0');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '1' })), 'risk_orders');
    await one.journal.close();
  });
});
