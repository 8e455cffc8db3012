/**
 * What each agent has made in a period: figures, positions at its end, and the curve of its profit. A fold over postings
 * and prices in the order of time, pure. Must never round: whoever shows a figure does.
 */
import type { Micros } from '../lib/clock.ts';
import { type Decimal, decimal, type Exact, exact } from '../order/decimal.ts';
import { worthOf } from './book.ts';
import { type Holding, multiplierOf, type Posting } from './holding.ts';

/** A posting as the journal has it, with the holding after it: in the order in which it was booked, not in that of time. */
export interface PostedRow extends Posting {
  readonly agent: string;
  /** Profit of what it closed; null when it closed nothing. */
  readonly realised: Decimal | null;
  readonly held: Decimal;
  readonly basis: Decimal;
  readonly orderId: string | null;
  /** The client_order_id of the request it came from. */
  readonly clientOrderId: string | null;
  readonly activity: string | null;
}

/** What was held of one symbol when the period began. */
export interface StartRow {
  readonly agent: string;
  readonly symbol: string;
  readonly held: Decimal;
  readonly basis: Decimal;
}

/** The price of a symbol at a moment, USD. */
export interface PriceRow {
  readonly symbol: string;
  readonly at: Micros;
  readonly price: Decimal;
}

/** USD, except the counts. Of the period. */
export interface Figures {
  /** Realised + income - fees + what the open positions have gained since the period began. */
  readonly profit: Decimal;
  readonly realised: Decimal;
  readonly fees: Decimal;
  readonly income: Decimal;
  /** Of what is held at the end: worth less cost, whenever it was bought. */
  readonly unrealised: Decimal;
  /** What the period has changed the account's dollars by. */
  readonly cash_flow: Decimal;
  readonly turnover: Decimal;
  readonly executions: number;
  /** Orders and other events that closed something, and how many of them at a profit or a loss (before fees). */
  readonly closed: number;
  readonly won: number;
  readonly lost: number;
  /** The deepest fall of the profit from a peak. */
  readonly max_drawdown: Decimal;
}

export interface PositionLine {
  readonly symbol: string;
  readonly qty: Decimal;
  readonly basis: Decimal;
  /** Null when no price is known. */
  readonly mark: Decimal | null;
  readonly mark_at: Micros | null;
  readonly value: Decimal | null;
  readonly unrealised: Decimal | null;
}

/** The profit since the period began, at a moment. */
export interface CurvePoint {
  readonly at: Micros;
  readonly profit: Decimal;
}

export interface AgentReport {
  readonly agent: string;
  readonly figures: Figures;
  readonly positions: readonly PositionLine[];
  readonly curve: readonly CurvePoint[];
}

export interface BooksReport {
  readonly agents: readonly AgentReport[];
  readonly total: Omit<AgentReport, 'positions'>;
}

/** More points than this are thinned; peaks and troughs stay. */
const MOST_POINTS = 600;
const ZERO = exact('0');

interface Open {
  held: Decimal;
  basis: Decimal;
  unrealised: Exact;
}

/**
 * A posting's own change of what is held. What the journal has beside it is of the moment at which it was booked: of two
 * executions, the earlier may be told later.
 */
function change(one: Pick<Open, 'held' | 'basis'>, row: PostedRow): Pick<Open, 'held' | 'basis'> {
  const qty = exact(row.qty);
  if (qty.eq(ZERO)) return { held: one.held, basis: one.basis };
  const held = decimal(exact(one.held).plus(qty));
  if (row.kind === 'transfer' && row.realised !== null) {
    // It leaves at the cost of its lots, which nothing tells but the journal; out of order, at the average.
    const isInOrder = held === row.held || exact(one.held).eq(ZERO);
    return { held, basis: isInOrder ? row.basis : decimal(exact(one.basis).times(held).div(one.held)) };
  }
  // What comes in costs its price; what leaves, its price less the profit that it has made.
  const cost = qty
    .times(row.price)
    .times(multiplierOf(row.symbol))
    .plus(row.realised ?? '0');
  return { held, basis: decimal(exact(one.basis).plus(cost)) };
}

