/** The budget over some virtual minutes with every run of the tests; hours of it: `npm run budget`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crowd, crowdedText } from './crowd.ts';
import { mostIn, quantile } from './figures.ts';
import { saturate, saturatedText } from './saturate.ts';
import { MINUTE_US, World } from './world.ts';

const SMALLEST = {
  seed: 1,
  jitterMs: 40,
  killedEveryMs: 0,
  downMs: 0,
  headerSurprises: false,
  foreignPerMinute: 0,
};

describe('budget', () => {
  it('is used by at least 97 % and never broken, evenly shared, and a cancel does not wait', async (t) => {
    const figures = await saturate({ minutes: 5 });
    for (const line of saturatedText(figures)) t.diagnostic(line);
    assert.ok(figures.arrivedIn60s <= 200 && figures.arrivedIn1s <= 10);
    assert.equal(figures.refused, 0);
    assert.ok(figures.used >= 0.97, `${figures.used}`);
    assert.ok(figures.cancels.count >= 20);
    assert.ok(Number(figures.cancels.p99Ms) <= 350, `a cancel waited ${figures.cancels.p99Ms} ms`);
    assert.ok(figures.evenness > 0.99 && figures.greedy < 1.5 * figures.most);
  });

  it('holds at the socket through kills, jitter and headers that say what is not so', async (t) => {
    const figures = await saturate({
      minutes: 6,
      seed: 3,
      killedEveryMs: 30_000,
      jitterMs: 300,
      headerSurprises: true,
    });
    for (const line of saturatedText(figures)) t.diagnostic(line);
    assert.ok(figures.kills >= 5);
    assert.ok(figures.arrivedIn60s <= 200 && figures.arrivedIn1s <= 10);
    assert.ok(figures.used >= 0.9, `${figures.used}`);
  });

  it('yields to another program on the same account, and tells of it', async (t) => {
    const figures = await saturate({ minutes: 5, foreignPerMinute: 80 });
    for (const line of saturatedText(figures)) t.diagnostic(line);
    assert.equal(figures.foreignTold, 1);
    assert.ok(figures.used > 0.5 && figures.used < 0.68, `${figures.used}`);
  });

  it('serves a crowd that polls without holding up those who trade', async (t) => {
    const figures = await crowd({ minutes: 2, agents: 40, traders: 20 });
    for (const line of crowdedText(figures)) t.diagnostic(line);
    assert.ok(figures.tradingIn60s <= 200 && figures.dataIn60s <= 200);
    assert.equal(figures.refused + figures.failed, 0);
    assert.ok(Number(figures.orders.p99Ms) <= 2000, `an order waited ${figures.orders.p99Ms} ms`);
    assert.ok(Number(figures.cancels.p99Ms) <= 350, `a cancel waited ${figures.cancels.p99Ms} ms`);
    assert.ok(figures.evenness > 0.95);
  });

  for (const perMinute of [1, 3, 10]) {
    it(`leaves half of ${perMinute} a minute to the orders that wait`, async () => {
      const world = new World({ ...SMALLEST, perMinute, perSecond: perMinute });
      const order = { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'gtc' };
      const minutes = 30;
      world.every((MINUTE_US * 2) / perMinute, () => world.drop('alpha', 'stockbuy', order));
      await world.run(minutes * MINUTE_US);
      world.close();
      const sent = [...world.asks.values()].filter(({ leftAt }) => leftAt !== null).length;
      assert.ok(sent >= 0.4 * perMinute * minutes, `${sent} of ${world.arrived.trading.length} requests were orders`);
      assert.ok(mostIn(world.arrived.trading, MINUTE_US) <= perMinute);
    });
  }

  it('measures what it says: a span is half open, a quantile is one of the values', () => {
    assert.equal(mostIn([0, 10, 5, 20], 10), 2);
    assert.equal(mostIn([0, 9, 5, 20], 10), 3);
    assert.equal(quantile([3, 1, 2], 0.5), 2);
    assert.equal(quantile([3, 1, 2], 1), 3);
    assert.equal(quantile([], 0.5), null);
  });
});
