/** Whose book a row of the account's history belongs into, on a real journal. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fill } from '../books/postings.ts';
import type { Activity } from '../broker/broker.ts';
import type { BookEntry, Journal } from '../journal/journal.ts';
import { openSqliteJournal } from '../journal/sqlite.ts';
import { isoMicros, micros, systemClock } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import { canonical, type Decimal } from '../order/decimal.ts';
import { activityEntries, fillEntries, type Ledger, NOBODY } from './booking.ts';

const AT = micros(1_770_000_000_000_000);
const DATE = isoMicros(AT).slice(0, 10);
const CALL = 'AAPL260320C00150000';
const PUT = 'AAPL260320P00150000';

let journal: Journal;
let ledger: Ledger;
let isWaiting = true;
beforeEach(() => {
  isWaiting = true;
  journal = openSqliteJournal({ file: ':memory:', clock: systemClock, random: seededRandom(1) });
  ledger = {
    journal,
    account: 'PA1',
    rate: (coin) => (coin === 'BTC' ? canonical('100000') : canonical('1')),
    ownerOf: async (id) =>
      id === 'unknown' ? null : id === 'foreign' ? NOBODY : { agent: id as BookEntry['agent'], seq: 7 },
    waits: () => isWaiting,
  };
});
afterEach(() => journal.close());

let n = 0;
const row = (type: string, more: Partial<Activity>): Activity => ({
  id: `row${n++}`,
  type,
  at: isoMicros(AT),
  date: DATE,
  status: 'executed',
  execution: null,
  symbol: null,
  qty: null,
  price: null,
  netAmount: null,
  description: '',
  ...more,
});

async function hold(agent: string, symbol: string, qty: number, price: string): Promise<void> {
  const side = qty > 0 ? 'buy' : 'sell';
  const posting = fill({ symbol, side, qty: canonical(String(Math.abs(qty))), price: canonical(price), at: AT });
  const entry = { key: `h${n++}`, agent: agent as BookEntry['agent'], posting, orderId: `o-${agent}`, seq: 1 };
  await journal.book([{ account: 'PA1', activity: null, entries: [entry] }]);
}

/** Books a row; in short what came of it, or null when it waits. */
async function book(activity: Activity): Promise<readonly string[] | null> {
  const entries = await activityEntries(ledger, activity);
  if (entries === null) return null;
  await journal.book([{ account: 'PA1', activity: activity.id, entries }]);
  return entries.map(
    ({ agent, posting: { kind, symbol, qty, cash, fee } }) => `${agent || '-'} ${kind} ${symbol} ${qty} ${cash} ${fee}`,
  );
}

async function held(symbol: string): Promise<Readonly<Record<string, Decimal>>> {
  const books = await journal.books('PA1');
  return Object.fromEntries(
    books.flatMap(({ agent, holdings }) =>
      holdings.filter((holding) => holding.symbol === symbol).map(({ qty }) => [agent || '-', qty]),
    ),
  );
}

describe('executions', () => {
  const told = {
    symbol: 'AAPL',
    side: 'buy',
    qty: '2.0',
    price: '10.50',
    filledQty: '3.00',
    at: isoMicros(AT),
  } as const;

  it('are named by their order and the filled quantity after them', async () => {
    const [entry] = fillEntries(ledger, { ...told, orderId: 'alpha' }, NOBODY);
    assert.equal(entry?.key, 'PA1:alpha:3');
    assert.deepEqual(fillEntries(ledger, { ...told, orderId: 'alpha', qty: '1e3' }, NOBODY), []);
  });

  it('wait for their owner, and are nobody’s when they are foreign', async () => {
    const of = (orderId: string) => row('FILL', { execution: { ...told, orderId } });
    assert.equal(await book(of('unknown')), null);
    assert.deepEqual(await book(of('foreign')), ['- fill AAPL 2 -21 0']);
    assert.deepEqual(await book(of('alpha')), ['alpha fill AAPL 2 -21 0']);
  });

  it('of pairs priced in coins take those coins, and no dollars', () => {
    const pair = { ...told, orderId: 'alpha', symbol: 'ETH/BTC', qty: '2', price: '0.05' };
    assert.deepEqual(
      fillEntries(ledger, pair, NOBODY).map(({ posting: { symbol, qty, price, cash } }) => [symbol, qty, price, cash]),
      [
        ['ETHBTC', '2', '5000', '0'],
        ['BTCUSD', '-0.1', '100000', '0'],
      ],
    );
  });
});

