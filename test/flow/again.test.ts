/**
 * Starting again after the worst: a journal that failed, one that is gone, a budget that was spent. The exchange's own
 * ledger is the witness. Must never rest on what the tower says of itself.
 */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Sqlite from 'better-sqlite3';
import { type RunningExchange, startExchange } from '../../src/exchange/server.ts';
import { Harness, keysAt } from './harness.ts';

const KEYS = { 'APCA-API-KEY-ID': 'K', 'APCA-API-SECRET-KEY': 'S' };
const RESTING = { symbol: 'AAPL', qty: 1, order_class: 'limit', limit_price: 20, time_in_force: 'gtc' };

interface Place {
  readonly exchange: RunningExchange;
  readonly tower: Harness;
  /** How many orders were sent to the exchange, whatever became of them. */
  posts(): number;
}

async function place(env: Readonly<Record<string, string>>, act: (place: Place) => Promise<void>): Promise<void> {
  // It tells of a window so large that only the tower's own budget can hold anything back.
  const exchange = await startExchange({ control: true, rateLimit: { perMinute: 1_000_000, enforce: false } });
  const tower = new Harness({
    env: {
      ...keysAt(exchange.url),
      ...env,
    },
  });
  try {
    await act({
      exchange,
      tower,
      posts: () => exchange.exchange.ledger.after(0).filter(({ method }) => method === 'POST').length,
    });
  } finally {
    await tower.end();
    await exchange.close();
  }
}

/** An order that the tower does not know of. */
async function order(exchange: RunningExchange, clientOrderId: string): Promise<void> {
  const answer = await fetch(`${exchange.url}/v2/orders`, {
    method: 'POST',
    headers: { ...KEYS, 'content-type': 'application/json' },
    body: JSON.stringify({
      symbol: 'AAPL',
      qty: '1',
      side: 'buy',
      type: 'limit',
      limit_price: '20',
      time_in_force: 'gtc',
      client_order_id: clientOrderId,
    }),
  });
  assert.ok(answer.ok, await answer.text());
}

function loseJournal(tower: Harness): void {
  const folder = join(tower.home, 'data');
  for (const file of readdirSync(folder)) if (file.startsWith('tower.db')) rmSync(join(folder, file));
}

const suspicions = (tower: Harness): number =>
  tower.events.filter((event) => event.kind === 'notice' && /journal does not know/.test(event.text)).length;

describe('a tower that starts again', { concurrency: true }, () => {
  // Sent in the moment it is taken in, or after it has waited for others: the sending is journaled with it, or by itself.
  const ways = { 'at once': {}, 'in its turn': { TOWER_LIMITS_CONFLICTS: 'hold' } };
  for (const [way, env] of Object.entries(ways)) {
    it(`after its journal failed: what is not journaled is not sent ${way}, and goes out once afterwards`, () =>
      place(env, async ({ tower, exchange, posts }) => {
        await tower.start({ TOWER_TEST: '1', TOWER_FAILPOINT: 'k09-d4-mid:eio' });
        const stem = tower.drop('one', 'stockbuy', RESTING);
        await assert.rejects(tower.failed, /EIO/);
        // Were anything on its way, it would arrive before all of these.
        for (let n = 0; n < 30; n++) await (await fetch(`${exchange.url}/_control/ledger`)).text();
        await tower.stop();
        assert.equal(posts(), 0);
        await tower.start();
        assert.equal((await tower.answer(stem, ({ sent }) => sent === 'yes')).status, 'success');
        assert.equal(posts(), 1);
      }));
  }

  it('when its journal is gone, and the file is dropped again: the order is found, not sent', () =>
    place({}, async ({ tower, posts }) => {
      await tower.start();
      const timestamp = tower.timestamp();
      const name = `paper_two_stockbuy_${timestamp}.json`;
      const text = tower.text('two', 'stockbuy', RESTING, timestamp);
      const first = await tower.answer(tower.dropText(name, text), ({ status }) => status === 'success');
      await tower.stop();
      loseJournal(tower);
      rmSync(join(tower.home, 'responses'), { recursive: true });
      await tower.start();
      assert.equal(suspicions(tower), 1);
      const again = await tower.answer(tower.dropText(name, text));
      assert.deepEqual([again.status, again.data?.id], ['success', first.data.id]);
      assert.equal(posts(), 1);
    }));

  it('sees an order of its own that it does not know also behind a page full of others', () =>
    place({}, async ({ tower, exchange }) => {
      for (let n = 0; n < 500; n += 50)
        await Promise.all(Array.from({ length: 50 }, (_, i) => order(exchange, `foreign-${n + i}`)));
      await order(exchange, 'three_20260213143022123456_stockbuy');
      await tower.start();
      assert.equal(suspicions(tower), 1);
    }));

  it('keeps within the budget that it has spent before', () =>
    place({ TOWER_BUDGET_PER_MINUTE: '80', TOWER_BUDGET_PER_SECOND: '80' }, async ({ tower, posts }) => {
      const send = async (count: number, more: object = {}): Promise<void> => {
        const stems = Array.from({ length: count }, () => tower.drop('four', 'stockbuy', RESTING, more));
        for (const stem of stems) await tower.answer(stem);
      };
      await tower.start();
      // One by one, so that each leaves at once.
      for (let n = 0; n < 35; n++) await send(1);
      assert.equal(posts(), 35);
      await tower.stop();
      // What the next start counts on: each request is remembered, by whatever way it left.
      const db = new Sqlite(join(tower.home, 'data/tower.db'), { readonly: true });
      const remembered = Number(db.prepare("SELECT sum(n) FROM spends WHERE host = 'trading'").pluck().get());
      db.close();
      assert.ok(remembered >= posts(), `${remembered} requests are remembered`);
      await tower.start();
      // More than twice what is left, so that a slow machine cannot make a run look thrifty.
      await send(80, { send_by: new Date(Date.now() + 3500).toISOString() });
      assert.ok(posts() > 35, 'the second run sends, too');
      assert.ok(posts() <= 80, `${posts()} orders in less than a minute`);
    }));
});