/** What was held after all these postings. */
export function heldAfter(postings: Iterable<PostedRow>): readonly StartRow[] {
  const open = new Map<string, StartRow>();
  for (const row of postings) {
    const { agent, symbol } = row;
    const key = `${agent} ${symbol}`;
    const none = { held: '0' as Decimal, basis: '0' as Decimal };
    open.set(key, { agent, symbol, ...change(open.get(key) ?? none, row) });
  }
  return [...open.values()].filter(({ held }) => held !== '0');
}

class Tally {
  realised = ZERO;
  fees = ZERO;
  income = ZERO;
  cash = ZERO;
  turnover = ZERO;
  unrealised = ZERO;
  unrealisedAtStart = ZERO;
  executions = 0;
  /** By order, or by the posting itself. */
  readonly closed = new Map<string, Exact>();
  readonly curve: CurvePoint[] = [];
  #peak = ZERO;
  #drawdown = ZERO;

  get profit(): Exact {
    return this.realised.plus(this.income).minus(this.fees).plus(this.unrealised).minus(this.unrealisedAtStart);
  }

  take(row: PostedRow, key: string): void {
    if (row.realised !== null) {
      this.realised = this.realised.plus(row.realised);
      // A fee in coins closes a little, and is no trade.
      if (row.kind !== 'fee') this.closed.set(key, (this.closed.get(key) ?? ZERO).plus(row.realised));
    }
    this.fees = this.fees.plus(row.fee);
    this.cash = this.cash.plus(row.cash);
    if (row.kind === 'income') this.income = this.income.plus(row.cash);
    if (row.kind !== 'fill') return;
    this.executions++;
    this.turnover = this.turnover.plus(exact(row.cash).abs());
  }

