/**
 * What the broker tells of executions, fees and everything else → whose book it belongs into. Must never guess an owner
 * while the real one may still become known: then it says `null`, and is asked again.
 */
import { UNASSIGNED } from '../books/book.ts';
import { MONEY, type Posting } from '../books/holding.ts';
import {
  carried,
  coinFee,
  delivery,
  exercise,
  expiry,
  fill,
  money,
  moneyFee,
  positionSymbol,
  settlement,
  split,
  strikeOf,
} from '../books/postings.ts';
import { shareOut } from '../books/share.ts';
import type { Activity, BrokerExecution } from '../broker/broker.ts';
import { type BookEntry, type BookedEntry, followUp, type Journal } from '../journal/journal.ts';
import { type Micros, micros } from '../lib/clock.ts';
import { canonical, type Decimal, decimal, exact, isPlainDecimal } from '../order/decimal.ts';
import { optionContract } from '../order/symbol.ts';
import { fromRfc3339 } from '../order/time.ts';

/** Whose order it was. */
export type Owner = Pick<BookEntry, 'agent' | 'seq'>;
export const NOBODY: Owner = { agent: UNASSIGNED, seq: null };

export interface Ledger {
  readonly journal: Journal;
  readonly account: string;
  /** USD per unit of a coin that others are priced in. */
  rate(coin: string): Decimal;
  /** Whose order this is; null while it may still become known. */
  ownerOf(orderId: string): Promise<Owner | null>;
  /** Whether a row whose counterpart has not come shall wait for it; else it is booked as nobody's. */
  waits(row: Activity): boolean;
}

const DAY_US = 86_400_000_000;
/** New York's day begins at four or five in UTC. */
const DAY_BEGINS_US = 4 * 3_600_000_000;
/** A fee comes at the end of the day at the latest, the shares of a contract over a long weekend. */
const FEE_WITHIN_US = 2 * DAY_US;
const DELIVERED_WITHIN_US = 6 * DAY_US;
/** Entries among which the counterpart of a row is looked for, and fills that share a fee of the day. */
const MOST = 5000;
const MOST_OF_DAY = 50_000;
/** The most that Alpaca takes of coins is a quarter of a percent; more than four times that is something else. */
const MOST_BPS = exact('100');

const INCOME = /^(?:DIV|INT|PTR|CGD|SLB)/;
const FEE = /^(?:FEE|CFEE|PTC|DIVFEE)$/;

/** The key under which an execution is booked once, whoever tells of it. */
const fillKey = (account: string, { orderId, filledQty }: BrokerExecution): string =>
  `${account}:${orderId}:${canonical(filledQty)}`;

/** An execution in the book of `owner`. Empty when its numbers are none. */
export function fillEntries(
  ledger: Pick<Ledger, 'account' | 'rate'>,
  told: BrokerExecution,
  owner: Owner,
): readonly BookEntry[] {
  const at = fromRfc3339(told.at);
  const numbers = [told.qty, told.price, told.filledQty];
  if (at === null || !numbers.every(isPlainDecimal)) return [];
  const key = fillKey(ledger.account, told);
  const of = { ...owner, orderId: told.orderId };
  const execution = { ...told, qty: canonical(told.qty), price: canonical(told.price), at };
  const [, quote = MONEY] = told.symbol.split('/');
  if (quote === MONEY) return [{ key, ...of, posting: fill(execution) }];
  // Paid with another coin: that one leaves or comes, and no dollars.
  const [base, paid] = settlement(execution, quote, ledger.rate(quote));
  return [
    { key, ...of, posting: base },
    { key: `${key}:${quote}`, ...of, posting: paid },
  ];
}

/** What a row of the account's history books; null while it must wait. */
export async function activityEntries(ledger: Ledger, row: Activity): Promise<readonly BookEntry[] | null> {
  const at = fromRfc3339(row.at);
  if (at === null || row.status === 'pending' || row.status === 'canceled') return [];
  if (row.type === 'FILL') {
    if (row.execution === null) return [];
    const owner = await ledger.ownerOf(row.execution.orderId);
    return owner === null ? null : fillEntries(ledger, row.execution, owner);
  }
  const told: Told = { row, at, qty: numberOf(row.qty), price: numberOf(row.price), net: numberOf(row.netAmount) };
  if (row.type === 'OPEXP' || row.type === 'OPEXC' || row.type === 'OPASN') return endOfContract(ledger, told);
  if (row.type === 'OPTRD') return deliveries(ledger, told);
  if (row.type === 'SPLIT') return splits(ledger, told);
  if (FEE.test(row.type)) return fees(ledger, told);
  return others(ledger, told);
}

