/** Orders of one account in each other's way: what is refused, by whose id, and who may go when. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OrderType } from '../../src/order/name.ts';

import { code, desk, LIMIT, MARKET, type Payload } from './desk.ts';

describe('91: orders in each other’s way', () => {
  const wash = async (mine: readonly [OrderType, Payload], theirs: readonly [OrderType, Payload]) => {
    const one = await desk({ conflicts: 'refuse' });
    const first = await one.ask('beta', ...theirs);
    const second = await one.ask('alpha', ...mine);
    assert.equal(second.error?.details['other'] ?? first.entry.clientOrderId, first.entry.clientOrderId);
    return code(second);
  };
  const STOP = { symbol: 'AAPL', qty: '1', order_class: 'stop', stop_price: '90', time_in_force: 'day' };

  test('as Alpaca judges wash trades', async () => {
    const sellAt = (limit_price: string): readonly [OrderType, Payload] => ['stocksell', { ...LIMIT, limit_price }];
    assert.equal(await wash(['stockbuy', LIMIT], sellAt('100')), 'risk_wash');
    assert.equal(await wash(['stockbuy', LIMIT], sellAt('100.01')), undefined);
    assert.equal(await wash(['stockbuy', MARKET], sellAt('500')), 'risk_wash');
    assert.equal(await wash(['stockbuy', LIMIT], ['stocksell', STOP]), 'risk_wash');
    assert.equal(await wash(['stockbuy', LIMIT], ['stockbuy', LIMIT]), undefined);
    const bracket = { ...LIMIT, take_profit: { limit_price: '120' }, stop_loss: { stop_price: '80' } };
    assert.equal(await wash(['stockbuy', bracket], sellAt('100')), undefined);
    const trailing = {
      symbol: 'AAPL',
      qty: '1',
      order_class: 'trailing_stop',
      trail_percent: '5',
      time_in_force: 'day',
    };
    assert.equal(await wash(['stockbuy', MARKET], ['stocksell', trailing]), undefined);
  });

  test('and what others have promised to sell', async () => {
    const one = await desk({ conflicts: 'refuse' });
    await one.post(null, 'beta', 'buy', '10', '100');
    const { entry } = await one.ask('beta', 'stocksell', { ...LIMIT, qty: '6' });
    const mine = await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '5' });
    assert.deepEqual([code(mine), mine.error?.details['other']], ['risk_held', entry.clientOrderId]);
    assert.doesNotMatch(JSON.stringify(mine.error), /\b6\b|100/);
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '4' })), undefined);
  });

  test('an order that is held may go when those before it have ended', async () => {
    const one = await desk({ conflicts: 'hold' });
    const first = await one.ask('beta', 'stocksell', LIMIT);
    const second = await one.ask('alpha', 'stockbuy', LIMIT);
    const third = await one.ask('gamma', 'stocksell', LIMIT);
    assert.deepEqual(await one.journal.conflict(second.entry.seq), { kind: 'wash', other: first.entry.clientOrderId });
    assert.deepEqual(await one.journal.conflict(third.entry.seq), { kind: 'wash', other: second.entry.clientOrderId });
    assert.equal(await one.journal.conflict(first.entry.seq), null);
    await one.move(first.entry, 'closed', '0');
    assert.equal(await one.journal.conflict(second.entry.seq), null);
  });
});
