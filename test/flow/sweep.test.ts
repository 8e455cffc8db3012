/** What the tower asks of the broker to keep up with its book: little, however many orders are open. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { micros, systemClock } from '../../src/lib/clock.ts';
import { Harness, keysAt } from './harness.ts';

it('orders that have been open for long are swept by the list, not one by one', async () => {
  const exchange = await startExchange({ control: true });
  const faults = `${exchange.url}/_control/faults`;
  const headers = { 'APCA-API-KEY-ID': 'K', 'APCA-API-SECRET-KEY': 'S' };
  let later = 0;
  const tower = new Harness({
    clock: { ...systemClock, now: () => micros(systemClock.now() + later) },
    env: {
      ...keysAt(exchange.url),
      TOWER_SWEEP_INTERVAL_MS: '100',
    },
  });
  await tower.start();
  const terms = { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' };
  const stems = Array.from({ length: 12 }, (_, n) => tower.drop(`agent${n}`, 'stockbuy', terms));
  const ids: string[] = [];
  for (const stem of stems)
    ids.push((await tower.answer(stem, (answer) => answer.data?.status === 'new')).data.id as string);
  await tower.stop();
  // Two days on, the list since the last sweep shows none of them any more, and the stream is deaf.
  later = 2 * 86_400_000_000;
  const single = { method: 'GET', path: '/v2/orders/*', fault: { kind: 'latency' } };
  await fetch(faults, {
    method: 'PUT',
    body: JSON.stringify({ requests: [single], stream: [{ every: 1, fault: { kind: 'drop' } }] }),
  });
  await tower.start();
  await fetch(`${exchange.url}/v2/orders/${ids.at(-1)}`, { method: 'DELETE', headers });
  const ended = stems.at(-1) ?? '';
  assert.equal((await tower.final(ended)).data.status, 'canceled');
  await tower.stop();
  const { counts } = (await (await fetch(faults)).json()) as { counts: { requests: { seen: number }[] } };
  const asked = counts.requests[0]?.seen ?? 0;
  assert.ok(asked >= 1 && asked <= 3, `only the ended order is asked for by its id; there were ${asked} such requests`);
  await tower.end();
  await exchange.close();
});
