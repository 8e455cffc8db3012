/** Stops and starts in the middle of work: every request is carried out once and answered. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { Harness, keysAt } from './harness.ts';

it('a restart in the middle of 200 orders: each is at the exchange exactly once, and answered', async () => {
  const exchange = await startExchange({ control: true });
  const tower = new Harness({
    env: {
      ...keysAt(exchange.url),
    },
  });
  await tower.start();
  const stems: string[] = [];
  for (let n = 0; n < 200; n++) {
    stems.push(
      tower.drop(`agent${n % 7}`, 'stockbuy', {
        symbol: 'SPY',
        qty: 1,
        order_class: 'limit',
        limit_price: 100,
        time_in_force: 'day',
      }),
    );
    if (n === 120)
      await tower.until(
        () => (tower.list('orders/completed').length >= 10 ? true : null),
        () => 'nothing was carried out',
      );
  }
  await tower.stop();
  const before = tower.list('orders/completed').length;
  assert.ok(before < 200, 'the stop came in the middle');
  await tower.start();
  for (const stem of stems)
    assert.equal((await tower.answer(stem, (answer) => answer.status === 'success')).sent, 'yes');
  const listed = await fetch(`${exchange.url}/v2/orders?status=all&limit=500`, {
    headers: { 'APCA-API-KEY-ID': 'K', 'APCA-API-SECRET-KEY': 'S' },
  });
  const orders = (await listed.json()) as { client_order_id: string }[];
  assert.equal(orders.length, 200);
  assert.equal(new Set(orders.map((order) => order.client_order_id)).size, 200);
  await tower.until(
    () => (tower.list('orders/completed').length === 200 && tower.list('orders/processing').length === 0 ? true : null),
    () => 'not all archived',
  );
  await tower.end();
  await exchange.close();
});

it('refuses an admitted request that a later version cannot read, and goes on', async () => {
  const closed = await startExchange({});
  await closed.close();
  const tower = new Harness({ env: keysAt(closed.url) });
  await tower.start();
  const stem = tower.drop('old', 'stockbuy', {
    symbol: 'AAPL',
    qty: 1,
    order_class: 'limit',
    limit_price: 1,
    time_in_force: 'day',
  });
  await tower.until(
    () => (tower.list('orders/processing').length === 1 ? true : null),
    () => 'not claimed',
  );
  await tower.until(
    () => (tower.events.some((event) => event.kind === 'order') ? true : null),
    () => 'not admitted',
  );
  await tower.stop();
  tower.editJournal((db) => db.prepare('UPDATE requests SET raw = ?').run(Buffer.from('{"a": 1}')));
  const exchange = await startExchange({});
  await tower.start(keysAt(exchange.url));
  const answer = await tower.final(stem);
  assert.equal(answer.error?.type, 'internal_error');
  assert.equal(answer.sent, 'no');
  assert.equal((await tower.ask('new', 'accountinfo', {})).status, 'success');
  await tower.end();
  await exchange.close();
});

it('takes files that were there before the start, and keeps the account over a restart', async () => {
  const tower = new Harness();
  const early = tower.drop('early', 'stockbuy', {
    symbol: 'MSFT',
    qty: 2,
    order_class: 'market',
    time_in_force: 'day',
  });
  await tower.start();
  await tower.final(early);
  await tower.stop();
  await tower.start();
  const positions = await tower.ask('early', 'positions', {});
  assert.deepEqual(
    positions.data.map(({ symbol, qty }: { symbol: string; qty: string }) => [symbol, qty]),
    [['MSFT', '2']],
  );
  await tower.end();
});

it('answers deleted by an agent stay deleted, and a changed archive is never overwritten', async () => {
  const tower = new Harness();
  await tower.start();
  const stem = tower.drop('messy', 'accountinfo', {});
  await tower.answer(stem);
  rmSync(tower.responsePath(stem));
  const next = `paper_messy_accountinfo_${tower.timestamp()}`;
  writeFileSync(join(tower.home, 'orders/completed', `${next}.json`), 'planted');
  tower.dropText(`${next}.json`, tower.text('messy', 'accountinfo', {}, next.slice(-20)));
  await tower.answer(next);
  assert.equal(existsSync(tower.responsePath(stem)), false);
  assert.equal(readFileSync(join(tower.home, 'orders/completed', `${next}.json`), 'utf8'), 'planted');
  await tower.until(
    () =>
      tower.list('orders/completed').some((file) => file.startsWith(`${next}.`) && file.length > next.length + 6)
        ? true
        : null,
    () => 'the file is archived beside it',
  );
  await tower.end();
});
