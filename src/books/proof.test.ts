/** The sum of all books against the account: what differs, and what the broker is known to book later. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { micros } from '../lib/clock.ts';
import { canonical, type Decimal } from '../order/decimal.ts';
import { fromRfc3339 } from '../order/time.ts';
import { emptyHolding } from './holding.ts';
import { compare, type Uncharged } from './proof.ts';
import { shareOut } from './share.ts';

const d = (text: string): Decimal => canonical(text);
const NOW = fromRfc3339('2026-03-21T12:00:00Z') ?? micros(0);
const NONE: Uncharged = { coins: new Map(), proceeds: d('0') };

const books = (...each: readonly { cash: string; held: Record<string, string> }[]) =>
  each.map(({ cash, held }) => ({
    sums: { ...emptyHolding(''), cash: d(cash) },
    holdings: Object.entries(held).map(([symbol, qty]) => ({ ...emptyHolding(symbol), qty: d(qty) })),
  }));
const account = (cash: string, held: Record<string, string>) => ({
  cash: d(cash),
  positions: new Map(Object.entries(held).map(([symbol, qty]) => [symbol, d(qty)])),
});
const brief = (found: ReturnType<typeof compare>) =>
  found.map(({ symbol, difference, expected }) => `${symbol} ${difference}${expected === null ? '' : ' expected'}`);

describe('the proof', () => {
  const two = books({ cash: '-100', held: { AAPL: '5', BTCUSD: '0.5' } }, { cash: '1100.004', held: { AAPL: '-2' } });

  it('adds up all books, to the cent in money and to the last digit in units', () => {
    assert.deepEqual(compare(two, account('1000', { AAPL: '3', BTCUSD: '0.5' }), NONE, NOW), []);
    const off = compare(two, account('1000.02', { AAPL: '3', BTCUSD: '0.500000001', IBM: '1' }), NONE, NOW);
    assert.deepEqual(brief(off), ['USD 0.016', 'BTCUSD 0.000000001', 'IBM 1']);
    assert.deepEqual(
      off.map(({ books: ours, broker }) => [ours, broker]),
      [
        ['1000.004', '1000.02'],
        ['0.5', '0.500000001'],
        ['0', '1'],
      ],
    );
    assert.deepEqual(brief(compare(two, account('999.99', { AAPL: '3', BTCUSD: '0.5' }), NONE, NOW)), ['USD -0.014']);
  });

  it('cash may be off by less than a cent, not by one', () => {
    const one = books({ cash: '10', held: {} });
    assert.deepEqual(compare(one, account('10.009', {}), NONE, NOW), []);
    assert.deepEqual(brief(compare(one, account('10.01', {}), NONE, NOW)), ['USD 0.01']);
  });

  it('expects the end of contracts that have just expired, with shares and money', () => {
    const held = books({ cash: '1000', held: { AAPL260320C00150000: '2', AAPL260320P00100000: '-1', AAPL: '7' } });
    assert.deepEqual(brief(compare(held, account('1000', { AAPL: '7' }), NONE, NOW)), [
      'AAPL260320C00150000 -2 expected',
      'AAPL260320P00100000 1 expected',
    ]);
    assert.deepEqual(brief(compare(held, account('-29000', { AAPL: '207' }), NONE, NOW)), [
      'USD -30000 expected',
      'AAPL 200 expected',
      'AAPL260320C00150000 -2 expected',
      'AAPL260320P00100000 1 expected',
    ]);
    assert.deepEqual(brief(compare(held, account('-28000', { AAPL: '207' }), NONE, NOW))[0], 'USD -29000');
    assert.deepEqual(brief(compare(held, account('1000', { AAPL: '57' }), NONE, NOW))[0], 'AAPL 50');
    // Before its day, and long after, nothing explains that a contract is gone.
    for (const days of [-2, 8]) {
      const then = micros(NOW + days * 86_400_000_000);
      assert.ok(compare(held, account('1000', { AAPL: '7' }), NONE, then).every(({ expected }) => expected === null));
    }
  });

  it('expects fees on coins until they are booked, and no more than that', () => {
    const held = books({ cash: '1000', held: { BTCUSD: '2' } });
    const uncharged = { coins: new Map([['BTCUSD', d('2')]]), proceeds: d('400') };
    assert.deepEqual(brief(compare(held, account('999', { BTCUSD: '1.995' }), uncharged, NOW)), [
      'USD -1 expected',
      'BTCUSD -0.005 expected',
    ]);
    assert.deepEqual(brief(compare(held, account('990', { BTCUSD: '1.9' }), uncharged, NOW)), [
      'USD -10',
      'BTCUSD -0.1',
    ]);
    assert.deepEqual(brief(compare(held, account('1001', { BTCUSD: '2.001' }), uncharged, NOW)), [
      'USD 1',
      'BTCUSD 0.001',
    ]);
  });
});

describe('shares of an amount', () => {
  it('add up to it, whatever rounding does', () => {
    assert.deepEqual(shareOut(d('0.1'), [d('1'), d('1'), d('1')], 2), ['0.04', '0.03', '0.03']);
    assert.deepEqual(shareOut(d('-5'), [d('2'), d('-1')], 0), ['-10', '5']);
    assert.deepEqual(shareOut(d('2'), [d('1'), d('3')], 0), ['0', '2']);
  });
});
