/** What queries cost, and what they must never miss: an agent that was told of a fill finds it wherever it looks. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { sleep, systemClock } from '../../src/lib/clock.ts';
import { Harness, keysAt } from './harness.ts';

type Row = Readonly<Record<string, unknown>>;

async function scene(env: Readonly<Record<string, string>> = {}) {
  const exchange = await startExchange({ control: true });
  const tower = new Harness({ env: { ...keysAt(exchange.url), TOWER_SWEEP_INTERVAL_MS: '600000', ...env } });
  const count = async (): Promise<void> => {
    const rules = ['/v2/positions', '/v2/account', '/v2/orders', '/v2/orders/*', '/v2/stocks/*'];
    const requests = rules.map((path) => ({ method: 'GET', path, fault: { kind: 'latency' } }));
    await fetch(`${exchange.url}/_control/faults`, { method: 'PUT', body: JSON.stringify({ requests }) });
  };
  await tower.start();
  await count();
  const counts = (): number[] => exchange.exchange.faults.counts().requests.map(({ seen }) => seen);
  let before = [0, 0, 0, 0, 0];
  return {
    tower,
    /** Waits until the tower asks for nothing of its own, and counts from here. */
    async settled() {
      for (let quiet = 0; quiet < 5; ) {
        await sleep(systemClock, 100);
        quiet = counts().join() === before.join() ? quiet + 1 : 0;
        before = counts();
      }
    },
    /** Requests seen at the exchange since: positions, account, lists, single orders, market data. */
    seen: () => counts().map((n, i) => n - (before[i] ?? 0)),
    async end() {
      await tower.end();
      await exchange.close();
    },
  };
}

