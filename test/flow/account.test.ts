/** Which account a home belongs to: it may leave the embedded exchange for a real account, and nothing else. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { startExchange } from '../../src/exchange/server.ts';
import { CannotStart } from '../../src/observe/events.ts';
import { Harness, keysAt } from './harness.ts';

const LIMIT = { symbol: 'AAPL', qty: 1, order_class: 'limit', limit_price: 20, time_in_force: 'gtc' };

it('adding keys to a home that ran on the embedded exchange ends what was open there, and sends none of it', async () => {
  const alpaca = await startExchange({});
  const tower = new Harness();
  await tower.start();
  const stem = tower.drop('mover', 'stockbuy', LIMIT);
  await tower.answer(stem, (answer) => answer.data?.status === 'new');
  await tower.stop();
  await tower.start(keysAt(alpaca.url));
  const ended = await tower.final(stem);
  assert.equal(ended.error?.type, 'configuration_error');
  assert.equal(ended.error?.code, 'account_changed');
  assert.deepEqual((await tower.ask('mover', 'allorders', {})).data, []);
  const next = tower.drop('mover', 'stockbuy', LIMIT);
  await tower.answer(next, (answer) => answer.data?.status === 'new');
  await tower.stop();
  await assert.rejects(tower.start(), (error) => error instanceof CannotStart && /no keys/.test(error.message));
  await assert.rejects(
    tower.start(keysAt(alpaca.url, 'OTHER')),
    (error) => error instanceof CannotStart && /belong/.test(error.message),
  );
  await tower.start(keysAt(alpaca.url));
  assert.equal(
    (await tower.ask('mover', 'openorders', {})).data.length,
    1,
    'the order of the real account is still followed',
  );
  await tower.end();
  await alpaca.close();
});

it('a second tower on the same home, or for the same account, is refused', async () => {
  const alpaca = await startExchange({});
  const one = new Harness({ env: keysAt(alpaca.url) });
  const two = new Harness({ env: keysAt(alpaca.url) });
  await one.start();
  await assert.rejects(
    two.start(),
    (error) => error instanceof CannotStart && error.why === 'locked' && /account/.test(error.message),
  );
  await one.stop();
  await two.start();
  await assert.rejects(one.start(), (error) => error instanceof CannotStart && error.why === 'locked');
  await two.end();
  await one.start();
  await one.end();
  await alpaca.close();
});

it('an embedded exchange that was begun anew is not taken for the one that the journal knows', async () => {
  const tower = new Harness();
  await tower.start();
  const order = { symbol: 'SPY', qty: 1, order_class: 'limit', limit_price: 1, time_in_force: 'gtc' };
  assert.equal((await tower.ask('early', 'stockbuy', order)).status, 'success');
  await tower.stop();
  await tower.start();
  await tower.stop();
  rmSync(join(tower.home, 'data/exchange'), { recursive: true });
  await assert.rejects(tower.start(), (error) => error instanceof CannotStart && /begun anew/.test(error.message));
  await tower.end();
});
