/**
 * What happens at a broker → postings. Pure. The only place that knows how a fill, a fee in coins, the end of a contract
 * or a split reads as a change of a book.
 */
import type { Micros } from '../lib/clock.ts';
import { type Decimal, decimal, exact } from '../order/decimal.ts';
import { cryptoPair, kindOf, optionContract } from '../order/symbol.ts';
import { MONEY, multiplierOf, type Posting, type PostingKind } from './holding.ts';

const NONE = '0' as Decimal;

/** The name that the broker's positions have for a symbol of its orders: `BTC/USD` is `BTCUSD` (Alpaca docs: positions). */
const positionSymbol = (symbol: string): string =>
  kindOf(symbol) === 'crypto' ? (cryptoPair(symbol) ?? symbol).replace('/', '') : symbol;

export interface Execution {
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  /** Positive. */
  readonly qty: Decimal;
  readonly price: Decimal;
  readonly at: Micros;
}

/** One execution of an order, or of a leg. */
export function fill({ symbol, side, qty, price, at }: Execution): Posting {
  const change = side === 'buy' ? exact(qty) : exact(qty).times('-1');
  return moved('fill', positionSymbol(symbol), decimal(change), price, at);
}

/** Units that come in or leave for money at `price`. */
function moved(kind: PostingKind, symbol: string, qty: Decimal, price: Decimal, at: Micros): Posting {
  const cash = exact(qty).times(price).times(multiplierOf(symbol)).times('-1');
  return { kind, symbol, qty, price, cash: decimal(cash), fee: NONE, at };
}

/** A fee in dollars (`amount` positive), charged to a symbol or, with `USD`, to the account. */
export const moneyFee = (symbol: string, amount: Decimal, at: Micros): Posting => ({
  kind: 'fee',
  symbol: positionSymbol(symbol),
  qty: NONE,
  price: NONE,
  cash: decimal(exact(amount).times('-1')),
  fee: amount,
  at,
});

/** A fee taken in coins: they leave at their price, and that value is the fee. `qty` positive. */
export const coinFee = (symbol: string, qty: Decimal, price: Decimal, at: Micros): Posting => ({
  kind: 'fee',
  symbol: positionSymbol(symbol),
  qty: decimal(exact(qty).times('-1')),
  price,
  cash: NONE,
  fee: decimal(exact(qty).times(price)),
  at,
});

/** `held` contracts (signed) end worthless. */
export const expiry = (symbol: string, held: Decimal, at: Micros): Posting =>
  moved('expiry', symbol, decimal(exact(held).times('-1')), NONE, at);

/**
 * `held` contracts (signed) are exercised, or assigned when short: they leave for nothing, and a hundred shares each come
 * in or go at the strike. Throws when `symbol` is no contract.
 */
export function exercise(symbol: string, held: Decimal, at: Micros): readonly [Posting, Posting] {
  const contract = optionContract(symbol);
  if (contract === null) throw new TypeError(`${symbol} is no option contract`);
  const shares = exact(held).times(contract.type === 'call' ? '100' : '-100');
  const kind = exact(held).lt('0') ? 'assignment' : 'exercise';
  return [
    { ...expiry(symbol, held, at), kind },
    moved('delivery', contract.root, decimal(shares), strikeOf(contract), at),
  ];
}

/** USD per share. */
const strikeOf = ({ strikeMills }: { readonly strikeMills: number }): Decimal =>
  decimal(exact(String(strikeMills)).div('1000'));

/** `change` more (or fewer) units of the same cost. */
export const split = (symbol: string, change: Decimal, at: Micros): Posting => ({
  kind: 'split',
  symbol,
  qty: change,
  price: NONE,
  cash: NONE,
  fee: NONE,
  at,
});

/** Units that are there, or come and go, without being traded. `price` is what each has cost. */
export const carried = (
  kind: 'opening' | 'transfer',
  symbol: string,
  qty: Decimal,
  price: Decimal,
  at: Micros,
): Posting => ({ kind, symbol: positionSymbol(symbol), qty, price, cash: NONE, fee: NONE, at });

/** Dollars alone, signed: what was there at first, deposits and withdrawals, dividends and interest. */
export const money = (kind: 'opening' | 'transfer' | 'income', amount: Decimal, at: Micros): Posting => ({
  kind,
  symbol: MONEY,
  qty: NONE,
  price: NONE,
  cash: amount,
  fee: NONE,
  at,
});
