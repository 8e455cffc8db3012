/**
 * What an order would do, as far as limits look at it: how much of what, on which side, for how much money. Pure. Must never
 * make an order look smaller than it can become: a price that is not sure is taken from the far side of the market.
 */
import { type Decimal, decimal, type Exact, exact } from '../order/decimal.ts';
import type { Mode } from '../order/name.ts';
import type { Side, Terms, TradeRequest } from '../order/request.ts';
import { kindOf } from '../order/symbol.ts';
import type { Session } from './hours.ts';

/** What the market asks and offers, USD per share, coin or (of a contract) share of it. */
export interface Quote {
  readonly bid: Decimal;
  readonly ask: Decimal;
  /** Milliseconds since it was made. */
  readonly ageMs: number;
}
export type Quotes = ReadonlyMap<string, Quote>;

/** One symbol of an order. */
export interface Part {
  /** As positions name it: without the slash of crypto pairs. */
  readonly symbol: string;
  readonly side: Side;
  /** Shares, contracts, coins; positive. */
  readonly qty: Decimal;
  /** USD for one of them. */
  readonly unit: Decimal;
  /** It waits for the order that it belongs to, and only closes what that opens. */
  readonly isExit: boolean;
}

/** How an order meets others of its symbol at Alpaca (facts of the wash-trade rule). */
export interface Meeting {
  readonly symbol: string;
  readonly side: Side;
  /** The price of a limit or stop-limit order; null for what trades at any price. */
  readonly limit: Decimal | null;
  /** Bracket, oco, oto, trailing stop and multi-leg orders are not looked at. */
  readonly isExempt: boolean;
}

/** An order as limits see it. */
export interface Measured {
  readonly mode: Mode;
  readonly agent: string;
  readonly type: TradeRequest['type'];
  readonly parts: readonly Part[];
  /** The quantity asked for; null for an order of a sum of money. */
  readonly qty: Decimal | null;
  /** USD; null when it depends on a price that is not known. */
  readonly value: Decimal | null;
  /** Prices that it names: USD. */
  readonly limit: Decimal | null;
  readonly meeting: Meeting | null;
  /** Of a sum of money without a quote: the quantity of its part says nothing. */
  readonly isUnsized: boolean;
  /** Every part's unit is as much as it can become. */
  readonly isPriced: boolean;
  /** The coin that a purchase is paid with; null for dollars. */
  readonly coin: string | null;
  readonly session: Session;
  /** What it asks for, whoever asks and whenever: equal for two orders that ask for the same. */
  readonly content: string;
}

const HUNDRED = exact('100');
const ONE = exact('1');
const NONE = '0' as Decimal;

/** The symbol of positions and of this file. */
export const plainSymbol = (symbol: string): string => symbol.replace('/', '');

export type AssetClass = 'us_equity' | 'us_option' | 'crypto';
export const assetClassOf = (type: TradeRequest['type']): AssetClass =>
  type.startsWith('stock') ? 'us_equity' : type.startsWith('crypto') ? 'crypto' : 'us_option';

/** What a pair of coins is priced in, and paid with: `BTC` of `ETH/BTC`; null for dollars. */
export const coinOf = (trade: TradeRequest): string | null => {
  const [, coin = 'USD'] = 'legs' in trade ? [] : trade.symbol.split('/');
  return coin === 'USD' ? null : coin;
};

/** Symbols whose quotes tell more about the order than it does itself. */
export function symbolsOf(trade: TradeRequest): readonly string[] {
  if ('legs' in trade) return trade.legs.map(({ symbol }) => symbol);
  const coin = coinOf(trade);
  return coin === null ? [trade.symbol] : [trade.symbol, `${coin}/USD`];
}

/** Coins that are meant to be a dollar each: worth that at least, also without a quote. */
const STABLE: ReadonlySet<string> = new Set(['USDT', 'USDC']);

/** USD that a unit of the price may be worth at most. */
function rateOf(coin: string | null, quotes: Quotes): Exact | null {
  if (coin === null) return ONE;
  const ask = quotes.get(`${coin}/USD`)?.ask;
  return STABLE.has(coin) ? max(ONE, ask === undefined ? null : exact(ask)) : ask === undefined ? null : exact(ask);
}

const max = (a: Exact, b: Exact | null): Exact => (b?.gt(a) ? b : a);

/** The dearest that a unit can become: a buy at its limit, everything else at what the market asks, if that is more. */
function unitOf(side: Side, terms: Terms, quote: Quote | undefined): Exact | null {
  const market = quote === undefined ? null : exact(quote.ask);
  switch (terms.type) {
    case 'limit':
    case 'stop_limit':
      return side === 'buy' ? exact(terms.limitPrice) : max(exact(terms.limitPrice), market);
    case 'stop':
      return max(exact(terms.stopPrice), market);
    case 'trailing_stop':
      // A purchase waits until the market has risen by so much.
      if (market === null || side === 'sell') return market;
      return 'price' in terms.trail
        ? market.plus(terms.trail.price)
        : market.times(HUNDRED.plus(terms.trail.percent)).div(HUNDRED);
    default:
      return market;
  }
}

