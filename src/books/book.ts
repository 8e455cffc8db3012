/**
 * The book of one agent: its holdings with their lots, and what they are worth at given prices. Pure. The journal keeps
 * holdings one by one; whoever needs a whole book in memory (reports, limits, tests) folds or collects it here.
 */
import { type Decimal, decimal, type Exact, exact } from '../order/decimal.ts';
import {
  emptyHolding,
  type Holding,
  type Lot,
  lotsAfter,
  multiplierOf,
  type Posted,
  type Posting,
  post,
} from './holding.ts';

/** Agent of the book that holds what no agent did: manual trades, transfers, dividends, what was there before. */
export const UNASSIGNED = '';

/** A holding with its lots, oldest first. */
interface Held {
  readonly holding: Holding;
  readonly lots: readonly Lot[];
}

/** By symbol. */
export type Book = ReadonlyMap<string, Held>;

export function postTo(book: Book, posting: Posting): { readonly book: Book; readonly posted: Posted } {
  const before = book.get(posting.symbol) ?? { holding: emptyHolding(posting.symbol), lots: [] };
  const posted = post(before.holding, posting, before.lots);
  const after: Held = { holding: posted.holding, lots: lotsAfter(before.lots, posted.lots) };
  return { book: new Map(book).set(posting.symbol, after), posted };
}

/** What all holdings of one agent, also those that are closed, add up to. USD, as in a holding. */
export type Sums = Pick<Holding, 'realised' | 'fees' | 'income' | 'cash' | 'turnover'>;

const SUMMED = ['realised', 'fees', 'income', 'cash', 'turnover'] as const;

/** The sums after one holding has become another. */
export function addUp(sums: Sums, before: Holding, after: Holding): Sums {
  const sum = (key: (typeof SUMMED)[number]): Decimal => decimal(exact(sums[key]).plus(after[key]).minus(before[key]));
  return {
    realised: sum('realised'),
    fees: sum('fees'),
    income: sum('income'),
    cash: sum('cash'),
    turnover: sum('turnover'),
  };
}

/** The last known price of a symbol in USD (of a contract, per share of it); null when none is known. */
export type Marks = (symbol: string) => Decimal | null;

export interface Valuation {
  /** USD, signed: what the position would bring. */
  readonly value: Decimal;
  /** USD: value less the cost of its lots. */
  readonly unrealised: Decimal;
}

/** What a holding is worth at `mark`; null when it holds something and no mark is known. */
export function worthOf(
  { symbol, qty, basis }: Pick<Holding, 'symbol' | 'qty' | 'basis'>,
  mark: Decimal | null,
): Valuation | null {
  if (qty === '0') return { value: qty, unrealised: qty };
  if (mark === null) return null;
  const value = exact(qty).times(mark).times(multiplierOf(symbol));
  return { value: decimal(value), unrealised: decimal(value.minus(basis)) };
}

/** Cost per unit by the average; null when nothing is held. Rounded to nine decimals: for people, not for reckoning. */
export function averageOf({ symbol, qty, cost }: Holding): Decimal | null {
  const held = exact(qty);
  return held.eq('0')
    ? null
    : decimal(
        exact(cost)
          .div(held.times(multiplierOf(symbol)))
          .round(9),
      );
}

/** Sums over holdings. USD. */
export interface Totals {
  readonly cash: Decimal;
  readonly realised: Decimal;
  readonly unrealised: Decimal;
  readonly fees: Decimal;
  readonly income: Decimal;
  /** Realised + unrealised + income - fees. Does not depend on which lots were closed first. */
  readonly profit: Decimal;
  /** Sum of the absolute values of the positions, and of their values with sign. */
  readonly gross: Decimal;
  readonly net: Decimal;
  readonly turnover: Decimal;
  /** Symbols that are held and have no mark: they count at their cost. */
  readonly unmarked: readonly string[];
}

export function totalsOf(holdings: Iterable<Holding>, marks: Marks): Totals {
  const sum = { cash: zero(), realised: zero(), unrealised: zero(), fees: zero(), income: zero() };
  let gross = zero();
  let net = zero();
  let turnover = zero();
  const unmarked: string[] = [];
  for (const holding of holdings) {
    const known = worthOf(holding, marks(holding.symbol));
    if (known === null) unmarked.push(holding.symbol);
    const value = exact(known?.value ?? holding.basis);
    sum.cash = sum.cash.plus(holding.cash);
    sum.realised = sum.realised.plus(holding.realised);
    sum.unrealised = sum.unrealised.plus(known?.unrealised ?? '0');
    sum.fees = sum.fees.plus(holding.fees);
    sum.income = sum.income.plus(holding.income);
    gross = gross.plus(value.abs());
    net = net.plus(value);
    turnover = turnover.plus(holding.turnover);
  }
  return {
    cash: decimal(sum.cash),
    realised: decimal(sum.realised),
    unrealised: decimal(sum.unrealised),
    fees: decimal(sum.fees),
    income: decimal(sum.income),
    profit: decimal(sum.realised.plus(sum.unrealised).plus(sum.income).minus(sum.fees)),
    gross: decimal(gross),
    net: decimal(net),
    turnover: decimal(turnover),
    unmarked,
  };
}

const zero = (): Exact => exact('0');