describe('fees', () => {
  const coins = (qty: string, price: string) => row('CFEE', { symbol: 'BTC/USD', qty, price, netAmount: '0' });

  it('in coins go to the fill of which they are a round rate, each once', async () => {
    await hold('alpha', 'BTC/USD', 4, '100');
    await hold('beta', 'BTC/USD', 2, '100');
    assert.deepEqual(await book(coins('-0.005', '100')), ['beta fee BTCUSD -0.005 0 0.5']);
    assert.deepEqual(await book(coins('-0.006', '100')), ['alpha fee BTCUSD -0.006 0 0.6']);
    assert.equal(await book(coins('-0.006', '100')), null, 'no fill is left: its fill may still come');
    isWaiting = false;
    assert.deepEqual(await book(coins('-0.006', '100')), ['- fee BTCUSD -0.006 0 0.6']);
  });

  it('in money go to the sale', async () => {
    await hold('alpha', 'BTC/USD', 2, '100');
    await hold('beta', 'BTC/USD', -1, '200');
    assert.deepEqual(await book(row('CFEE', { symbol: 'BTC/USD', netAmount: '-0.5' })), ['beta fee BTCUSD 0 -0.5 0.5']);
  });

  it('of the day are shared by what was sold, to the cent', async () => {
    await hold('alpha', 'AAPL', -2, '100');
    await hold('beta', 'AAPL', -1, '100');
    await hold('gamma', 'AAPL', 9, '100');
    // It is evening in New York, and a day further in UTC.
    const at = isoMicros(micros(AT + 86_400_000_000));
    assert.deepEqual(await book(row('FEE', { at, date: '2026-02-01', netAmount: '-0.10' })), [
      'alpha fee USD 0 -0.07 0.07',
      'beta fee USD 0 -0.03 0.03',
    ]);
    assert.deepEqual(await book(row('FEE', { at, netAmount: '-0.10' })), ['- fee USD 0 -0.1 0.1']);
  });
});

describe('the end of contracts', () => {
  it('closes every book, also those that had cancelled out, and brings the shares to each', async () => {
    await hold('alpha', CALL, 5, '2');
    await hold('beta', CALL, -2, '2');
    await hold('gamma', PUT, 1, '2');
    assert.deepEqual(await book(row('OPEXC', { symbol: CALL, qty: '-3' })), [
      'alpha exercise AAPL260320C00150000 -5 0 0',
      'beta assignment AAPL260320C00150000 2 0 0',
    ]);
    assert.deepEqual(await book(row('OPEXP', { symbol: PUT, qty: '-1' })), ['gamma expiry AAPL260320P00150000 -1 0 0']);
    const shares = row('OPTRD', { symbol: 'AAPL', qty: '300', price: '150', netAmount: '-45000' });
    assert.deepEqual(await book(shares), ['alpha delivery AAPL 500 -75000 0', 'beta delivery AAPL -200 30000 0']);
    assert.deepEqual(await held('AAPL'), { alpha: '500', beta: '-200' });
    assert.equal(await book({ ...shares, id: 'again' }), null, 'the same shares are not delivered twice');
  });

  it('by hand, of a part, is shared out among those who hold that side', async () => {
    await hold('alpha', CALL, 3, '2');
    await hold('beta', CALL, 1, '2');
    await book(row('OPEXC', { symbol: CALL, qty: '-2' }));
    assert.deepEqual(await held(CALL), { alpha: '1', beta: '1' });
  });
});

describe('what no agent does', () => {
  it('a split scales every book', async () => {
    await hold('alpha', 'NVDA', 3, '100');
    await hold('beta', 'NVDA', -1, '100');
    await book(row('SPLIT', { symbol: 'NVDA', qty: '2', netAmount: '0' }));
    assert.deepEqual(await held('NVDA'), { alpha: '6', beta: '-2' });
  });

  it('is in nobody’s book: dividends, transfers, kinds that nobody knows', async () => {
    assert.deepEqual(await book(row('DIV', { symbol: 'AAPL', qty: '10', netAmount: '2.40' })), [
      '- income AAPL 0 2.4 0',
    ]);
    assert.deepEqual(await book(row('CSD', { netAmount: '500' })), ['- transfer USD 0 500 0']);
    assert.deepEqual(await book(row('ACATC', { symbol: 'IBM', qty: '3', price: '7', netAmount: '0' })), [
      '- transfer IBM 3 0 0',
    ]);
    assert.deepEqual(await book(row('NEWKIND', { symbol: 'IBM', qty: '-1', netAmount: '9' })), [
      '- transfer IBM -1 0 0',
      '- transfer IBM 0 9 0',
    ]);
    assert.deepEqual(await book(row('DIV', { netAmount: '2.40', status: 'canceled' })), []);
  });
});
