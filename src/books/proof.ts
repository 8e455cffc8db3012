/**
 * The books against the broker: the sum of all books must be the account, to the cent. Pure. Must never call equal what is
 * not; what the broker is known to book later is told apart, and still shown.
 */
import { type Micros, micros } from '../lib/clock.ts';
import { type Decimal, decimal, type Exact, exact } from '../order/decimal.ts';
import { kindOf, type OptionContract, optionContract } from '../order/symbol.ts';
import { fromCompact } from '../order/time.ts';
import type { Sums } from './book.ts';
import { type Holding, MONEY } from './holding.ts';
import { deliveryOf, strikeOf } from './postings.ts';

/** What the broker says: USD, and the quantity of each position. */
export interface Account {
  readonly cash: Decimal;
  readonly positions: ReadonlyMap<string, Decimal>;
}

export interface Difference {
  /** `USD` for the cash. */
  readonly symbol: string;
  readonly books: Decimal;
  readonly broker: Decimal;
  /** broker - books. */
  readonly difference: Decimal;
  /** Why it will go by itself; null when nothing explains it. */
  readonly expected: string | null;
}

/** Fills whose fee the broker has not booked yet: coins bought, and USD of coins sold. */
export interface Uncharged {
  readonly coins: ReadonlyMap<string, Decimal>;
  readonly proceeds: Decimal;
}

const ZERO = exact('0');
/** Below it, cash agrees: the broker's own rounding of a product has more digits than money has. */
const CENT = exact('0.01');
/** More than any fee on coins that Alpaca takes. */
const FEE_SHARE = exact('0.01');
/** Contracts end at the close in New York; their day is over everywhere a day and a half after it began in UTC. */
const LATE_US = 36 * 3_600_000_000;
/** So long the broker may take to book the end of a contract, over a long weekend. */
const BOOKED_WITHIN_US = 5 * 86_400_000_000;

/** Differences, the cash first; empty when the books are the account. */
export function compare(
  books: Iterable<{ readonly sums: Sums; readonly holdings: readonly Holding[] }>,
  account: Account,
  uncharged: Uncharged,
  now: Micros,
): readonly Difference[] {
  const held = new Map<string, Exact>();
  let cash = ZERO;
  for (const { sums, holdings } of books) {
    cash = cash.plus(sums.cash);
    for (const { symbol, qty } of holdings) held.set(symbol, (held.get(symbol) ?? ZERO).plus(qty));
  }
  const open = new Map<string, Exact>();
  for (const symbol of new Set([...held.keys(), ...account.positions.keys()])) {
    const difference = exact(account.positions.get(symbol) ?? '0').minus(held.get(symbol) ?? ZERO);
    if (!difference.eq(ZERO)) open.set(symbol, difference);
  }
  const cents = exact(account.cash).minus(cash);
  const why = expectations(open, cents, uncharged, now);
  const found = [...open]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([symbol, difference]): Difference => ({
        symbol,
        books: decimal(held.get(symbol) ?? ZERO),
        broker: account.positions.get(symbol) ?? ('0' as Decimal),
        difference: decimal(difference),
        expected: why.get(symbol) ?? null,
      }),
    );
  if (cents.abs().lt(CENT)) return found;
  const money = { symbol: MONEY, books: decimal(cash), broker: account.cash, difference: decimal(cents) };
  return [{ ...money, expected: why.get(MONEY) ?? null }, ...found];
}

/** Symbol → why it differs for now. */
function expectations(
  open: ReadonlyMap<string, Exact>,
  cents: Exact,
  uncharged: Uncharged,
  now: Micros,
): ReadonlyMap<string, string> {
  const why = new Map<string, string>();
  let cash = cents;
  const ended = [...open].flatMap(([symbol, difference]) => {
    const contract = optionContract(symbol);
    return contract !== null && isLately(contract, now) ? [{ symbol, contract, difference }] : [];
  });
  for (const { symbol } of ended) why.set(symbol, 'the contract has ended; Alpaca books it the next day');
  // Shares that came or went at the strike of contracts that ended.
  for (const root of new Set(ended.map(({ contract }) => contract.root))) {
    const off = open.get(root);
    if (off === undefined) continue;
    const delivering = subset(
      ended.filter(({ contract }) => contract.root === root),
      ({ contract, difference }) => deliveryOf(contract, difference.times('-1')),
      off,
    );
    if (delivering === null) continue;
    why.set(root, 'shares of contracts that have ended; Alpaca books them the next day');
    for (const { contract, difference } of delivering)
      cash = cash.plus(deliveryOf(contract, difference.times('-1')).times(strikeOf(contract)));
  }
  for (const [symbol, difference] of open) {
    const bought = uncharged.coins.get(symbol);
    if (kindOf(symbol) !== 'crypto' || bought === undefined || difference.gt(ZERO)) continue;
    if (difference.abs().lte(FEE_SHARE.times(bought)))
      why.set(symbol, 'fees in coins; Alpaca books them at the end of the day');
  }
  if (cash.abs().lt(CENT)) why.set(MONEY, 'money for shares of contracts that have ended');
  else if (cash.lt(ZERO) && cash.abs().lte(FEE_SHARE.times(uncharged.proceeds)))
    why.set(MONEY, 'fees on coins; Alpaca books them at the end of the day');
  return why;
}

function isLately({ expiry }: OptionContract, now: Micros): boolean {
  const day = fromCompact(`20${expiry}000000000000`);
  return day !== null && now >= day && now < micros(day + LATE_US + BOOKED_WITHIN_US);
}

/** The first of few items whose values add up to `sum`; null when none do. */
function subset<T>(items: readonly T[], worth: (item: T) => Exact, sum: Exact): readonly T[] | null {
  const few = items.slice(0, 10);
  for (let mask = 1; mask < 2 ** few.length; mask++) {
    const chosen = few.filter((_, index) => (mask >> index) % 2 === 1);
    const total = chosen.reduce((all, item) => all.plus(worth(item)), ZERO);
    if (total.eq(sum)) return chosen;
  }
  return null;
}