interface Told {
  readonly row: Activity;
  readonly at: Micros;
  readonly qty: Decimal;
  readonly price: Decimal;
  readonly net: Decimal;
}

const NONE = '0' as Decimal;
const numberOf = (text: string | null): Decimal => (text !== null && isPlainDecimal(text) ? canonical(text) : NONE);
const negated = (value: Decimal): Decimal => decimal(exact(value).times('-1'));
const own = (ledger: Ledger, { row }: Told, posting: Posting, n = 0): BookEntry => ({
  key: `${ledger.account}:${row.id}:${n}`,
  ...NOBODY,
  orderId: null,
  posting,
});

/** Every book that holds a symbol. */
async function holders(
  ledger: Ledger,
  symbol: string,
): Promise<readonly { agent: BookEntry['agent']; qty: Decimal }[]> {
  return (await ledger.journal.books(ledger.account)).flatMap(({ agent, holdings }) =>
    holdings.filter((holding) => holding.symbol === symbol).map(({ qty }) => ({ agent, qty })),
  );
}

/** The account's position ended: so does that of every book, also where long and short ones had cancelled out. */
async function endOfContract(ledger: Ledger, told: Told): Promise<readonly BookEntry[] | null> {
  const symbol = told.row.symbol ?? '';
  const all = await holders(ledger, symbol);
  const net = all.reduce((sum, { qty }) => sum.plus(qty), exact('0'));
  const left = exact(told.qty).times('-1');
  // Only part of it, by hand: shared out among those who hold that side.
  const isWhole = net.eq(left);
  const side = all.filter(({ qty }) => exact(qty).times(left).gt('0'));
  if (!isWhole && side.length === 0) return ledger.waits(told.row) ? null : others(ledger, told);
  const shares = isWhole
    ? all.map(({ qty }) => qty)
    : shareOut(
        decimal(left),
        side.map(({ qty }) => qty),
        0,
      );
  return (isWhole ? all : side).map(({ agent }, n) => {
    const held = shares[n] ?? NONE;
    const posting = told.row.type === 'OPEXP' ? expiry(symbol, held, told.at) : exercise(symbol, held, told.at);
    return { ...own(ledger, told, posting, n), agent };
  });
}

/** Shares at the strike, to those whose contracts have brought them. */
async function deliveries(ledger: Ledger, told: Told): Promise<readonly BookEntry[] | null> {
  const since = micros(told.at - DELIVERED_WITHIN_US);
  const ended = await ledger.journal.booked(ledger.account, {
    kinds: ['exercise', 'assignment'],
    of: { contractsOn: told.row.symbol ?? '' },
    since,
    most: MOST,
  });
  const byContract = new Map<string, BookedEntry[]>();
  for (const entry of ended) {
    const contract = optionContract(entry.posting.symbol);
    if (entry.followed || contract?.root !== told.row.symbol || !strikeOf(contract).eq(told.price)) continue;
    byContract.set(entry.posting.symbol, [...(byContract.get(entry.posting.symbol) ?? []), entry]);
  }
  for (const [symbol, entries] of byContract) {
    const contract = optionContract(symbol);
    if (contract === null) continue;
    const brought = entries.map((entry) => ({
      ...entry,
      key: followUp(entry.key),
      posting: delivery(contract, negated(entry.posting.qty), told.at),
    }));
    const shares = brought.reduce((sum, { posting }) => sum.plus(posting.qty), exact('0'));
    if (shares.eq(told.qty)) return brought;
  }
  return ledger.waits(told.row) ? null : others(ledger, told);
}

async function splits(ledger: Ledger, told: Told): Promise<readonly BookEntry[] | null> {
  const symbol = positionSymbol(told.row.symbol ?? '');
  const all = await holders(ledger, symbol);
  const net = all.reduce((sum, { qty }) => sum.plus(qty), exact('0'));
  if (net.eq('0')) return others(ledger, told);
  const shares = shareOut(
    told.qty,
    all.map(({ qty }) => qty),
    9,
  );
  const scaled = all.map(({ agent }, n) => ({
    ...own(ledger, told, split(symbol, shares[n] ?? NONE, told.at), n),
    agent,
  }));
  // Money in place of fractions.
  return exact(told.net).eq('0')
    ? scaled
    : [...scaled, own(ledger, told, money('transfer', told.net, told.at), all.length)];
}

