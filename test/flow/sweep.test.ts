/** What the tower asks of the broker to keep up with its book: little, however many orders are open. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { type Answered, Harness, keysAt } from './harness.ts';

it('orders that have been open for long are swept by the list, not one by one', async () => {
  const exchange = await startExchange({ control: true });
  const faults = `${exchange.url}/_control/faults`;
  const headers = { 'APCA-API-KEY-ID': 'K', 'APCA-API-SECRET-KEY': 'S' };
  const tower = new Harness({ env: { ...keysAt(exchange.url), TOWER_SWEEP_INTERVAL_MS: '100' } });
  await tower.start();
  const terms = { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' };
  const isNew = (answer: Answered): boolean => answer.data?.status === 'new';
  const stems = Array.from({ length: 12 }, (_, n) => tower.drop(`agent${n}`, 'stockbuy', terms));
  const ids: string[] = [];
  for (const stem of stems) ids.push((await tower.answer(stem, isNew)).data.id as string);
  // An hour on, the list before the newest order shows none of them any more, and the stream is deaf.
  await fetch(`${exchange.url}/_control/time`, { method: 'POST', body: JSON.stringify({ advance_ms: 3_600_000 }) });
  await tower.answer(tower.drop('late', 'stockbuy', terms), isNew);
  const single = { method: 'GET', path: '/v2/orders/*', fault: { kind: 'latency' } };
  const list = { method: 'GET', path: '/v2/orders', fault: { kind: 'latency' } };
  await fetch(faults, {
    method: 'PUT',
    body: JSON.stringify({ requests: [single, list], stream: [{ every: 1, fault: { kind: 'drop' } }] }),
  });
  await tower.until(
    () => ((exchange.exchange.faults.counts().requests[1]?.seen ?? 0) >= 4 ? true : null),
    () => 'there were no sweeps',
  );
  await fetch(`${exchange.url}/v2/orders/${ids.at(-1)}`, { method: 'DELETE', headers });
  assert.equal((await tower.final(stems.at(-1) ?? '')).data.status, 'canceled');
  await tower.stop();
  const { counts } = (await (await fetch(faults)).json()) as { counts: { requests: { seen: number }[] } };
  const asked = counts.requests[0]?.seen ?? 0;
  assert.ok(asked >= 1 && asked <= 3, `only the ended order is asked for by its id; there were ${asked} such requests`);
  await tower.end();
  await exchange.close();
});

it('one order that cannot be read is named, and neither the others nor trading wait for it', async () => {
  const exchange = await startExchange({ control: true });
  const faults = `${exchange.url}/_control/faults`;
  const tower = new Harness({ env: { ...keysAt(exchange.url), TOWER_SWEEP_INTERVAL_MS: '100' } });
  await tower.start();
  const terms = { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' };
  const isNew = (answer: Answered): boolean => answer.data?.status === 'new';
  const stem = tower.drop('old', 'stockbuy', terms);
  const { data } = await tower.answer(stem, isNew);
  await fetch(`${exchange.url}/_control/time`, { method: 'POST', body: JSON.stringify({ advance_ms: 3_600_000 }) });
  await fetch(faults, {
    method: 'PUT',
    body: JSON.stringify({
      requests: [{ method: 'GET', path: `/v2/orders/${data.id}`, fault: { kind: 'status', status: 403 } }],
    }),
  });
  await tower.answer(tower.drop('late', 'stockbuy', terms), isNew);
  const { client_order_id: id } = data as { client_order_id: string };
  await tower.until(
    () => tower.events.find((event) => event.kind === 'notice' && event.text.includes(`order ${id} (paper)`)) ?? null,
    () => 'nobody was told of the order',
    20,
  );
  assert.equal((await tower.ask('next', 'stockbuy', terms)).status, 'success');
  await tower.end();
  await exchange.close();
});

it('before the book was read in this run no trade leaves, also not one that could at once', async () => {
  const exchange = await startExchange({ control: true });
  const faults = `${exchange.url}/_control/faults`;
  const fault = { method: 'GET', path: '/v2/orders', fault: { kind: 'status', status: 503 } };
  await fetch(faults, { method: 'PUT', body: JSON.stringify({ requests: [fault] }) });
  const tower = new Harness({ env: { ...keysAt(exchange.url), TOWER_SWEEP_INTERVAL_MS: '100' } });
  await tower.start();
  const stem = tower.drop('early', 'stockbuy', { symbol: 'SPY', qty: 1, order_class: 'market', time_in_force: 'day' });
  await tower.until(
    () => (tower.events.some((event) => event.kind === 'order') ? true : null),
    () => 'not taken in',
  );
  const seen = (): number => exchange.exchange.faults.counts().requests[0]?.seen ?? 0;
  const before = seen();
  await tower.until(
    () => (seen() >= before + 2 ? true : null),
    () => 'the book is not asked for again',
  );
  const posts = (): number => exchange.exchange.ledger.after(0).filter(({ method }) => method === 'POST').length;
  assert.equal(posts(), 0);
  await fetch(faults, { method: 'DELETE' });
  assert.equal((await tower.answer(stem)).status, 'success');
  assert.equal(posts(), 1);
  await tower.end();
  await exchange.close();
});
