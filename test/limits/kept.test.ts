/** How long an order counts: not a moment less than it may be filled or booked, and not for ever; in memory as on disk. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import type { Entry } from '../../src/journal/journal.ts';
import { micros } from '../../src/lib/clock.ts';
import type { Decimal } from '../../src/order/decimal.ts';
import { countOpen } from '../../src/recount.ts';
import { code, Desk, desk, LIMIT, MARKET, OPTION, SECOND } from './desk.ts';

const DAY = 86_400 * SECOND;
const GTC = { ...LIMIT, time_in_force: 'gtc' };

describe('an order that has ended', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'limits-'));
    file = join(folder, 'tower.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Of alpha and of the account, as it is in memory and as a new start reads it. */
  const standing = async (one: Desk): Promise<string> => {
    const again = new Desk({}, file);
    again.clock.at = one.clock.at;
    const looks = [];
    for (const { journal } of [one, again])
      for (const scope of ['alpha', '*']) {
        const { standings } = await journal.ground(one.clock.now());
        const { held, buys, sells } = standings.symbol('paper', scope, 'AAPL');
        looks.push(`held ${held.toFixed()} buys ${buys.toFixed()} sells ${sells.toFixed()}`);
      }
    await again.journal.close();
    assert.equal(new Set(looks).size, 1, looks.join('; '));
    return looks[0] ?? '';
  };

  /** Taken in four days ago, just filled, and something else has been asked for since. */
  const filledLate = async (): Promise<{ one: Desk; entry: Entry }> => {
    const one = await desk({}, file);
    const { entry } = await one.ask('alpha', 'stockbuy', GTC);
    await one.move(await one.move(entry, 'sending'), 'working');
    one.clock.at += 4 * DAY;
    await one.move(entry, 'closed', '10');
    one.clock.at += 2 * 3600 * SECOND;
    await one.ask('beta', 'stockbuy', { ...LIMIT, symbol: 'MSFT' });
    return { one, entry };
  };

  test('counts until it is booked, however old it is', async () => {
    const { one, entry } = await filledLate();
    assert.equal(await standing(one), 'held 0 buys 10 sells 0');
    await one.post(entry, 'alpha', 'buy', '10', '100');
    assert.equal(await standing(one), 'held 10 buys 0 sells 0');
    await one.journal.close();
  });

  test('counts no more once the books are known to have all that happened until then', async () => {
    const { one } = await filledLate();
    await one.journal.settled('PA1', micros(one.clock.at - 3 * 3600 * SECOND));
    assert.equal(await standing(one), 'held 0 buys 10 sells 0', 'it ended after that');
    await one.journal.settled('PA2', micros(one.clock.at));
    assert.equal(await standing(one), 'held 0 buys 10 sells 0', 'of another account');
    await one.journal.settled('PA1', micros(one.clock.at));
    assert.equal(await standing(one), 'held 0 buys 0 sells 0');
    await one.journal.close();
  });

  test('is in nobody’s way while it is not booked', async () => {
    const one = await desk({ conflicts: 'refuse' }, file);
    const { entry } = await one.ask('beta', 'stockbuy', GTC);
    await one.move(entry, 'closed', '10');
    assert.equal(code(await one.ask('alpha', 'stocksell', LIMIT)), undefined);
    await one.journal.close();
  });

  test('in conflict it counts whole until the books are known to have all that happened', async () => {
    const one = await desk({}, file);
    const { entry } = await one.ask('alpha', 'stockbuy', GTC);
    await one.move(await one.move(entry, 'sending'), 'conflict');
    one.clock.at += 9 * DAY;
    await one.ask('beta', 'stockbuy', { ...LIMIT, symbol: 'MSFT' });
    assert.equal(await standing(one), 'held 0 buys 10 sells 0');
    await one.journal.settled('PA1', micros(one.clock.at - DAY));
    assert.equal(await standing(one), 'held 0 buys 0 sells 0');
    await one.journal.close();
  });
});

describe('an order that was open before anything was counted', () => {
  const WORTH = { agent: { gross_value: '4000', open_orders: 4 } } as const;
  /** As an earlier version has left it. */
  const forget = (file: string, raw: string | null = null): void => {
    const db = new Sqlite(file);
    db.exec('DELETE FROM risks');
    if (raw !== null) db.prepare('UPDATE requests SET raw = ?').run(Buffer.from(raw));
    db.close();
    rmSync(file.replace(/\.db$/, '.tip'));
  };

  test('is counted from the next start on, less what is booked of it', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'limits-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'tower.db');
    const before = await desk({}, file);
    const partly = await before.ask('alpha', 'stockbuy', GTC);
    await before.move(partly.entry, 'working', '4');
    await before.post(partly.entry, 'alpha', 'buy', '4', '90');
    const doubtful = await before.ask('alpha', 'optionsingle', OPTION);
    await before.move(await before.move(doubtful.entry, 'sending'), 'in_doubt');
    const market = await before.ask('alpha', 'stockbuy', MARKET);
    const closed = await before.ask('alpha', 'stockbuy', LIMIT);
    await before.move(closed.entry, 'closed', '0');
    await before.journal.setPrices('PA1', before.clock.now(), new Map([['AAPL', '150' as Decimal]]));
    await before.journal.close();
    forget(file);

    const one = new Desk(WORTH, file);
    one.clock.at = before.clock.at;
    assert.equal((await one.journal.uncounted()).length, 3);
    const told: string[] = [];
    await countOpen(one.journal, one.clock, (_level, text) => told.push(text));
    assert.deepEqual([told, await one.journal.uncounted()], [[], []]);
    const { standings } = await one.journal.ground(one.clock.now());
    const { held, buys, buyValue } = standings.symbol('paper', 'alpha', 'AAPL');
    // 6 left at their limit, 10 at the last known price.
    assert.deepEqual([held.toFixed(), buys.toFixed(), buyValue.toFixed()], ['4', '16', '2100']);
    assert.equal(standings.symbol('paper', 'alpha', OPTION.symbol).buyValue.toFixed(), '200');
    assert.equal(standings.totals('paper', 'alpha', one.clock.at).orders, 3);
    // 360 held, 2100 and 200 open.
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '14' })), 'risk_exposure');
    await one.move(market.entry, 'closed', '0');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '14' })), undefined);
    await one.move(partly.entry, 'closed', '4');
    assert.equal(standings.symbol('paper', 'alpha', 'AAPL').buys.toFixed(), '14', 'it ends as any other');
    await one.journal.close();
  });

  test('is told when it cannot be read any more', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'limits-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'tower.db');
    const before = await desk({}, file);
    const { entry } = await before.ask('alpha', 'stockbuy', LIMIT);
    await before.journal.close();
    forget(file, '{}');
    const one = new Desk({}, file);
    const told: string[] = [];
    await countOpen(one.journal, one.clock, (_level, text) => told.push(text));
    assert.match(told.join(), new RegExp(`^${entry.clientOrderId} `));
    await one.journal.close();
  });
});
