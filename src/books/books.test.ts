/**
 * The books against an independent and naive reckoning: one queue entry per single unit, whole cents, big integers, no
 * code in common. Tens of thousands of made-up histories from seeds.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defined } from '../lib/assert.ts';
import { micros } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import { canonical, type Decimal, exact } from '../order/decimal.ts';
import { optionContract } from '../order/symbol.ts';
import { averageOf, type Book, postTo, totalsOf, worthOf } from './book.ts';
import { MONEY, type Posting } from './holding.ts';
import { carried, coinFee, delivery, exercise, expiry, fill, money, moneyFee, split } from './postings.ts';

const AT = micros(1_770_000_000_000_000);
const d = (text: string): Decimal => canonical(text);
const book = (...postings: readonly Posting[]): Book =>
  postings.reduce<Book>((before, posting) => postTo(before, posting).book, new Map());
const holding = (of: Book, symbol: string) => defined(of.get(symbol), symbol).holding;
const trade = (symbol: string, side: 'buy' | 'sell', qty: string, price: string): Posting =>
  fill({ symbol, side, qty: d(qty), price: d(price), at: AT });

describe('books', () => {
  it('closes the oldest lots first and keeps the average beside them', () => {
    const after = book(
      trade('AAPL', 'buy', '10', '100'),
      trade('AAPL', 'buy', '10', '200'),
      trade('AAPL', 'sell', '5', '180'),
    );
    const aapl = holding(after, 'AAPL');
    assert.equal(aapl.qty, '15');
    assert.equal(aapl.realised, '400');
    assert.equal(aapl.basis, '2500');
    assert.equal(averageOf(aapl), '150');
    assert.equal(aapl.cash, '-2100');
    assert.equal(aapl.turnover, '3900');
    assert.deepEqual(worthOf(aapl, d('190')), { value: '2850', unrealised: '350' });
  });

  it('goes through zero into a short position and back', () => {
    const after = book(
      trade('TSLA', 'buy', '3', '10'),
      trade('TSLA', 'sell', '5', '12'),
      trade('TSLA', 'buy', '1', '9'),
    );
    const tsla = holding(after, 'TSLA');
    assert.equal(tsla.qty, '-1');
    assert.equal(tsla.basis, '-12');
    assert.equal(tsla.realised, '9');
    assert.equal(averageOf(tsla), '12');
    assert.deepEqual(worthOf(tsla, d('10')), { value: '-10', unrealised: '2' });
  });

  it('counts a contract as a hundred, and ends it by expiry', () => {
    const symbol = 'AAPL250321C00150000';
    const after = book(trade(symbol, 'buy', '2', '1.25'), expiry(symbol, d('2'), AT));
    const option = holding(after, symbol);
    assert.equal(option.qty, '0');
    assert.equal(option.realised, '-250');
    assert.equal(option.cash, '-250');
  });

  it('turns contracts into shares at the strike, for whoever exercises and whoever is assigned', () => {
    const call = 'AAPL250321C00150000';
    const put = 'MSFT250321P00300500';
    const ended = (symbol: string, held: string): readonly Posting[] => {
      const contract = defined(optionContract(symbol), 'a contract');
      return [exercise(symbol, d(held), AT), delivery(contract, d(held), AT)];
    };
    const long = book(trade(call, 'buy', '1', '4'), ...ended(call, '1'));
    assert.equal(holding(long, 'AAPL').qty, '100');
    assert.equal(holding(long, 'AAPL').basis, '15000');
    assert.equal(holding(long, call).realised, '-400');
    const short = book(trade(put, 'sell', '2', '3'), ...ended(put, '-2'));
    assert.equal(holding(short, 'MSFT').qty, '200');
    assert.equal(holding(short, 'MSFT').cash, '-60100');
    assert.equal(holding(short, put).realised, '600');
    assert.equal(exercise(put, d('-2'), AT).kind, 'assignment');
  });

  it('takes crypto fees out of the coins, at their price', () => {
    const after = book(trade('BTC/USD', 'buy', '1', '100'), coinFee('BTC/USD', d('0.0025'), d('100'), AT));
    const btc = holding(after, 'BTCUSD');
    assert.equal(btc.qty, '0.9975');
    assert.equal(btc.fees, '0.25');
    assert.equal(btc.basis, '99.75');
    assert.equal(btc.realised, '0');
    assert.equal(btc.cash, '-100');
    assert.equal(totalsOf([btc], () => d('100')).profit, '-0.25');
  });

  it('keeps the cost through a split, also one that does not come out even', () => {
    const after = book(
      trade('NVDA', 'buy', '3', '30'),
      trade('NVDA', 'buy', '4', '40'),
      split('NVDA', d('-4.666666667'), AT),
      trade('NVDA', 'sell', '2.333333333', '150'),
    );
    const nvda = holding(after, 'NVDA');
    assert.equal(nvda.qty, '0');
    assert.equal(nvda.basis, '0');
    assert.equal(nvda.cost, '0');
    assert.equal(nvda.realised, d('99.99999995'));
  });

  it('lets transfers come and go at their cost, without profit', () => {
    const after = book(
      carried('opening', 'AAPL', d('10'), d('50'), AT),
      carried('transfer', 'AAPL', d('-4'), d('99'), AT),
      money('transfer', d('1000'), AT),
      money('income', d('2.5'), AT),
      moneyFee(MONEY, d('0.02'), AT),
    );
    assert.equal(holding(after, 'AAPL').realised, '0');
    assert.equal(holding(after, 'AAPL').basis, '300');
    assert.equal(holding(after, MONEY).cash, '1002.48');
    assert.equal(totalsOf([holding(after, MONEY)], () => null).profit, '2.48');
  });

  it('says which holdings have no mark', () => {
    const totals = totalsOf([holding(book(trade('AAPL', 'buy', '1', '5')), 'AAPL')], () => null);
    assert.deepEqual(totals.unmarked, ['AAPL']);
    assert.equal(totals.gross, '5');
  });
});

/** One unit that is held: +1 or -1, and what it has cost in hundredths of a cent. */
interface Unit {
  readonly sign: bigint;
  readonly cost: bigint;
}
/** The naive book of one symbol. Money in hundredths of a cent. */
interface Naive {
  units: Unit[];
  /** Average cost of everything held, as a fraction. */
  average: { over: bigint; under: bigint };
  realised: bigint;
  cash: bigint;
  fees: bigint;
}