/** What is not filled at once is over for `ioc` and `fok`; coins trade always. */
export function sessionOf(trade: TradeRequest): Session {
  if (trade.type.startsWith('crypto') || trade.timeInForce === 'ioc' || trade.timeInForce === 'fok') return null;
  return 'extendedHours' in trade && trade.extendedHours ? 'extended' : 'regular';
}

/** Symbol, side, quantity and prices: what makes two orders the same to who asks for them, however they are written. */
function contentOf(trade: TradeRequest): string {
  if ('legs' in trade) {
    const legs = trade.legs.map(({ symbol, side, ratioQty }) => `${side} ${ratioQty} ${symbol}`).sort();
    return JSON.stringify([legs, trade.qty, trade.limitPrice]);
  }
  const { type: _, ...prices } = trade.terms;
  return JSON.stringify([plainSymbol(trade.symbol), trade.side, 'size' in trade ? trade.size : trade.qty, prices]);
}

export function measure(trade: TradeRequest, quotes: Quotes): Measured {
  const { mode, agent, type } = trade;
  const base = { mode, agent, type, session: sessionOf(trade), content: contentOf(trade), coin: coinOf(trade) };
  return 'legs' in trade ? { ...base, ...strategy(trade, quotes) } : { ...base, ...single(trade, quotes, base.coin) };
}

type Sized = Omit<Measured, 'mode' | 'agent' | 'type' | 'session' | 'content' | 'coin'>;

function single(trade: Exclude<TradeRequest, { legs: unknown }>, quotes: Quotes, coin: string | null): Sized {
  const { side, terms } = trade;
  const size = 'size' in trade ? trade.size : { qty: trade.qty };
  const quote = quotes.get(trade.symbol);
  const rate = rateOf(coin, quotes);
  const multiplier = kindOf(trade.symbol) === 'option' ? HUNDRED : ONE;
  const price = unitOf(side, terms, quote);
  const unit = price === null || rate === null ? null : price.times(rate).times(multiplier);
  const symbol = plainSymbol(trade.symbol);
  const isExempt = terms.type === 'trailing_stop' || ('exits' in trade && trade.exits.orderClass !== 'simple') || false;
  const limit = 'limitPrice' in terms ? terms.limitPrice : null;
  const meeting: Meeting = { symbol, side, limit, isExempt };
  if ('notional' in size) {
    const notional = exact(size.notional);
    const value = rate === null ? null : notional.times(max(ONE, rate));
    // At the cheapest that it can be bought for, it is the most.
    const cheapest = quote === undefined ? null : exact(side === 'buy' ? quote.ask : quote.bid);
    const qty = cheapest === null || cheapest.eq('0') ? null : notional.div(cheapest).round(9, 3);
    const isUnsized = qty === null || qty.eq('0');
    const all = value ?? notional;
    const part: Part = {
      symbol,
      side,
      qty: isUnsized ? ('1' as Decimal) : decimal(qty),
      unit: isUnsized ? decimal(all) : decimal(all.div(qty).round(9, 3)),
      isExit: false,
    };
    return {
      parts: [part],
      qty: null,
      value: value === null ? null : decimal(value),
      limit,
      meeting,
      isUnsized,
      isPriced: value !== null,
    };
  }
  const qty = exact(size.qty);
  const part: Part = { symbol, side, qty: size.qty, unit: unit === null ? NONE : decimal(unit), isExit: false };
  const hasExit = 'exits' in trade && (trade.exits.orderClass === 'bracket' || trade.exits.orderClass === 'oto');
  const exit: Part[] = hasExit ? [{ ...part, side: side === 'buy' ? 'sell' : 'buy', unit: NONE, isExit: true }] : [];
  return {
    parts: [part, ...exit],
    qty: size.qty,
    value: unit === null ? null : decimal(qty.times(unit)),
    limit,
    meeting,
    isUnsized: false,
    isPriced: unit !== null,
  };
}

function strategy(trade: Extract<TradeRequest, { legs: unknown }>, quotes: Quotes): Sized {
  const qty = exact(trade.qty);
  let net: Exact | null = trade.limitPrice === null ? exact('0') : exact(trade.limitPrice).abs();
  if (trade.limitPrice === null) {
    for (const leg of trade.legs) {
      const quote = quotes.get(leg.symbol);
      if (quote === undefined || net === null) net = null;
      else
        net =
          leg.side === 'buy'
            ? net.plus(exact(quote.ask).times(leg.ratioQty))
            : net.minus(exact(quote.bid).times(leg.ratioQty));
    }
    net = net === null ? null : net.abs();
  }
  const value = net === null ? null : decimal(net.times(qty).times(HUNDRED));
  const isPriced = trade.legs.every(({ symbol }) => quotes.has(symbol));
  const parts: Part[] = trade.legs.map((leg, n) => {
    const legQty = qty.times(leg.ratioQty);
    // Each is a position of its own. Where nobody knows what it costs, what the whole costs is borne by the first.
    const quote = quotes.get(leg.symbol);
    const unit = isPriced && quote !== undefined ? decimal(exact(quote.ask).times(HUNDRED)) : null;
    const share = n === 0 && value !== null ? decimal(exact(value).div(legQty).round(9, 3)) : NONE;
    return { symbol: leg.symbol, side: leg.side, qty: decimal(legQty), unit: unit ?? share, isExit: false };
  });
  return { parts, qty: trade.qty, value, limit: null, meeting: null, isUnsized: false, isPriced };
}