  point(at: Micros): void {
    const { profit } = this;
    if (profit.gt(this.#peak)) this.#peak = profit;
    const fall = this.#peak.minus(profit);
    if (fall.gt(this.#drawdown)) this.#drawdown = fall;
    const last = this.curve.at(-1);
    if (last?.at === at) this.curve.pop();
    this.curve.push({ at, profit: decimal(profit) });
    if (this.curve.length >= MOST_POINTS * 2) this.curve.splice(0, this.curve.length, ...thinned(this.curve));
  }

  figures(): Figures {
    const results = [...this.closed.values()];
    return {
      profit: decimal(this.profit),
      realised: decimal(this.realised),
      fees: decimal(this.fees),
      income: decimal(this.income),
      unrealised: decimal(this.unrealised),
      cash_flow: decimal(this.cash),
      turnover: decimal(this.turnover),
      executions: this.executions,
      closed: results.length,
      won: results.filter((result) => result.gt(ZERO)).length,
      lost: results.filter((result) => result.lt(ZERO)).length,
      max_drawdown: decimal(this.#drawdown),
    };
  }
}

/** Of every four neighbours, the lowest and the highest; and the last. */
function thinned(curve: readonly CurvePoint[]): readonly CurvePoint[] {
  const kept: CurvePoint[] = [];
  for (let i = 0; i < curve.length; i += 4) {
    const four = curve.slice(i, i + 4).sort((a, b) => exact(a.profit).cmp(exact(b.profit)));
    const ends = new Set([four[0], four.at(-1)]);
    kept.push(...curve.slice(i, i + 4).filter((point) => ends.has(point)));
  }
  const last = curve.at(-1);
  if (last !== undefined && kept.at(-1) !== last) kept.push(last);
  return kept;
}

/** `prices` of before the period count for its beginning. All in the order of time; `to` ends the curve. */
export function reportOf(
  from: Micros,
  to: Micros,
  start: Iterable<StartRow>,
  postings: Iterable<PostedRow>,
  prices: Iterable<PriceRow>,
): BooksReport {
  const tallies = new Map<string, Tally>();
  const total = new Tally();
  const open = new Map<string, Map<string, Open>>();
  const marks = new Map<string, PriceRow>();
  const tallyOf = (agent: string): Tally => {
    const known = tallies.get(agent);
    if (known !== undefined) return known;
    const tally = new Tally();
    tallies.set(agent, tally);
    tally.point(from);
    return tally;
  };
  const value = (symbol: string, agent: string, one: Open): void => {
    const holding: Pick<Holding, 'symbol' | 'qty' | 'basis'> = { symbol, qty: one.held, basis: one.basis };
    const now = exact(worthOf(holding, marks.get(symbol)?.price ?? null)?.unrealised ?? '0');
    const tally = tallyOf(agent);
    tally.unrealised = tally.unrealised.plus(now).minus(one.unrealised);
    total.unrealised = total.unrealised.plus(now).minus(one.unrealised);
    one.unrealised = now;
  };
  const mark = (row: PriceRow): void => {
    marks.set(row.symbol, row);
    for (const [agent, one] of open.get(row.symbol) ?? []) {
      value(row.symbol, agent, one);
      if (row.at >= from) tallyOf(agent).point(row.at);
    }
    if (row.at >= from && open.has(row.symbol)) total.point(row.at);
  };

  for (const { agent, symbol, held, basis } of start) {
    if (held === '0') continue;
    const of = open.get(symbol) ?? new Map<string, Open>();
    open.set(symbol, of.set(agent, { held, basis, unrealised: ZERO }));
  }
  const nextPrice = prices[Symbol.iterator]();
  let price = nextPrice.next();
  const priceUntil = (at: number): void => {
    for (; !price.done && price.value.at <= at; price = nextPrice.next()) mark(price.value);
  };
  priceUntil(from - 1);
  for (const [symbol, holders] of open) for (const [agent, one] of holders) value(symbol, agent, one);
  for (const tally of [...tallies.values(), total]) tally.unrealisedAtStart = tally.unrealised;
  total.point(from);

  for (const row of postings) {
    priceUntil(row.at);
    const tally = tallyOf(row.agent);
    const key = row.orderId === null ? `${row.kind}:${row.symbol}:${row.at}` : row.orderId;
    tally.take(row, key);
    total.take(row, `${row.agent}:${key}`);
    const of = open.get(row.symbol) ?? new Map<string, Open>();
    const one = of.get(row.agent) ?? { held: '0' as Decimal, basis: '0' as Decimal, unrealised: ZERO };
    Object.assign(one, change(one, row));
    open.set(row.symbol, of.set(row.agent, one));
    value(row.symbol, row.agent, one);
    // What somebody has just paid is a price, too.
    if ((row.kind === 'fill' || row.kind === 'opening') && row.price !== '0')
      mark({ symbol: row.symbol, at: row.at, price: row.price });
    tally.point(row.at);
    total.point(row.at);
  }
  priceUntil(to);
  for (const tally of [...tallies.values(), total]) tally.point(to);

  const agents = [...tallies].sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1));
  return {
    agents: agents.map(([agent, tally]) => ({
      agent,
      figures: tally.figures(),
      positions: positionsOf(agent, open, marks),
      curve: tally.curve,
    })),
    total: { agent: '', figures: total.figures(), curve: total.curve },
  };
}

function positionsOf(
  agent: string,
  open: ReadonlyMap<string, ReadonlyMap<string, Open>>,
  marks: ReadonlyMap<string, PriceRow>,
): readonly PositionLine[] {
  const lines: PositionLine[] = [];
  for (const [symbol, holders] of open) {
    const one = holders.get(agent);
    if (one === undefined || one.held === '0') continue;
    const mark = marks.get(symbol) ?? null;
    const worth = worthOf({ symbol, qty: one.held, basis: one.basis }, mark?.price ?? null);
    lines.push({
      symbol,
      qty: one.held,
      basis: one.basis,
      mark: mark?.price ?? null,
      mark_at: mark?.at ?? null,
      value: worth?.value ?? null,
      unrealised: worth?.unrealised ?? null,
    });
  }
  return lines.sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
}
