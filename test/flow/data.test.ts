/** Market data has a budget of its own at Alpaca: what is refused there does not hold up trading. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { Harness, keysAt } from './harness.ts';

it('a 429 of the data host does not hold back orders', async () => {
  const exchange = await startExchange({ control: true });
  const tower = new Harness({
    env: {
      ...keysAt(exchange.url),
    },
  });
  await tower.start();
  const rule = { path: '/v2/stocks/*', fault: { kind: 'rate_limited', retry_after: 60 } };
  const faults = `${exchange.url}/_control/faults`;
  await fetch(faults, { method: 'PUT', body: JSON.stringify({ requests: [rule] }) });
  tower.drop('hungry', 'marketdata', { symbols: ['SPY'], data_type: 'quote' });
  await tower.until(
    () => (exchange.exchange.faults.counts().requests[0]?.struck === 1 ? true : null),
    () => 'the data host was not asked',
  );
  const order = { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' };
  assert.equal((await tower.ask('trader', 'stockbuy', order)).status, 'success');
  await tower.end();
  await exchange.close();
});