const MARKET = { symbol: 'SPY', qty: 1, order_class: 'market', time_in_force: 'day' };
const LIMIT = { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' };

it('many agents that ask the same are one request', async () => {
  const { tower, seen, settled, end } = await scene();
  await tower.answer(tower.drop('maker', 'stockbuy', LIMIT), (answer) => answer.data?.status === 'new');
  await settled();
  for (let round = 0; round < 3; round++) {
    const stems = Array.from({ length: 20 }, (_, n) => `agent${n}`).flatMap((agent) => [
      tower.drop(agent, 'positions', {}),
      tower.drop(agent, 'accountinfo', {}),
      tower.drop(agent, 'openorders', {}),
      tower.drop(agent, 'allorders', { symbols: ['SPY'], agent: 'maker' }),
      tower.drop(agent, 'marketdata', { symbols: ['SPY', `A${'BCDEFGHIJK'[round]}`], data_type: 'quote' }),
    ]);
    for (const stem of stems) assert.equal((await tower.final(stem)).status, 'success', stem);
  }
  const [positions = 0, account = 0, lists = 0, single = 0, data = 0] = seen();
  assert.ok(positions <= 1 && account <= 1 && lists <= 1 && single === 0 && data <= 6, seen().join());
  const held = await tower.ask('late', 'openorders', {});
  assert.equal(held.source, 'mirror');
  assert.equal(held.data.length, 1);
  await end();
});

it('whoever was told of a fill finds it in orders, positions and account', async () => {
  const { tower, seen, end } = await scene();
  const filled: string[] = [];
  let cash = Number((await tower.ask('trader', 'accountinfo', {})).data.cash);
  for (let n = 1; n <= 3; n++) {
    // What was known before must not be answered after.
    await tower.ask('trader', 'positions', {});
    await tower.ask('trader', 'accountinfo', {});
    const order = await tower.answer(
      tower.drop('trader', 'stockbuy', MARKET),
      (answer) => answer.data?.status === 'filled',
    );
    filled.push(order.data.id);
    const [orders, open, one, positions, account] = await Promise.all([
      tower.ask('trader', 'allorders', { limit: 500 }),
      tower.ask('trader', 'openorders', {}),
      tower.ask('trader', 'orderstatus', { client_order_id: order.client_order_id }),
      tower.ask('trader', 'positions', {}),
      tower.ask('trader', 'accountinfo', {}),
    ]);
    assert.deepEqual(
      orders.data.map(({ id, status }: Row) => [id, status]),
      filled.toReversed().map((id) => [id, 'filled']),
    );
    assert.deepEqual(open.data, []);
    // The stream says more than a list: when a cancel was asked for.
    const { cancel_requested_at: _, ...shown } = order.data;
    assert.deepEqual(one.data, shown);
    assert.deepEqual(
      positions.data.map(({ symbol, qty }: Row) => [symbol, qty]),
      [['SPY', String(n)]],
    );
    assert.ok(Number(account.data.cash) < cash, 'the account has paid for it');
    cash = Number(account.data.cash);
  }
  const [, , lists = 0, single = 0] = seen();
  assert.ok(
    lists + single <= 2,
    `orders are known by their trade updates; there were ${lists} lists and ${single} look-ups`,
  );
  await end();
});

it('whoever was told of an accepted order or a cancel finds it', async () => {
  const { tower, end } = await scene();
  const before = await tower.ask('trader', 'accountinfo', {});
  const order = await tower.ask('trader', 'stockbuy', LIMIT);
  const ids = async (): Promise<unknown[]> =>
    (await tower.ask('trader', 'openorders', { agent: 'trader' })).data.map(({ id }: Row) => id);
  assert.deepEqual(await ids(), [order.data.id]);
  const held = await tower.ask('trader', 'accountinfo', {});
  assert.ok(Number(held.data.buying_power) < Number(before.data.buying_power));
  const cancelled = await tower.final(tower.drop('trader', 'cancelorder', { alpaca_order_id: order.data.id }));
  assert.equal(cancelled.data.cancelled, true);
  assert.deepEqual(await ids(), []);
  const freed = await tower.ask('trader', 'accountinfo', {});
  assert.equal(freed.data.buying_power, before.data.buying_power);
  await end();
});

it('an agent may ask for fresh data, and an owner may want nothing else', async () => {
  const one = await scene();
  await one.settled();
  await one.tower.ask('monitor', 'positions', {});
  assert.equal((await one.tower.ask('monitor', 'positions', {})).source, 'mirror');
  const fresh = await one.tower.ask('monitor', 'positions', { max_age_ms: 0 });
  assert.equal(fresh.source, 'alpaca');
  assert.ok([1, 2].includes(one.seen()[0] ?? 0), one.seen().join());
  const list = await one.tower.ask('monitor', 'openorders', { max_age_ms: 0 });
  assert.equal(list.source, 'alpaca');
  const bad = await one.tower.ask('monitor', 'positions', { max_age_ms: 1.5 });
  assert.equal(bad.error?.details['field'], 'payload.max_age_ms');
  await one.end();
  const off = await scene({ TOWER_MIRROR_POSITIONS_MAX_AGE_MS: '0', TOWER_MIRROR_ORDERS_MAX_AGE_MS: '0' });
  await off.settled();
  for (const type of ['positions', 'openorders', 'positions', 'openorders'])
    assert.equal((await off.tower.ask('monitor', type, {})).source, 'alpaca');
  assert.equal(off.seen()[0], 2);
  await off.end();
});

it('a bracket is shown with its exits, by whichever id it is asked for', async () => {
  const { tower, end } = await scene();
  const exits = { take_profit: { limit_price: 2 }, stop_loss: { stop_price: 0.5 } };
  const order = await tower.ask('trader', 'stockbuy', { ...LIMIT, ...exits });
  for (const id of [{ client_order_id: order.client_order_id }, { alpaca_order_id: order.data.id }]) {
    assert.equal((await tower.ask('trader', 'orderstatus', id)).data.legs.length, 2);
    assert.equal((await tower.ask('trader', 'orderstatus', { ...id, max_age_ms: 0 })).data.legs.length, 2);
  }
  const [row] = (await tower.ask('trader', 'openorders', {})).data;
  assert.equal(row.legs.length, 2);
  await end();
});
