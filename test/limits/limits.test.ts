/** Every limit as an agent meets it: decided inside the journal's transaction, on what is really journaled and booked. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { seededRandom } from '../../src/lib/random.ts';
import type { Decimal } from '../../src/order/decimal.ts';
import type { OrderType } from '../../src/order/name.ts';
import type { Limits } from '../../src/settings.limits.ts';

import { code, Desk, desk, LIMIT, MARKET, OPTION, type Payload, quote, SECOND, START } from './desk.ts';

describe('limits of one order', () => {
  test('84 and 85: quantity and value, with what was asked and what is allowed', async () => {
    const one = await desk({ agent: { order_qty: '9', order_value: '1000' } });
    const qty = await one.ask('alpha', 'stockbuy', LIMIT);
    assert.equal(code(qty), 'risk_qty');
    assert.deepEqual(
      [qty.error?.details['asked'], qty.error?.details['at_most'], qty.error?.details['limit']],
      ['10', '9', 'agents.alpha.limits.order_qty'],
    );
    assert.equal(qty.entry.state, 'refused');
    assert.equal(qty.entry.wire, null);
    const value = await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '9', limit_price: '111.12' });
    assert.equal(value.error?.message, 'the order is worth 1000.08 USD, and the limit is 1000');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '9', limit_price: '111.11' })), undefined);
  });

  test('a market order is worth its quote, a contract a hundred times its price, a sum of money itself', async () => {
    const one = await desk({ agent: { order_value: '1000' } });
    assert.equal(code(await one.ask('alpha', 'stockbuy', MARKET)), 'risk_value');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...MARKET, qty: '9.9' })), undefined);
    assert.equal(code(await one.ask('alpha', 'stockbuy', MARKET, new Map())), 'price_reference');
    assert.equal(
      code(await one.ask('alpha', 'stocksell', { ...LIMIT, limit_price: '1' })),
      'risk_value',
      'a sell brings what the market pays',
    );
    assert.equal(code(await one.ask('alpha', 'optionsingle', { ...OPTION, qty: '6' })), 'risk_value');
    assert.equal(code(await one.ask('alpha', 'optionsingle', { ...OPTION, qty: '5' })), undefined);
    const { qty: _, ...sum } = MARKET;
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...sum, notional: '1000.01' }, new Map())), 'risk_value');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...sum, notional: '1000' }, new Map())), undefined);
  });

  test('no setting raises the ceilings', async () => {
    const one = await desk({});
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '999999999999' })), 'risk_qty');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '1000001' })), 'risk_value');
  });

  test('a price far from the market, and a quote that is stale or crossed', async () => {
    const one = await desk({ agent: { collar_percent: '5' } });
    const dear = await one.ask('alpha', 'stockbuy', { ...LIMIT, limit_price: '106.06' });
    assert.deepEqual([code(dear), dear.error?.details.allowed], ['risk_collar', 'at most 106.05']);
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, limit_price: '106.05' })), undefined);
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...LIMIT, limit_price: '94.04' })), 'risk_collar');
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...LIMIT, limit_price: '94.05' })), undefined);
    for (const bad of [quote('99', '101', 31_000), quote('102', '101'), quote('0', '101')])
      assert.equal(code(await one.ask('alpha', 'stockbuy', LIMIT, new Map([['AAPL', bad]]))), 'price_reference');
  });

  test('96: an order that would wait for days, where that is refused', async () => {
    const saturday = START + 20 * 3600 * SECOND;
    const of = async (marketClosed: 'warn' | 'refuse', type: OrderType, payload: Payload) => {
      const one = await desk({ marketClosed });
      one.clock.at = saturday;
      return code(await one.ask('alpha', type, payload, new Map()));
    };
    const refused = await of('refuse', 'stockbuy', LIMIT);
    assert.equal(refused, 'risk_closed');
    assert.equal(await of('refuse', 'optionsingle', OPTION), 'risk_closed');
    assert.equal(await of('refuse', 'stockbuy', { ...LIMIT, extended_hours: true }), 'risk_closed');
    assert.equal(await of('refuse', 'stockbuy', { ...LIMIT, time_in_force: 'ioc' }), undefined);
    const coin = { symbol: 'BTC/USD', qty: '1', order_class: 'limit', limit_price: '5', time_in_force: 'gtc' };
    assert.equal(await of('refuse', 'cryptobuy', coin), undefined);
    assert.equal(await of('warn', 'stockbuy', LIMIT), undefined);
  });

  test('92: symbols, asset classes, sides and hours', async () => {
    const of = async (limits: Partial<Limits>, type: OrderType, payload: Payload, at = START) => {
      const one = await desk({ agent: limits });
      one.clock.at = at;
      return code(await one.ask('alpha', type, payload));
    };
    assert.equal(await of({ symbols: ['MSFT'] }, 'stockbuy', LIMIT), 'risk_restricted');
    assert.equal(await of({ symbols: ['AAPL'] }, 'optionsingle', OPTION), undefined);
    assert.equal(await of({ symbols_barred: ['AAPL'] }, 'optionsingle', OPTION), 'risk_restricted');
    assert.equal(await of({ asset_classes: ['crypto'] }, 'stockbuy', LIMIT), 'risk_restricted');
    assert.equal(await of({ sides: ['sell'] }, 'stockbuy', LIMIT), 'risk_restricted');
    const hours = '09:30-16:00';
    assert.equal(await of({ hours }, 'stockbuy', LIMIT), undefined);
    assert.equal(await of({ hours }, 'stockbuy', LIMIT, START - 31 * 60 * SECOND), 'risk_hours');
    assert.equal(await of({ hours }, 'stockbuy', LIMIT, START + 24 * 3600 * SECOND), 'risk_hours');
    assert.equal(await of({ hours: '20:00-10:30' }, 'stockbuy', LIMIT), undefined);
  });
});

describe('limits of how often', () => {
  test('86 and 93: orders per minute, per day, and open ones', async () => {
    const minute = await desk({ agent: { orders_per_minute: 2 } });
    await minute.ask('alpha', 'stockbuy', LIMIT);
    await minute.ask('alpha', 'stockbuy', LIMIT);
    const third = await minute.ask('alpha', 'stockbuy', LIMIT);
    assert.deepEqual(
      [code(third), third.error?.message],
      ['risk_rate', '2 orders were taken in this minute; the next is taken in 60 s'],
    );
    assert.equal(code(await minute.ask('beta', 'stockbuy', LIMIT)), undefined);
    minute.clock.at += 60 * SECOND;
    assert.equal(code(await minute.ask('alpha', 'stockbuy', LIMIT)), undefined);

    const day = await desk({ agent: { orders_per_day: 1, day_value: '1500' } });
    await day.ask('alpha', 'stockbuy', LIMIT);
    assert.equal(code(await day.ask('alpha', 'stockbuy', LIMIT)), 'risk_rate');
    day.clock.at += 24 * 3600 * SECOND;
    assert.equal(code(await day.ask('alpha', 'stockbuy', LIMIT)), undefined);
    const worth = await desk({ agent: { day_value: '1500' } });
    await worth.ask('alpha', 'stockbuy', LIMIT);
    const second = await worth.ask('alpha', 'stockbuy', LIMIT);
    assert.deepEqual([code(second), second.error?.details['left']], ['risk_agent_day', '500']);

    const open = await desk({ agent: { open_orders: 1 } });
    const { entry } = await open.ask('alpha', 'stockbuy', LIMIT);
    assert.equal(code(await open.ask('alpha', 'stockbuy', LIMIT)), 'risk_orders');
    await open.move(entry, 'closed', '0');
    assert.equal(code(await open.ask('alpha', 'stockbuy', LIMIT)), undefined);
  });

  test('88: the same again under a new id', async () => {
    const one = await desk({ agent: { similar_seconds: 60 } });
    const first = await one.ask('alpha', 'stockbuy', LIMIT);
    one.clock.at += 12 * SECOND;
    const again = await one.ask('alpha', 'stockbuy', LIMIT);
    assert.deepEqual(
      [code(again), again.error?.message],
      ['risk_duplicate', `the order is the same as ${first.entry.clientOrderId}, 12 s ago`],
    );
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '11' })), undefined);
    assert.equal(code(await one.ask('beta', 'stockbuy', LIMIT)), undefined);
    one.clock.at += 60 * SECOND;
    assert.equal(code(await one.ask('alpha', 'stockbuy', LIMIT)), undefined);
  });

  test('89: more of the same while an order is in doubt', async () => {
    const one = await desk({ agent: { in_doubt: 'refuse' } });
    const { entry } = await one.ask('alpha', 'stockbuy', LIMIT);
    await one.move(await one.move(entry, 'sending'), 'in_doubt');
    const more = await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '1' });
    assert.deepEqual([code(more), more.error?.details['in_doubt']], ['risk_in_doubt', entry.clientOrderId]);
    assert.equal(code(await one.ask('alpha', 'stocksell', LIMIT)), undefined);
    await one.move(entry, 'working');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '1' })), undefined);
  });

  test('94: an agent that has run away is let through so often, and no more', async () => {
    const one = await desk({ agent: { repeat_orders: 3, repeat_seconds: 10 } });
    const codes = [];
    for (let n = 0; n < 6; n++) codes.push(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: String(n + 1) })));
    assert.deepEqual(codes, [undefined, undefined, undefined, 'risk_repeat', 'risk_repeat', 'risk_repeat']);
    assert.equal(code(await one.ask('alpha', 'stocksell', LIMIT)), undefined);
  });
});

describe('limits of what may come', () => {
  test('86: a position counts held, open and in doubt in full, and shrinks as orders end', async () => {
    const one = await desk({ agent: { position_qty: '25', position_value: '2460' } });
    const first = await one.ask('alpha', 'stockbuy', LIMIT);
    const second = await one.ask('alpha', 'stockbuy', LIMIT);
    await one.move(await one.move(second.entry, 'sending'), 'in_doubt');
    const third = await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '6' });
    assert.deepEqual(
      [code(third), third.error?.details['used'], third.error?.details['left']],
      ['risk_position', '20', '5'],
    );
    const dear = await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '5' });
    assert.deepEqual(
      [code(dear), dear.error?.details['limit']],
      ['risk_position', 'agents.alpha.limits.position_value'],
    );
    await one.move(first.entry, 'working', '4');
    await one.post(first.entry, 'alpha', 'buy', '4', '90');
    await one.move(first.entry, 'closed', '4');
    // 4 held at 90, 10 in doubt at 100.
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '11' })), undefined);
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '1' })), 'risk_position');
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '4' })), undefined, 'a reduction passes');
    assert.equal(
      code(await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '30' })),
      'risk_position',
      'a short position is one, too',
    );
  });

  test('what is filled counts until it is in the books, whatever comes first', async () => {
    const one = await desk({ agent: { position_qty: '10' } });
    const { entry } = await one.ask('alpha', 'stockbuy', LIMIT);
    await one.move(entry, 'closed', '10');
    assert.equal(
      code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '1' })),
      'risk_position',
      'filled, not booked',
    );
    await one.post(entry, 'alpha', 'buy', '10', '100');
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '1' })), 'risk_position', 'booked');
    await one.post(null, 'alpha', 'sell', '10', '100');
    assert.equal(code(await one.ask('alpha', 'stockbuy', LIMIT)), undefined);
  });

  test('87 and T44: of the account an agent learns that a limit is reached, and nothing else', async () => {
    const one = await desk({ account: { gross_value: '2000' } });
    await one.ask('beta', 'stockbuy', LIMIT);
    const { error } = await one.ask('alpha', 'stockbuy', { ...LIMIT, symbol: 'MSFT', qty: '11' });
    assert.deepEqual(
      [error?.code, error?.message],
      ['risk_exposure', 'a limit of the account is reached (limits.account.gross_value)'],
    );
    const other = await desk({ account: { gross_value: '2000' } });
    await other.ask('beta', 'stockbuy', { ...LIMIT, qty: '19' });
    const { error: same } = await other.ask('alpha', 'stockbuy', { ...LIMIT, symbol: 'MSFT', qty: '11' });
    assert.deepEqual(same, error, 'the answer is the same whatever the others hold');
  });

  test('97: after the loss of the day only reductions', async () => {
    const one = await desk({ agent: { day_loss: '100' } });
    await one.post(null, 'alpha', 'buy', '20', '100');
    await one.post(null, 'alpha', 'sell', '10', '95');
    assert.equal(code(await one.ask('alpha', 'stockbuy', LIMIT)), undefined);
    await one.journal.setPrices('PA1', one.clock.now(), new Map([['AAPL', '94' as Decimal]]));
    const lost = await one.ask('alpha', 'stockbuy', LIMIT);
    assert.deepEqual([code(lost), lost.error?.details['used']], ['risk_loss', '110']);
    assert.equal(code(await one.ask('alpha', 'stocksell', LIMIT)), undefined);
    assert.equal(code(await one.ask('alpha', 'stocksell', LIMIT)), 'risk_loss', 'more than is held');
    assert.equal(code(await one.ask('beta', 'stockbuy', LIMIT)), undefined);
  });

  test('a day is a day: what was won yesterday is nothing to lose today, and a clock that goes back begins none', async () => {
    const DAY = 24 * 3600 * SECOND;
    const one = await desk({ agent: { day_loss: '100', orders_per_day: 2 } });
    await one.post(null, 'alpha', 'buy', '20', '100');
    await one.post(null, 'alpha', 'sell', '10', '150');
    one.clock.at += DAY;
    await one.post(null, 'alpha', 'sell', '10', '89');
    const lost = await one.ask('alpha', 'stockbuy', LIMIT);
    assert.deepEqual([code(lost), lost.error?.details['used']], ['risk_loss', '110']);

    const often = await desk({ agent: { orders_per_day: 2 } });
    await often.ask('alpha', 'stockbuy', LIMIT);
    await often.ask('alpha', 'stockbuy', LIMIT);
    const midnight = Date.UTC(2026, 1, 13) * 1000;
    for (const at of [midnight - SECOND, START, midnight - SECOND, START + SECOND]) {
      often.clock.at = at;
      assert.equal(code(await often.ask('alpha', 'stockbuy', LIMIT)), 'risk_rate', new Date(at / 1000).toISOString());
    }
  });

  test('90: nobody sells short where that is off', async () => {
    const one = await desk({ agent: { shorting: false } });
    assert.equal(code(await one.ask('alpha', 'stocksell', LIMIT)), 'risk_short');
    await one.post(null, 'alpha', 'buy', '10', '100');
    const { entry } = await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '6' });
    assert.equal(entry.state, 'admitted');
    const more = await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '5' });
    assert.deepEqual([code(more), more.error?.details['left']], ['risk_short', '4']);
  });

  test('an allotment: its own money, what it made with it, and only what its book holds', async () => {
    const one = await desk({ allotment: '2000' });
    const { entry } = await one.ask('alpha', 'stockbuy', LIMIT);
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '11' })), 'risk_allotment');
    await one.post(entry, 'alpha', 'buy', '10', '100');
    await one.move(entry, 'closed', '10');
    await one.post(null, 'alpha', 'sell', '10', '120');
    assert.equal(code(await one.ask('alpha', 'stocksell', { ...LIMIT, qty: '1' })), 'risk_allotment');
    const left = await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '23' });
    assert.deepEqual([code(left), left.error?.details['left']], ['risk_allotment', '2200']);
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '22' })), undefined);
    assert.equal(code(await one.ask('beta', 'stockbuy', { ...LIMIT, qty: '400' })), undefined);
  });
});

describe('sums', () => {
  test('64 agents at the edge of a shared limit, one order in doubt: never above it', async (context) => {
    let highest = 0;
    for (let round = 0; round < 20; round++) {
      const one = await desk({ account: { gross_value: '10000' } });
      const agents = Array.from({ length: 64 }, (_, n) => `agent${n}`);
      const doubtful = await one.ask('agent0', 'stockbuy', LIMIT);
      await one.move(await one.move(doubtful.entry, 'sending'), 'in_doubt');
      // All in one turn of the event loop, in calls of their own.
      const answers = await Promise.all(
        agents.map((agent, n) => one.ask(agent, 'stockbuy', { ...LIMIT, qty: String(1 + ((n + round) % 7)) })),
      );
      const taken = answers
        .filter(({ error }) => error === null)
        .map(({ entry }) => JSON.parse(entry.wire ?? '{}').qty);
      const sum = taken.reduce((total, qty) => total + Number(qty) * 100, 1000);
      highest = Math.max(highest, sum / 10_000);
      assert.ok(sum <= 10_000, `${sum}`);
      assert.ok(sum > 9_300, 'the limit is used');
    }
    context.diagnostic(`highest exposure / limit: ${highest}`);
  });

  test('what was taken in before the account was known counts on; what was open on another account does not', async () => {
    const one = new Desk({ account: { open_orders: 1 } }, ':memory:');
    await one.ask('alpha', 'stockbuy', LIMIT);
    await one.journal.setFact('account:paper', 'PA1');
    assert.equal(code(await one.ask('beta', 'stockbuy', LIMIT)), 'risk_orders');
    await one.journal.setFact('account:paper', 'PA1');
    assert.equal(code(await one.ask('beta', 'stockbuy', LIMIT)), 'risk_orders');
    await one.journal.setFact('account:paper', 'PA2');
    assert.equal(code(await one.ask('beta', 'stockbuy', LIMIT)), undefined);
    await one.journal.close();
  });

  test('what is open on one side makes no room on the other, also where it is beyond the limit already', async () => {
    const home = mkdtempSync(join(tmpdir(), 'tower-limits-'));
    const before = new Desk({}, join(home, 'tower.db'));
    for (const agent of ['alpha', 'beta']) await before.ask(agent, 'stocksell', { ...LIMIT, qty: '30' });
    await before.journal.close();
    const one = new Desk({ agent: { position_qty: '10' } }, join(home, 'tower.db'));
    assert.equal(code(await one.ask('alpha', 'stockbuy', { ...LIMIT, qty: '11' })), 'risk_position');
    assert.equal(code(await one.ask('alpha', 'stockbuy', LIMIT)), undefined);
    await one.journal.close();
    const money = new Desk({ agent: { gross_value: '1000' } }, join(home, 'tower.db'));
    assert.equal(code(await money.ask('beta', 'stockbuy', { ...LIMIT, qty: '1' })), 'risk_exposure');
    await money.journal.close();
    rmSync(home, { recursive: true });
  });

  test('after a restart they are what they were', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'limits-'));
    const file = join(folder, 'tower.db');
    const one = await desk(
      {
        agent: { position_qty: '20', similar_seconds: 60, orders_per_day: 4 },
        account: { day_loss: '50' },
      },
      file,
    );
    await one.post(null, 'alpha', 'buy', '3', '100');
    await one.post(null, 'alpha', 'sell', '1', '80');
    const { entry } = await one.ask('alpha', 'stockbuy', LIMIT);
    await one.move(entry, 'working', '2');
    await one.post(entry, 'alpha', 'buy', '2', '100');
    const before = (await one.journal.ground(one.clock.now())).standings;
    const reopened = openSqliteJournal({ file, clock: one.clock, random: seededRandom('again') });
    const after = (await reopened.ground(one.clock.now())).standings;
    const now = one.clock.at;
    for (const scope of ['alpha', '*']) {
      assert.deepEqual(shown(after.totals('paper', scope, now)), shown(before.totals('paper', scope, now)), scope);
      const [was, is] = [before.symbol('paper', scope, 'AAPL'), after.symbol('paper', scope, 'AAPL')];
      assert.deepEqual(shown(is), shown(was), scope);
      assert.equal(is.held.toFixed(), '4');
      assert.equal(is.buys.toFixed(), '8');
    }
    const repeats = after.repeats('paper', 'alpha', 'buy AAPL', 0);
    assert.equal(repeats, 1);
    await reopened.close();
    await one.journal.close();
    rmSync(folder, { recursive: true });
  });
});

const shown = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
