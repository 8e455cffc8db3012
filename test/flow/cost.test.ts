/**
 * What an order costs, in counts that no machine changes: commits, syncs, statements, bytes. Whoever makes an order dearer
 * hears of it here and raises a bound with a reason, or finds another way. Must never look at a clock: times are the
 * bench's (`npm run bench`).
 */
import assert from 'node:assert/strict';
import fs, { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, mock, test } from 'node:test';
import Sqlite, { type Database, type Statement } from 'better-sqlite3';
import { Harness } from './harness.ts';

const ORDERS = 100;
const RESTING = { symbol: 'AAPL', qty: '1', order_class: 'limit', limit_price: '1.00', time_in_force: 'day' };

/** Everything counted in this process; the exchange in it uses neither SQLite nor syncs. */
const counts = { commits: 0, statements: 0, syncs: 0, listings: 0 };

function countAll(): void {
  const database: Database = new Sqlite(':memory:');
  const statement: Statement = Object.getPrototypeOf(database.prepare('SELECT 1'));
  const prototype: Database = Object.getPrototypeOf(database);
  database.close();
  const counted = <T extends object, K extends keyof T>(of: T, method: K, count: keyof typeof counts): void => {
    const real = of[method];
    assert.ok(typeof real === 'function');
    mock.method(
      of as never,
      method as never,
      function (this: unknown, ...args: unknown[]) {
        counts[count]++;
        return Reflect.apply(real, this, args);
      } as never,
    );
  };
  // Transactions are made once and run often.
  const { transaction } = prototype;
  mock.method(prototype, 'transaction', function (this: Database, work: Parameters<typeof transaction>[0]) {
    const made = Reflect.apply(transaction, this, [work]);
    const immediate = (...args: unknown[]): unknown => {
      counts.commits++;
      return made.immediate(...args);
    };
    return Object.assign((...args: unknown[]): unknown => made(...args), { immediate });
  } as never);
  for (const method of ['run', 'get', 'all'] as const) counted(statement, method, 'statements');
  counted(fs, 'readdirSync', 'listings');
  counted(fs, 'fsync', 'syncs');
  counted(fs, 'fsyncSync', 'syncs');
}

const tower = new Harness({ config: { agents: {} } });
before(async () => {
  countAll();
  await tower.start({ TOWER_SWEEP_INTERVAL_MS: '600000' });
  // Folders, statements and connections are made by the first.
  await one();
});
after(async () => {
  mock.restoreAll();
  await tower.end();
});

/** Done when the broker has accepted it, and nothing of it is left to be written. */
async function settled(stems: readonly string[]): Promise<void> {
  for (const stem of stems) await tower.answer(stem, (answer) => answer.data?.status === 'new');
  await tower.until(
    () => (tower.list('orders/processing').length === 0 ? true : null),
    () => 'not archived',
  );
}

async function one(): Promise<void> {
  await settled([tower.drop('cost', 'stockbuy', RESTING)]);
}

/** What `work` has cost for each of `orders`. */
async function cost(orders: number, work: () => Promise<void>): Promise<typeof counts> {
  const from = { ...counts };
  await work();
  return {
    commits: (counts.commits - from.commits) / orders,
    statements: (counts.statements - from.statements) / orders,
    syncs: (counts.syncs - from.syncs) / orders,
    listings: (counts.listings - from.listings) / orders,
  };
}

const journalBytes = (): number => {
  const db = new Sqlite(join(tower.home, 'data/tower.db'));
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
  return statSync(join(tower.home, 'data/tower.db')).size;
};

test('orders that come together share commits and are cheaper than alone', async () => {
  const alone = await cost(10, async () => {
    for (let n = 0; n < 10; n++) await one();
  });
  const together = await cost(ORDERS, async () =>
    settled(Array.from({ length: ORDERS }, () => tower.drop('cost', 'stockbuy', RESTING))),
  );
  // Admitted, sending, outcome, what the stream told, published: each a commit when nothing else is there.
  assert.ok(alone.commits <= 7, `${alone.commits} commits for one order`);
  // Answer, archive, and the folder of each.
  assert.ok(alone.syncs <= 6, `${alone.syncs} syncs of files for one order`);
  assert.ok(alone.statements <= 42, `${alone.statements} statements for one order`);
  const text = JSON.stringify({ alone, together });
  assert.ok(together.commits <= alone.commits / 2, `commits are not shared: ${text}`);
  assert.ok(together.syncs <= 3, `syncs are not shared: ${text}`);
  assert.ok(together.statements <= 27, `statements of orders that come together: ${text}`);
  // Before each order leaves, the folder of halts is looked at; the looks before that one are shared.
  assert.ok(together.listings >= 1 && together.listings <= 1.6, `looks for a halt: ${text}`);
  assert.ok(alone.listings <= 5, `looks for a halt: ${text}`);
});

test('the journal keeps little besides the texts of an order', async () => {
  const before = journalBytes();
  const stems = Array.from({ length: ORDERS }, () => tower.drop('cost', 'stockbuy', RESTING));
  await settled(stems);
  const texts = stems.reduce(
    (sum, stem) =>
      sum +
      statSync(join(tower.home, 'orders/completed', `${stem}.json`)).size +
      Buffer.byteLength(JSON.stringify(tower.read(stem)?.data)),
    0,
  );
  const ratio = (journalBytes() - before) / texts;
  assert.ok(ratio > 1 && ratio <= 3.6, `${ratio} bytes of journal for each byte of file and answer`);
});
