/** What those who decide at once are told: what is held, how old it is, and whether an order has changed since. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anybody, mirroredAccount } from './account.ts';

const ORDER = { symbol: 'AAPL', qty: '2', side: 'buy', type: 'market', time_in_force: 'day' };

test('nothing is known before it was told; an order makes money and positions out of date until they are read', async () => {
  const account = await mirroredAccount();
  const { mirror, world, frames, deliver, advance } = account;
  const { known } = mirror;
  assert.deepEqual(
    [known.positions(), known.account(), known.openOrders(), known.quote('stock', 'AAPL')],
    [null, null, null, null],
  );
  await account.sweep();
  assert.deepEqual(known.openOrders()?.value, []);
  await mirror.positions(anybody);
  await mirror.account(anybody);
  advance(3);
  assert.deepEqual(
    [known.positions()?.isCurrent, known.positions()?.ageMs, known.account()?.isCurrent],
    [true, 3000, true],
  );

  // Somebody else's order, of which only the stream tells.
  world.hold('AAPL', '100.00');
  world.order(ORDER);
  while (frames.length > 0) deliver();
  assert.deepEqual([known.positions()?.isCurrent, known.account()?.isCurrent], [false, false]);
  assert.deepEqual(known.positions()?.value, [], 'what is held is told, and that it is old');
  const read = await mirror.positions(anybody);
  assert.ok(read?.kind === 'done' && read.source === 'alpaca');
  assert.deepEqual(
    known.positions()?.value.map(({ json }) => (JSON.parse(json) as { qty: string }).qty),
    ['2'],
  );
  assert.deepEqual([known.positions()?.isCurrent, known.account()?.isCurrent], [true, false]);

  world.order({ ...ORDER, side: 'sell', type: 'limit', limit_price: '200' });
  while (frames.length > 0) deliver();
  assert.deepEqual(
    known.openOrders()?.value.map(({ status }) => status),
    ['new'],
  );
});

test('who asks whether an order may leave is asked behind the mirror too', async () => {
  const { mirror, requests } = await mirroredAccount();
  const wire = { method: 'POST', path: '/v2/orders', body: JSON.stringify(ORDER) } as const;
  const before = requests.length;
  const outcome = await mirror.broker.submit(wire, () => false);
  assert.deepEqual([outcome.kind, outcome.kind === 'not_sent' && outcome.why], ['not_sent', 'held']);
  assert.equal(requests.length, before);
});

test('a quote is known with its age once somebody has asked for it', async () => {
  const { mirror, world, advance } = await mirroredAccount();
  world.hold('AAPL', '99.90', '100.10');
  const part = { kind: 'stock', dataType: 'quote', symbols: new Map([['AAPL', 'AAPL']]) } as const;
  const read = await mirror.marketData(part, anybody);
  assert.ok(read?.kind === 'done');
  advance(5);
  const quote = mirror.known.quote('stock', 'AAPL');
  assert.deepEqual([quote?.value?.['bid_price'], quote?.value?.['ask_price'], quote?.ageMs], ['99.9', '100.1', 5000]);
});

test('an order that the broker does not show is not answered from memory', async () => {
  const { mirror, world, sweep } = await mirroredAccount();
  await sweep();
  const placed = world.order({ ...ORDER, type: 'limit', limit_price: '1.00', client_order_id: 'somebody' });
  await sweep();
  const id = String(placed.body['id']);
  assert.deepEqual(
    mirror.known.openOrders()?.value.map((order) => order.id),
    [id],
  );
  mirror.lost(id);
  const request = {
    type: 'openorders',
    status: 'open',
    limit: 10,
    symbols: [],
    ofAgent: null,
    after: null,
    until: null,
    direction: 'desc',
    side: null,
  };
  const answer = await mirror.orders(
    request as Partial<Parameters<typeof mirror.orders>[0]> as Parameters<typeof mirror.orders>[0],
    anybody,
  );
  assert.ok(answer?.kind === 'done');
  assert.equal(answer.value, null, 'the broker has to be asked');
});

test('what is read for all is on nobody’s account, a page or a look-up on that of its asker', async () => {
  const { mirror, askedFor, sweep } = await mirroredAccount();
  await sweep();
  const greedy = { agent: 'greedy', deadline: Number.POSITIVE_INFINITY, maxAgeMs: 0 };
  await mirror.positions(greedy);
  await mirror.account(greedy);
  await mirror.page({ status: 'all', nested: true, limit: 500, direction: 'desc' }, greedy);
  await mirror.order({ clientOrderId: 'nobody' }, greedy);
  assert.deepEqual(askedFor, ['', '', 'greedy', 'greedy']);
});
