/** Limits on a whole tower: prices from the broker's data, orders that wait for one another, an agent that runs away. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { Harness, keysAt } from './harness.ts';

let tower: Harness;
afterEach(() => tower.end());

const start = async (config: unknown): Promise<void> => {
  tower = new Harness({ config });
  await tower.start();
};

const MARKET = { symbol: 'AAPL', qty: '1', order_class: 'market', time_in_force: 'day' };
const RESTING = { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'gtc' };
const COIN = { symbol: 'BTC/USD', qty: '4', order_class: 'limit', limit_price: '5.00', time_in_force: 'gtc' };
const BITCOIN = { symbol: 'BTC/USD', qty: '1', order_class: 'market', time_in_force: 'gtc' };

test('a market order is judged by the quote of the moment, and the refusal says the limit', async () => {
  await start({ limits: { agent: { order_value: 5000 } } });
  assert.equal((await tower.ask('alpha', 'stockbuy', MARKET)).error, null);
  const { error, sent } = await tower.ask('alpha', 'cryptobuy', BITCOIN);
  assert.deepEqual([error?.type, error?.code, sent], ['risk_error', 'risk_value', 'no']);
  assert.equal(error?.details['limit'], 'agents.alpha.limits.order_value');
  assert.equal(error?.details['allowed'], 'at most 5000');
  assert.equal((await tower.ask('alpha', 'stockbuy', { ...MARKET, symbol: 'NOSUCH' })).error?.code, 'price_reference');
});

test('an order that is in another’s way waits until that has ended', async () => {
  await start({ limits: { conflicts: 'hold' } });
  const resting = tower.drop('beta', 'stockbuy', RESTING);
  const { client_order_id: other } = await tower.answer(resting);
  const waiting = tower.drop('alpha', 'stocksell', { ...RESTING, order_class: 'limit', limit_price: '0.99' });
  const late = tower.drop(
    'gamma',
    'stocksell',
    { ...RESTING, limit_price: '0.98' },
    { send_by: new Date(Date.now() + 1500).toISOString() },
  );
  const refused = await tower.answer(late);
  assert.deepEqual([refused.error?.code, refused.sent, refused.error?.details['other']], ['risk_wash', 'no', other]);
  assert.equal(tower.read(waiting), null, 'it waits');
  await tower.ask('beta', 'cancelorder', { client_order_id: other });
  assert.notEqual((await tower.answer(waiting)).sent, 'no');
});

test('an agent that has run away is halted until a person resumes it', async () => {
  await start({ limits: { agent: { repeat_orders: 3 } } });
  const codes = [];
  for (let n = 0; n < 5; n++) codes.push((await tower.ask('alpha', 'stockbuy', RESTING)).error?.code);
  assert.deepEqual(codes, [undefined, undefined, undefined, 'risk_repeat', 'halted']);
  assert.deepEqual(tower.list('data/halt'), ['agent.alpha']);
  assert.equal((await tower.ask('beta', 'stockbuy', RESTING)).error, null);
});

test('64 agents at the edge of one limit, an order in doubt among them, never come above it', async (t) => {
  const exchange = await startExchange({ control: true });
  tower = new Harness({
    env: { ...keysAt(exchange.url), TOWER_DOUBT_SETTLE_MS: '60000' },
    config: { limits: { account: { position_qty: 20 } } },
  });
  try {
    await tower.start();
    // The first is accepted and its answer lost, and look-ups do not find it: it is in doubt, and counts.
    const lost = { method: 'POST', path: '/v2/orders', times: 1, fault: { kind: 'lose', how: 'reset' } };
    const set = await fetch(`${exchange.url}/_control/faults`, {
      method: 'PUT',
      body: JSON.stringify({ requests: [lost], stream: [{ fault: { kind: 'drop' } }], lookup_lag_ms: 60_000 }),
    });
    assert.ok(set.ok, await set.text());
    const doubtful = await tower.ask('doubt', 'stockbuy', { ...RESTING, qty: '3' });
    assert.deepEqual([doubtful.error?.code, doubtful.sent], ['in_doubt', 'unknown']);
    const stems = Array.from({ length: 64 }, (_, n) =>
      tower.drop(`a${n}`, n % 2 === 0 ? 'stockbuy' : 'cryptobuy', n % 2 === 0 ? { ...RESTING, qty: '2' } : COIN),
    );
    const answers = await Promise.all(stems.map((stem) => tower.answer(stem)));
    const codes = new Set(answers.flatMap(({ error }) => (error === null ? [] : [error.code])));
    assert.deepEqual([...codes], ['risk_position']);
    const exposure = (symbol: string): number =>
      exchange.exchange.ledger
        .after(0)
        .filter(({ method, accepted, body }) => method === 'POST' && accepted && body.includes(symbol))
        .reduce((sum, { body }) => sum + Number(JSON.parse(body).qty), 0);
    const shares = [exposure('"AAPL"') / 20, exposure('"BTC/USD"') / 20];
    t.diagnostic(`highest exposure over limit: ${shares.join(', ')}`);
    assert.deepEqual(shares, [19 / 20, 1]);
  } finally {
    await tower.stop();
    await exchange.close();
  }
});

test('an order that an earlier version took in is counted, and one that the books never had counts no more once they agree', async () => {
  await start({});
  await tower.ask('alpha', 'stockbuy', RESTING);
  const bought = tower.drop('alpha', 'stockbuy', { ...MARKET, symbol: 'MSFT', qty: '3' });
  await tower.answer(bought, ({ data }) => data?.status === 'filled');
  await tower.stop();
  tower.editJournal((db) => {
    db.prepare("DELETE FROM risks WHERE content LIKE '%AAPL%'").run();
    db.prepare(
      'UPDATE risks SET open = 1, ended_at = NULL, parts = replace(parts, \'"booked":"3"\', \'"booked":"1"\')',
    ).run();
  });
  writeFileSync(
    join(tower.home, 'tower.config.json'),
    JSON.stringify({ limits: { agent: { open_orders: 1, position_qty: 3 } } }),
  );
  await tower.start();
  const buyMore = { ...MARKET, symbol: 'MSFT', order_class: 'limit', limit_price: '1.00' };
  assert.equal((await tower.ask('alpha', 'stockbuy', buyMore)).error?.code, 'risk_orders');
  const held = (): string => {
    const { limits } = JSON.parse(readFileSync(join(tower.home, 'data/status.json'), 'utf8'));
    const rows: readonly { limit: string; used: string | null }[] =
      limits.find((one: { agent: string | null }) => one.agent === 'alpha')?.limits ?? [];
    return rows.find(({ limit }) => limit === 'position_qty MSFT')?.used ?? 'nothing';
  };
  await tower.until(
    () => (held() === '3' ? true : null),
    () => `3 are held, and ${held()} are counted`,
  );
});

test('orders that wait are judged by the limits of the moment in which they would leave', async () => {
  tower = new Harness({ config: {} });
  await tower.start({ TOWER_BUDGET_PER_MINUTE: '16', TOWER_BUDGET_PER_SECOND: '16' });
  const stems = Array.from({ length: 20 }, () => tower.drop('alpha', 'stockbuy', RESTING));
  await tower.until(
    () => (stems.some((stem) => tower.read(stem) !== null) ? true : null),
    () => 'none left',
  );
  await tower.stop();
  const waiting = stems.filter((stem) => tower.read(stem) === null);
  assert.ok(waiting.length > 0 && waiting.length < stems.length, `${waiting.length} wait`);
  writeFileSync(join(tower.home, 'tower.config.json'), JSON.stringify({ limits: { agent: { order_value: '0.50' } } }));
  await tower.start();
  for (const stem of waiting) {
    const { error, sent, final } = await tower.answer(stem);
    assert.deepEqual([error?.code, sent, final], ['risk_value', 'no', true]);
  }
});

test('the report says what is left of each limit, of each agent and of the account', async () => {
  await start({
    limits: { account: { open_orders: 9 }, agent: { open_orders: 5 } },
    agents: { alpha: { allotment: 1000, limits: { symbols: ['AAPL'] } } },
  });
  await tower.ask('alpha', 'stockbuy', { ...RESTING, qty: '10' });
  type Row = { limit: string; at_most: string; used: string | null; left: string | null };
  const report = await tower.until(
    () => {
      const { limits } = JSON.parse(readFileSync(join(tower.home, 'data/status.json'), 'utf8'));
      const rows = (agent: string | null): readonly Row[] =>
        limits.find((one: { agent: string | null; mode: string }) => one.mode === 'paper' && one.agent === agent)
          ?.limits ?? [];
      return rows('alpha').some(({ limit, used }) => limit === 'open_orders' && used === '1') ? rows : null;
    },
    () => 'no report',
  );
  assert.deepEqual(
    report('alpha').map(({ limit, left }) => [limit, left]),
    [
      ['open_orders', '4'],
      ['symbols', null],
      ['allotment', '990'],
    ],
  );
  assert.deepEqual(
    report(null).map(({ limit, left }) => [limit, left]),
    [['open_orders', '8']],
  );
  assert.deepEqual(
    report('').map(({ limit, left }) => [limit, left]),
    [['open_orders', '5']],
  );
});
