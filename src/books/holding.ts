/**
 * What one agent holds of one symbol, and what it has made with it: a pure fold of postings. Realised profit is by first
 * in, first out, as tax and brokers' statements reckon; the average cost is kept beside it. Money leaves and enters only
 * by postings, so nothing may be rounded here except a share of a lot's cost, and what one share loses the rest keeps.
 */
import type { Micros } from '../lib/clock.ts';
import { type Decimal, decimal, type Exact, exact } from '../order/decimal.ts';
import { kindOf } from '../order/symbol.ts';

/** The symbol of what is no instrument: postings of money alone. */
export const MONEY = 'USD';
const ZERO = exact('0');
const NONE = '0' as Decimal;
const CONTRACT = exact('100');
const ONE = exact('1');

/** Why something was posted. `opening` is what the account held before its books began. */
export type PostingKind =
  | 'opening'
  | 'fill'
  | 'fee'
  | 'expiry'
  | 'exercise'
  | 'assignment'
  | 'delivery'
  | 'split'
  | 'transfer'
  | 'income';

/**
 * One change of a book. `qty` (signed; contracts, shares, coins) comes in or leaves at `price` (USD per share or coin; of
 * a contract, per share of it). `cash` is what the account's dollars change by, fees included.
 */
export interface Posting {
  readonly kind: PostingKind;
  /** As the broker's positions name it: `AAPL`, `AAPL250321C00150000`, `BTCUSD`; `USD` for money alone. */
  readonly symbol: string;
  readonly qty: Decimal;
  readonly price: Decimal;
  readonly cash: Decimal;
  /** USD; positive costs. Of a fee taken in coins, their value. */
  readonly fee: Decimal;
  readonly at: Micros;
}

/** What came in at one time at one price. `qty` and `cost` (USD) are negative for a short sale. */
export interface Lot {
  readonly qty: Decimal;
  readonly cost: Decimal;
  readonly at: Micros;
}

/** All but the lots. USD, except `qty`. */
export interface Holding {
  readonly symbol: string;
  /** Signed. */
  readonly qty: Decimal;
  /** Cost of what is held, by its lots (first in, first out). Negative for a short position. */
  readonly basis: Decimal;
  /** Cost of what is held at its average price. */
  readonly cost: Decimal;
  /** Profit of what was closed, before fees, by lots. */
  readonly realised: Decimal;
  readonly fees: Decimal;
  /** Dividends, interest and the like, signed. */
  readonly income: Decimal;
  /** What this holding has changed the account's dollars by. */
  readonly cash: Decimal;
  /** Value of all fills, bought and sold. */
  readonly turnover: Decimal;
}

/** What a posting does to the lots: `closed` whole ones leave at the front, `rest` replaces the next, `opened` is added. */
export interface LotChange {
  readonly closed: number;
  readonly rest: Lot | null;
  readonly opened: Lot | null;
  /** In place of all that: every lot anew, after a split. */
  readonly all: readonly Lot[] | null;
}

export interface Posted {
  readonly holding: Holding;
  readonly lots: LotChange;
  /** Profit that this posting realised, before its fee; null when it closed nothing. */
  readonly realised: Decimal | null;
}

export const emptyHolding = (symbol: string): Holding => ({
  symbol,
  qty: NONE,
  basis: NONE,
  cost: NONE,
  realised: NONE,
  fees: NONE,
  income: NONE,
  cash: NONE,
  turnover: NONE,
});

/** How many units of its underlying one contract stands for; 1 for everything else. */
export const multiplierOf = (symbol: string): Exact => (kindOf(symbol) === 'option' ? CONTRACT : ONE);

const UNCHANGED: LotChange = { closed: 0, rest: null, opened: null, all: null };

/** `lots`, oldest first, are read only as far as the posting closes them. Throws on text that is no decimal. */
export function post(before: Holding, posting: Posting, lots: Iterable<Lot>): Posted {
  const money = {
    cash: decimal(exact(before.cash).plus(posting.cash)),
    fees: decimal(exact(before.fees).plus(posting.fee)),
    income: posting.kind === 'income' ? decimal(exact(before.income).plus(posting.cash)) : before.income,
  };
  if (exact(posting.qty).eq(ZERO)) return { holding: { ...before, ...money }, lots: UNCHANGED, realised: null };
  // A split that leaves nothing is an end for nothing.
  if (posting.kind === 'split' && !exact(before.qty).plus(posting.qty).eq(ZERO))
    return rescale({ ...before, ...money }, posting, lots);
  return trade({ ...before, ...money }, posting, lots);
}

