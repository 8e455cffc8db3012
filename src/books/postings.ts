/**
 * What happens at a broker → postings. Pure. The only place that knows how a fill, a fee in coins, the end of a contract
 * or a split reads as a change of a book.
 */
import type { Micros } from '../lib/clock.ts';
import { type Decimal, decimal, type Exact, exact } from '../order/decimal.ts';
import { cryptoPair, kindOf, type OptionContract } from '../order/symbol.ts';
import { MONEY, multiplierOf, type Posting, type PostingKind } from './holding.ts';

const NONE = '0' as Decimal;

/** The name that the broker's positions have for a symbol of its orders: `BTC/USD` is `BTCUSD` (Alpaca docs: positions). */
export const positionSymbol = (symbol: string): string =>
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

/**
 * An execution of a pair that is priced in another coin (`quote`, worth `rate` USD): the coins of the one come for coins
 * of the other, at what those are worth.
 */
export function settlement(execution: Execution, quote: string, rate: Decimal): readonly [Posting, Posting] {
  const { qty, price, at } = execution;
  const base = fill({ ...execution, price: decimal(exact(price).times(rate)) });
  const paid = exact(qty)
    .times(price)
    .times(execution.side === 'buy' ? '-1' : '1');
  return [
    { ...base, cash: NONE },
    { kind: 'delivery', symbol: `${quote}USD`, qty: decimal(paid), price: rate, cash: NONE, fee: NONE, at },
  ];
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

/** `held` contracts (signed) are exercised, or assigned when short: they leave for nothing. */
export const exercise = (symbol: string, held: Decimal, at: Micros): Posting => ({
  ...expiry(symbol, held, at),
  kind: exact(held).lt('0') ? 'assignment' : 'exercise',
});

/** The shares that `held` exercised or assigned contracts bring (negative: take), at the strike. */
export const delivery = (contract: OptionContract, held: Decimal, at: Micros): Posting =>
  moved('delivery', contract.root, decimal(deliveryOf(contract, exact(held))), decimal(strikeOf(contract)), at);

/** Shares that `held` contracts (signed) bring when they are exercised or assigned. */
export const deliveryOf = (contract: OptionContract, held: Exact): Exact =>
  held.times(contract.type === 'call' ? '100' : '-100');

/** USD per share. */
export const strikeOf = ({ strikeMills }: OptionContract): Exact => exact(String(strikeMills)).div('1000');

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

/** Dollars alone, signed: what was there at first, deposits and withdrawals, dividends and interest (of a symbol). */
export const money = (
  kind: 'opening' | 'transfer' | 'income',
  amount: Decimal,
  at: Micros,
  symbol = MONEY,
): Posting => ({
  kind,
  symbol: positionSymbol(symbol),
  qty: NONE,
  price: NONE,
  cash: amount,
  fee: NONE,
  at,
});
