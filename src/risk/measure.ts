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
  readonly session: Session;
  /** What it asks for, whoever asks and whenever: equal for two orders that ask for the same. */
  readonly content: string;
}

const HUNDRED = exact('100');
const NONE = '0' as Decimal;

/** The symbol of positions and of this file. */
export const plainSymbol = (symbol: string): string => symbol.replace('/', '');

export type AssetClass = 'us_equity' | 'us_option' | 'crypto';
export const assetClassOf = (type: TradeRequest['type']): AssetClass =>
  type.startsWith('stock') ? 'us_equity' : type.startsWith('crypto') ? 'crypto' : 'us_option';

/** Symbols whose quotes tell more about the order than it does itself. */
export const symbolsOf = (trade: TradeRequest): readonly string[] =>
  'legs' in trade ? trade.legs.map(({ symbol }) => symbol) : [trade.symbol];

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
    default:
      return market;
  }
}

/** What is not filled at once is over for `ioc` and `fok`; coins trade always. */
export function sessionOf(trade: TradeRequest): Session {
  if (trade.type.startsWith('crypto') || trade.timeInForce === 'ioc' || trade.timeInForce === 'fok') return null;
  return 'extendedHours' in trade && trade.extendedHours ? 'extended' : 'regular';
}

/** `wire` is the order as it will be sent: its text without the id is what it asks for. */
export function measure(trade: TradeRequest, wire: string, quotes: Quotes): Measured {
  const content = wire.replace(/"client_order_id":"[^"]*",?/, '');
  const base = { mode: trade.mode, agent: trade.agent, type: trade.type, session: sessionOf(trade), content };
  if ('legs' in trade) return { ...base, ...strategy(trade, quotes) };
  const { side, terms } = trade;
  const size = 'size' in trade ? trade.size : { qty: trade.qty };
  const quote = quotes.get(trade.symbol);
  const multiplier = kindOf(trade.symbol) === 'option' ? HUNDRED : exact('1');
  const price = unitOf(side, terms, quote);
  const unit = price === null ? null : price.times(multiplier);
  const symbol = plainSymbol(trade.symbol);
  const isExempt = terms.type === 'trailing_stop' || ('exits' in trade && trade.exits.orderClass !== 'simple') || false;
  const limit = 'limitPrice' in terms ? terms.limitPrice : null;
  const meeting: Meeting = { symbol, side, limit, isExempt };
  if ('notional' in size) {
    const notional = exact(size.notional);
    // At the cheapest that it can be bought for, it is the most.
    const cheapest = quote === undefined ? null : exact(side === 'buy' ? quote.ask : quote.bid);
    const qty = cheapest === null || cheapest.eq('0') ? null : notional.div(cheapest).round(9, 3);
    const part: Part = {
      symbol,
      side,
      qty: qty === null ? ('1' as Decimal) : decimal(qty),
      unit: qty === null || qty.eq('0') ? size.notional : decimal(notional.div(qty).round(9, 3)),
      isExit: false,
    };
    return { ...base, parts: [part], qty: null, value: size.notional, limit, meeting };
  }
  const qty = exact(size.qty);
  const part: Part = { symbol, side, qty: size.qty, unit: unit === null ? NONE : decimal(unit), isExit: false };
  const hasExit = 'exits' in trade && (trade.exits.orderClass === 'bracket' || trade.exits.orderClass === 'oto');
  const exit: Part[] = hasExit ? [{ ...part, side: side === 'buy' ? 'sell' : 'buy', unit: NONE, isExit: true }] : [];
  return {
    ...base,
    parts: [part, ...exit],
    qty: size.qty,
    value: unit === null ? null : decimal(qty.times(unit)),
    limit,
    meeting,
  };
}

function strategy(trade: Extract<TradeRequest, { legs: unknown }>, quotes: Quotes) {
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
  const parts: Part[] = trade.legs.map((leg, n) => {
    const legQty = qty.times(leg.ratioQty);
    // What the whole costs is borne by its first leg.
    const unit = n === 0 && value !== null ? decimal(exact(value).div(legQty).round(9, 3)) : NONE;
    return { symbol: leg.symbol, side: leg.side, qty: decimal(legQty), unit, isExit: false };
  });
  return { parts, qty: trade.qty, value, limit: null, meeting: null };
}