function trade(before: Holding, posting: Posting, lots: Iterable<Lot>): Posted {
  const change = exact(posting.qty);
  const unit = exact(posting.price).times(multiplierOf(before.symbol));
  const held = exact(before.qty);
  const isClosing = held.times(change).lt(ZERO);
  const closing = isClosing ? (change.abs().gt(held.abs()) ? held.times('-1') : change) : ZERO;
  const opening = change.minus(closing);

  const taken = isClosing ? take(lots, closing.abs()) : { cost: ZERO, closed: 0, rest: null };
  // What leaves brings in the opposite of what it costs: selling 2 for 10 each lets go of their cost and brings 20.
  // What is carried away leaves at its cost: nobody has sold it.
  const realised = posting.kind === 'transfer' ? ZERO : closing.times(unit).times('-1').minus(taken.cost);
  const opened = opening.times(unit);
  const averaged = isClosing ? share(exact(before.cost), closing.abs(), held.abs()) : ZERO;
  const value = posting.kind === 'fill' ? change.times(unit).abs() : ZERO;
  return {
    holding: {
      ...before,
      qty: decimal(held.plus(change)),
      basis: decimal(exact(before.basis).minus(taken.cost).plus(opened)),
      cost: decimal(exact(before.cost).minus(averaged).plus(opened)),
      realised: decimal(exact(before.realised).plus(realised)),
      turnover: decimal(exact(before.turnover).plus(value)),
    },
    lots: {
      closed: taken.closed,
      rest: taken.rest,
      opened: opening.eq(ZERO) ? null : { qty: decimal(opening), cost: decimal(opened), at: posting.at },
      all: null,
    },
    realised: isClosing ? decimal(realised) : null,
  };
}

/** The part of `cost` that `part` of `whole` bears. All of it for the whole, so that nothing is left of nothing. */
const share = (cost: Exact, part: Exact, whole: Exact): Exact => (part.eq(whole) ? cost : cost.times(part).div(whole));

/** Takes `qty` (positive) from the front. */
function take(lots: Iterable<Lot>, qty: Exact): { cost: Exact; closed: number; rest: Lot | null } {
  let wanted = qty;
  let cost = ZERO;
  let closed = 0;
  for (const lot of lots) {
    const size = exact(lot.qty);
    if (size.abs().gt(wanted)) {
      const part = share(exact(lot.cost), wanted, size.abs());
      const left = size.lt(ZERO) ? size.plus(wanted) : size.minus(wanted);
      const rest = { qty: decimal(left), cost: decimal(exact(lot.cost).minus(part)), at: lot.at };
      return { cost: cost.plus(part), closed, rest };
    }
    cost = cost.plus(lot.cost);
    wanted = wanted.minus(size.abs());
    closed++;
    if (wanted.eq(ZERO)) return { cost, closed, rest: null };
  }
  throw new Error(`the lots end ${decimal(wanted)} short of what is held`);
}

/** More or fewer units of the same cost. Nine decimals per lot; the newest takes what rounding leaves. */
function rescale(before: Holding, posting: Posting, lots: Iterable<Lot>): Posted {
  const held = exact(before.qty);
  const now = held.plus(posting.qty);
  const all: Lot[] = [];
  let placed = ZERO;
  const old = [...lots];
  old.forEach((lot, index) => {
    const qty = index === old.length - 1 ? now.minus(placed) : exact(lot.qty).times(now).div(held).round(9);
    placed = placed.plus(qty);
    all.push({ ...lot, qty: decimal(qty) });
  });
  return { holding: { ...before, qty: decimal(now) }, lots: { ...UNCHANGED, all }, realised: null };
}

/** `lots` as they are after a change; for whoever keeps them in memory. */
export function lotsAfter(lots: readonly Lot[], change: LotChange): readonly Lot[] {
  if (change.all !== null) return change.all;
  const left = lots.slice(change.closed);
  if (change.rest !== null) left[0] = change.rest;
  return change.opened === null ? left : [...left, change.opened];
}