const SYMBOLS = ['AAPL', 'SPY250321P00400000', 'BTC/USD'] as const;
const HUNDRED: Readonly<Record<string, bigint>> = { SPY250321P00400000: 100n };

function naiveMove(naive: Naive, qty: bigint, unitPrice: bigint): void {
  for (let n = qty < 0n ? -qty : qty; n > 0n; n--) {
    const sign = qty < 0n ? -1n : 1n;
    const [first] = naive.units;
    const { over, under } = naive.average;
    const held = BigInt(naive.units.length);
    if (first !== undefined && first.sign !== sign) {
      naive.units.shift();
      naive.realised += first.sign * (unitPrice - first.cost);
      naive.average = held === 1n ? { over: 0n, under: 1n } : { over: over * (held - 1n), under: under * held };
    } else {
      naive.units.push({ sign, cost: unitPrice });
      naive.average = { over: over + sign * unitPrice * under, under };
    }
  }
}

/** Whole numbers of hundredths of a cent as a decimal. */
const money4 = (value: bigint): Decimal => {
  const digits = String(value < 0n ? -value : value).padStart(5, '0');
  return d(`${value < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`.replace(/^-0\.0000$/, '0'));
};

function tryHistory(seed: number): void {
  const random = seededRandom(seed);
  const draw = (n: number): number => random.uint32() % n;
  const naive = new Map<string, Naive>();
  let books: Book = new Map();
  const steps = 4 + draw(24);
  for (let step = 0; step < steps; step++) {
    const symbol = defined(SYMBOLS[draw(3)], 'a symbol');
    const key = symbol.replace('/', '');
    const times = HUNDRED[symbol] ?? 1n;
    const one = naive.get(key) ?? { units: [], average: { over: 0n, under: 1n }, realised: 0n, cash: 0n, fees: 0n };
    naive.set(key, one);
    const qty = 1 + draw(12);
    const price = 1 + draw(20_000);
    const sign = one.units[0]?.sign ?? 1n;
    const held = String(sign * BigInt(one.units.length));
    const roll = draw(20);
    let postings: readonly Posting[];
    if (roll < 14) {
      const side = draw(2) === 0 ? 'buy' : 'sell';
      const signed = BigInt(side === 'buy' ? qty : -qty);
      const unit = BigInt(price) * 100n * times;
      postings = [trade(symbol, side, String(qty), money4(BigInt(price) * 100n))];
      naiveMove(one, signed, unit);
      one.cash -= signed * unit;
    } else if (roll < 16) {
      postings = [moneyFee(symbol, money4(BigInt(price)), AT)];
      one.cash -= BigInt(price);
      one.fees += BigInt(price);
    } else if (symbol === 'BTC/USD' && one.units.length > 0 && sign > 0n) {
      postings = [coinFee(symbol, d('1'), money4(BigInt(price) * 100n), AT)];
      naiveMove(one, -1n, BigInt(price) * 100n);
      one.fees += BigInt(price) * 100n;
    } else if (times === 100n && one.units.length > 0) {
      if (roll < 18) {
        postings = [expiry(symbol, d(held), AT)];
        naiveMove(one, -BigInt(held), 0n);
      } else {
        const contract = defined(optionContract(symbol), 'a contract');
        postings = [exercise(symbol, d(held), AT), delivery(contract, d(held), AT)];
        naiveMove(one, -BigInt(held), 0n);
        const shares = naive.get('SPY') ?? {
          units: [],
          average: { over: 0n, under: 1n },
          realised: 0n,
          cash: 0n,
          fees: 0n,
        };
        naive.set('SPY', shares);
        naiveMove(shares, -BigInt(held) * 100n, 4_000_000n);
        shares.cash += BigInt(held) * 100n * 4_000_000n;
      }
    } else if (symbol === 'AAPL' && one.units.length > 0) {
      // Two for one, at prices that halve without rest: every unit becomes two of half its cost.
      if (one.units.some(({ cost }) => cost % 2n !== 0n) || one.units.length > 60) continue;
      postings = [split(symbol, d(held), AT)];
      one.units = one.units.flatMap(({ sign: s, cost }) => Array<Unit>(2).fill({ sign: s, cost: cost / 2n }));
    } else continue;
    for (const posting of postings) books = postTo(books, posting).book;
  }
  for (const [symbol, one] of naive) {
    const found = books.get(symbol);
    if (found === undefined) {
      assert.equal(one.units.length, 0);
      continue;
    }
    const { holding: it, lots } = found;
    const say = `seed ${seed}, ${symbol}`;
    const basis = one.units.reduce((sum, { sign, cost }) => sum + sign * cost, 0n);
    assert.equal(it.qty, String(BigInt(one.units.length) * (one.units[0]?.sign ?? 1n)), say);
    assert.equal(it.realised, money4(one.realised), say);
    assert.equal(it.basis, money4(basis), say);
    assert.equal(it.cash, money4(one.cash), say);
    assert.equal(it.fees, money4(one.fees), say);
    const average = exact(String(one.average.over)).div(exact(String(one.average.under)).times('10000'));
    assert.ok(exact(it.cost).minus(average).abs().lt('0.000000000001'), `${say}: ${it.cost}, not ${average.toFixed()}`);
    // The lots are what the holding says, whatever happened.
    assert.equal(lots.reduce((sum, lot) => sum.plus(lot.qty), exact('0')).toFixed(), it.qty, say);
    assert.equal(lots.reduce((sum, lot) => sum.plus(lot.cost), exact('0')).toFixed(), it.basis, say);
    // Profit is what came in and what is left, less what nobody traded for.
    const mark = d('123.45');
    const worth = exact(it.qty)
      .times(mark)
      .times(String(HUNDRED[symbol] ?? 1n));
    assert.equal(totalsOf([it], () => mark).profit, worth.plus(it.cash).toFixed(), say);
  }
}

describe('books against a naive reckoning', () => {
  it('agree over 20,000 histories, to the last digit', () => {
    for (let seed = 1; seed <= 20_000; seed++) tryHistory(seed);
  });
});
