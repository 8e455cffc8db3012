/** A halt on a whole tower: what it refuses, what passes, how it ends, and what is written down about it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { startExchange } from '../../src/exchange/server.ts';
import { Harness, keysAt } from './harness.ts';

let tower: Harness;
beforeEach(async () => {
  tower = new Harness();
  await tower.start();
});
afterEach(() => tower.end());

const MARKET = { symbol: 'AAPL', qty: '1', order_class: 'market', time_in_force: 'day' };
const RESTING = { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'gtc' };
const halt = (name: string, text = ''): void => writeFileSync(join(tower.home, 'data/halt', name), text);
const resume = (name: string): void => rmSync(join(tower.home, 'data/halt', name));
const code = async (agent: string, type: string, payload: unknown): Promise<string | undefined> =>
  (await tower.ask(agent, type, payload)).error?.code;

test('an empty file halts everything but cancels and queries, over restarts, until it is gone', async () => {
  const open = await tower.ask('alpha', 'stockbuy', RESTING);
  halt('all');
  const refused = await tower.ask('alpha', 'stockbuy', MARKET);
  assert.deepEqual(
    [refused.error?.type, refused.error?.code, refused.sent, refused.final],
    ['risk_error', 'halted', 'no', true],
  );
  assert.equal(await code('alpha', 'positions', {}), undefined);
  await tower.stop();
  await tower.start();
  assert.equal(await code('beta', 'stocksell', MARKET), 'halted');
  assert.equal(await code('alpha', 'cancelorder', { client_order_id: open.client_order_id }), undefined);
  resume('all');
  assert.equal(await code('alpha', 'stockbuy', MARKET), undefined);
});

test('HALT in the home, made by hand, is as good', async () => {
  writeFileSync(join(tower.home, 'HALT'), '');
  assert.equal(await code('alpha', 'stockbuy', MARKET), 'halted');
  rmSync(join(tower.home, 'HALT'));
  assert.equal(await code('alpha', 'stockbuy', MARKET), undefined);
});

test('what the tower says that it has seen counts what had left before, until that is answered', async () => {
  const exchange = await startExchange({ control: true });
  const late = new Harness({ env: keysAt(exchange.url) });
  try {
    await late.start();
    const fault = { kind: 'latency', answer_delay_ms: 600 };
    const requests = [{ method: 'POST', path: '/v2/orders', fault }];
    await fetch(`${exchange.url}/_control/faults`, { method: 'PUT', body: JSON.stringify({ requests }) });
    late.drop('alpha', 'stockbuy', RESTING);
    await late.until(
      () => (exchange.exchange.ledger.after(0).length > 0 ? true : null),
      () => 'not sent',
    );
    writeFileSync(join(late.home, 'data/halt/agent.alpha'), '');
    const counts = new Set<number>();
    await late.until(
      () => {
        const file = join(late.home, 'data/halt.seen');
        const seen = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { halts: [] };
        if (seen.halts.includes('agent.alpha')) counts.add(seen.on_their_way);
        return counts.has(0) ? true : null;
      },
      () => 'no answer was counted',
    );
    assert.deepEqual([...counts], [1, 0]);
  } finally {
    await late.end();
    await exchange.close();
  }
});

test('one agent, one symbol, reductions only', async () => {
  assert.equal(await code('alpha', 'stockbuy', MARKET), undefined);
  halt('agent.alpha', JSON.stringify({ by: 'eve', at: '2026-02-13T00:00:00Z', reason: 'odd fills' }));
  const refused = await tower.ask('alpha', 'stockbuy', MARKET);
  assert.match(refused.error?.message ?? '', /agent alpha is halted: odd fills/);
  assert.equal(refused.error?.details['by'], 'eve');
  assert.equal(await code('beta', 'stockbuy', MARKET), undefined);
  resume('agent.alpha');
  halt('symbol.AAPL.reduce');
  assert.equal(await code('alpha', 'stockbuy', MARKET), 'reduce_only');
  assert.equal(await code('alpha', 'stocksell', MARKET), undefined);
  assert.equal(await code('alpha', 'stockbuy', { ...MARKET, symbol: 'MSFT' }), undefined);
});

test('where only reductions pass, a sell of more than is held does not, also together with another', async () => {
  const bought = await tower.ask('alpha', 'stockbuy', { ...MARKET, qty: '3' });
  assert.equal(bought.error, null);
  const db = new Sqlite(join(tower.home, 'data/tower.db'), { readonly: true });
  const booked = db.prepare("SELECT qty FROM holdings WHERE agent = 'alpha' AND symbol = 'AAPL'").pluck();
  await tower.until(
    () => (booked.get() === '3' ? true : null),
    () => 'not booked',
  );
  db.close();
  halt('all.reduce');
  const limit = { ...RESTING, limit_price: '9000.00' };
  assert.equal(await code('alpha', 'stocksell', { ...MARKET, qty: '4' }), 'reduce_only');
  assert.equal(await code('beta', 'stocksell', { ...MARKET, symbol: 'MSFT' }), 'reduce_only');
  assert.equal(await code('alpha', 'stocksell', { ...limit, qty: '2' }), undefined);
  assert.equal(await code('alpha', 'stocksell', { ...limit, qty: '2' }), 'reduce_only');
  assert.equal(await code('alpha', 'stocksell', { ...limit, qty: '1' }), undefined);
});

test('what waits when a halt comes is refused, and is not sent after it', async () => {
  await tower.stop();
  await tower.start({ TOWER_BUDGET_PER_MINUTE: '8', TOWER_BUDGET_PER_SECOND: '8' });
  const waiting = Array.from({ length: 5 }, () => tower.drop('alpha', 'stockbuy', RESTING));
  await tower.until(
    () => (tower.list('orders/processing').length >= 4 ? true : null),
    () => 'not taken',
  );
  halt('all');
  for (const stem of waiting.slice(1)) {
    const answer = await tower.answer(stem, ({ sent }) => sent !== 'unknown');
    assert.ok(answer.error?.code === 'halted' || answer.sent === 'yes', JSON.stringify(answer));
  }
  assert.ok(waiting.some((stem) => tower.read(stem)?.error?.code === 'halted'));
});

test('open orders are cancelled where the halt says so', async () => {
  const [mine, other] = [tower.drop('alpha', 'stockbuy', RESTING), tower.drop('beta', 'stockbuy', RESTING)];
  await tower.answer(mine);
  await tower.answer(other);
  halt('agent.alpha.cancel');
  assert.equal((await tower.final(mine)).data.status, 'canceled');
  assert.equal(tower.read(other)?.final, false);
});

test('who, when and why are journaled, and the tower says what it has seen', async () => {
  halt('all', JSON.stringify({ by: 'eve', at: '2026-02-13T00:00:00Z', reason: 'odd fills' }));
  await tower.until(
    () => (readFileSync(join(tower.home, 'data/halt.seen'), 'utf8').includes('"all"') ? true : null),
    () => 'not seen',
  );
  halt('.resumed-1', JSON.stringify({ resumes: ['all'], by: 'adam', reason: 'explained' }));
  resume('all');
  await tower.until(
    () => (existsSync(join(tower.home, 'data/halt/.resumed-1')) ? null : true),
    () => JSON.stringify([tower.list('data/halt'), tower.events.slice(-3)]),
  );
  await tower.stop();
  const db = new Sqlite(join(tower.home, 'data/tower.db'), { readonly: true });
  const told = db.prepare("SELECT kind, detail FROM events WHERE kind IN ('halt', 'resume') ORDER BY id").all() as {
    kind: string;
    detail: string;
  }[];
  db.close();
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['halt', 'resume'],
  );
  assert.equal(JSON.parse(told[0]?.detail ?? '').by, 'eve');
  assert.equal(JSON.parse(told[1]?.detail ?? '').by, 'adam');
});
