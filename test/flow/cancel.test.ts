/** Cancels whose answer is lost: the agent is never told that nothing was sent. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { type Clock, isoMicros, micros, systemClock } from '../../src/lib/clock.ts';
import { Harness, keysAt } from './harness.ts';

it('a cancel that was sent and never confirmed is not called unsent when its time passes', async () => {
  const exchange = await startExchange({ control: true });
  const tower = new Harness({
    env: {
      ...keysAt(exchange.url),
    },
  });
  await tower.start();
  const terms = { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' };
  const order = tower.drop('lost', 'stockbuy', terms);
  const { data } = await tower.answer(order, (answer) => answer.data?.status === 'new');
  await fetch(`${exchange.url}/_control/faults`, {
    method: 'PUT',
    body: JSON.stringify({
      requests: [
        { method: 'DELETE', path: '/v2/orders/*', fault: { kind: 'refuse', how: 'reset' } },
        { method: 'GET', path: '/v2/orders*', fault: { kind: 'refuse', how: 'reset' } },
      ],
    }),
  });
  const cancel = tower.drop(
    'lost',
    'cancelorder',
    { alpaca_order_id: data.id },
    { send_by: isoMicros(micros(systemClock.now() + 2_000_000)) },
  );
  const answer = await tower.final(cancel);
  assert.deepEqual([answer.error?.code, answer.sent], ['cancel_pending', 'yes']);
  assert.doesNotMatch(answer.error?.message ?? '', /nothing was sent/);
  await tower.end();
  await exchange.close();
});

it('an order that is open although Alpaca said no to it is cancelled, and told', async () => {
  const exchange = await startExchange({ control: true });
  const tower = new Harness({
    env: {
      ...keysAt(exchange.url),
      TOWER_SWEEP_INTERVAL_MS: '200',
    },
  });
  await tower.start();
  await fetch(`${exchange.url}/_control/faults`, {
    method: 'PUT',
    body: JSON.stringify({
      requests: [
        { method: 'POST', path: '/v2/orders', fault: { kind: 'status', status: 403, accept: true } },
        // The first try of the cancel is lost: it is asked again.
        { method: 'DELETE', path: '/v2/orders/*', on: [1], fault: { kind: 'refuse', how: 'reset' } },
        { method: 'GET', path: '/v2/orders', fault: { kind: 'latency' } },
      ],
      stream: [{ event: 'new', fault: { kind: 'drop' } }],
    }),
  });
  // A sweep has just been: the next one leaves time to read the first answer.
  await tower.until(
    () => ((exchange.exchange.faults.counts().requests[2]?.seen ?? 0) >= 2 ? true : null),
    () => 'there were no sweeps',
  );
  const terms = { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' };
  const order = tower.drop('liar', 'stockbuy', terms);
  assert.equal((await tower.answer(order)).error?.type, 'api_error');
  const ended = await tower.answer(order, (answer) => answer.data?.status === 'canceled');
  assert.deepEqual([ended.status, ended.final], ['success', true]);
  assert.ok(tower.events.some((event) => event.kind === 'notice' && /appeared at Alpaca/.test(event.text)));
  await tower.end();
  await exchange.close();
});

for (const { status, sent, code } of [
  { status: 503, sent: 4, code: 'cancel_pending' },
  { status: 500, sent: 4, code: 'cancel_pending' },
  { status: 429, sent: 6, code: 'rate_limited' },
]) {
  it(`a cancel that Alpaca answers with ${status} is sent ${sent} times, and told as it is`, async () => {
    const exchange = await startExchange({ control: true });
    // What it waits for passes twenty times as fast.
    const clock: Clock = {
      ...systemClock,
      monotonic: () => systemClock.monotonic() * 20,
      after: (ms, run) => systemClock.after(ms / 20, run),
    };
    const tower = new Harness({ env: keysAt(exchange.url), clock });
    await tower.start();
    const terms = { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' };
    const { data } = await tower.answer(
      tower.drop('alpha', 'stockbuy', terms),
      (answer) => answer.data?.status === 'new',
    );
    await fetch(`${exchange.url}/_control/faults`, {
      method: 'PUT',
      body: JSON.stringify({
        requests: [{ method: 'DELETE', path: '/v2/orders/*', fault: { kind: 'status', status } }],
      }),
    });
    const answer = await tower.final(tower.drop('alpha', 'cancelorder', { alpaca_order_id: data.id }));
    assert.equal(answer.error?.code, code, JSON.stringify(answer.error));
    assert.equal(exchange.exchange.faults.counts().requests[0]?.seen, sent);
    await tower.end();
    await exchange.close();
  });
}