/** A fee of one fill where it can be found, a share of each sale of that day otherwise. */
async function fees(ledger: Ledger, told: Told): Promise<readonly BookEntry[] | null> {
  const { row } = told;
  const isCoins = row.type === 'CFEE' && row.symbol !== null;
  const entries = isCoins
    ? await feeOfFill(ledger, told, positionSymbol(row.symbol ?? ''))
    : await feeOfDay(ledger, told);
  if (entries !== null) return entries;
  if (isCoins && ledger.waits(told.row)) return null;
  return [own(ledger, told, feePosting(told, row.symbol ?? MONEY))];
}

function feePosting(told: Told, symbol: string): Posting {
  return exact(told.qty).eq('0')
    ? moneyFee(symbol, negated(told.net), told.at)
    : coinFee(symbol, negated(told.qty), told.price, told.at);
}

/** The fill that a fee on coins was taken of: the one of which it is a round rate, else the oldest that fits. */
async function feeOfFill(ledger: Ledger, told: Told, symbol: string): Promise<readonly BookEntry[] | null> {
  const inCoins = !exact(told.qty).eq('0');
  const since = micros(told.at - FEE_WITHIN_US);
  let oldest: BookedEntry | null = null;
  // As a rule it is one of the newest.
  for (const most of [100, MOST]) {
    const fills = await ledger.journal.booked(ledger.account, { kinds: ['fill'], of: { symbol }, since, most });
    const candidates = fills.flatMap((entry) => {
      const { posting } = entry;
      const base = exact(inCoins ? posting.qty : posting.cash);
      if (entry.followed || base.lte('0') || (inCoins && !exact(posting.price).eq(told.price))) return [];
      const bps = exact(inCoins ? told.qty : told.net)
        .times('-10000')
        .div(base);
      return bps.gt('0') && bps.lte(MOST_BPS) ? [{ entry, off: bps.minus(bps.round(0)).abs() }] : [];
    });
    // A rate is a whole number of basis points, but for the rounding of the fee.
    const found = candidates.find(({ off }) => off.lt('0.000001'));
    if (found !== undefined) return [feeOn(told, symbol, found.entry)];
    oldest = candidates[0]?.entry ?? null;
    if (fills.length < most) break;
  }
  return oldest === null ? null : [feeOn(told, symbol, oldest)];
}

const feeOn = (told: Told, symbol: string, entry: BookedEntry): BookEntry => ({
  key: followUp(entry.key),
  agent: entry.agent,
  seq: entry.seq,
  orderId: entry.orderId,
  posting: feePosting(told, symbol),
});

/** Fees that regulators take of sales, told once a day. */
async function feeOfDay(ledger: Ledger, told: Told): Promise<readonly BookEntry[] | null> {
  const day = told.row.date === null ? told.at : (fromRfc3339(`${told.row.date}T00:00:00Z`) ?? told.at);
  const since = micros(day + DAY_BEGINS_US);
  const fills = await ledger.journal.booked(ledger.account, { kinds: ['fill'], of: 'all', since, most: MOST_OF_DAY });
  const sales = new Map<BookEntry['agent'], Decimal>();
  for (const { agent, posting } of fills) {
    if (posting.at >= since + DAY_US || exact(posting.cash).lte('0')) continue;
    sales.set(agent, decimal(exact(sales.get(agent) ?? '0').plus(posting.cash)));
  }
  if (sales.size === 0) return null;
  const digits = Math.max(2, told.net.split('.')[1]?.length ?? 0);
  const shares = shareOut(negated(told.net), [...sales.values()], digits);
  return [...sales.keys()].map((agent, n) => ({
    ...own(ledger, told, moneyFee(MONEY, shares[n] ?? NONE, told.at), n),
    agent,
  }));
}

/** What no agent did. */
function others(ledger: Ledger, told: Told): readonly BookEntry[] {
  const { row, at, qty, price, net } = told;
  const postings: Posting[] = [];
  if (!exact(qty).eq('0') && row.symbol !== null && !INCOME.test(row.type))
    postings.push(carried('transfer', row.symbol, qty, price, at));
  if (!exact(net).eq('0'))
    postings.push(money(INCOME.test(row.type) ? 'income' : 'transfer', net, at, row.symbol ?? MONEY));
  return postings.map((posting, n) => own(ledger, told, posting, n));
}
