/** A second look at orders that have waited: what may have changed, and what may not count against them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { requestOf } from '../../src/admit.ts';
import type { Entry } from '../../src/journal/journal.ts';
import type { Decimal } from '../../src/order/decimal.ts';
import { isTrade } from '../../src/order/request.ts';
import { refusedNow } from '../../src/risk/again.ts';

import { Desk, desk, LIMIT, MARKET, SECOND } from './desk.ts';

/** The code of the refusal; null when it may go. */
const again = async (one: Desk, entry: Entry): Promise<string | null> => {
  const trade = requestOf(entry);
  assert.ok(trade !== null && isTrade(trade));
  return refusedNow(entry.seq, trade, one.rules, await one.journal.ground(one.clock.now()))?.code ?? null;
};

describe('an order that waits', () => {
  test('is not sent once the loss of the day is reached, by a fill or by a price; a reduction is', async () => {
    const one = await desk({ agent: { day_loss: '100' } });
    await one.post(null, 'alpha', 'buy', '10', '100');
    const { entry: more } = await one.ask('alpha', 'stockbuy', LIMIT);
    const { entry: less } = await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '5' });
    assert.equal(await again(one, more), null);
    await one.journal.setPrices('PA1', one.clock.now(), new Map([['AAPL', '90' as Decimal]]));
    assert.deepEqual([await again(one, more), await again(one, less)], ['risk_loss', null]);
    await one.journal.setPrices('PA1', one.clock.now(), new Map([['AAPL', '100' as Decimal]]));
    assert.equal(await again(one, more), null);
    await one.post(null, 'alpha', 'sell', '5', '80');
    assert.deepEqual([await again(one, more), await again(one, less)], ['risk_loss', null]);
  });

  test('is not sent when fills were dearer than they were counted', async () => {
    const one = await desk({ agent: { position_value: '3100' } });
    const { entry: market } = await one.ask('alpha', 'stockbuy', MARKET);
    const { entry } = await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '20' });
    await one.move(market, 'closed', '10');
    await one.post(market, 'alpha', 'buy', '10', '111');
    assert.equal(await again(one, entry), 'risk_position');
  });

  test('does not count against itself, nor is it too often or too similar', async () => {
    const one = await desk({
      agent: { position_qty: '10', open_orders: 1, orders_per_minute: 1, similar_seconds: 60, day_value: '1000' },
    });
    const { entry } = await one.ask('alpha', 'stockbuy', LIMIT);
    await one.post(null, 'beta', 'buy', '1', '100');
    assert.equal(await again(one, entry), null);
    const { standings } = await one.journal.ground(one.clock.now());
    assert.equal(standings.symbol('paper', 'alpha', 'AAPL').buys.toFixed(), '10', 'and counts as before');
  });

  test('goes by the hours of the moment', async () => {
    const one = await desk({ agent: { hours: '09:30-16:00' } });
    const { entry } = await one.ask('alpha', 'stockbuy', LIMIT);
    assert.equal(await again(one, entry), null);
    one.clock.at += 6 * 3600 * SECOND;
    assert.equal(await again(one, entry), 'risk_hours');
  });

  test('goes by the limits of the present start: of those that are too many the last ones', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'limits-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'tower.db');
    const before = await desk({}, file);
    const waiting = [];
    for (let n = 0; n < 4; n++) waiting.push((await before.ask('alpha', 'stockbuy', LIMIT)).entry);
    assert.deepEqual(await Promise.all(waiting.map((entry) => again(before, entry))), [null, null, null, null]);
    await before.journal.close();
    const one = new Desk({ agent: { position_qty: '20' } }, file);
    one.clock.at = before.clock.at;
    const codes = [];
    for (const entry of waiting) {
      const refused = await again(one, entry);
      codes.push(refused);
      if (refused !== null) await one.move(entry, 'refused');
    }
    assert.deepEqual(codes, ['risk_position', 'risk_position', null, null]);
    await one.journal.close();
  });
});
