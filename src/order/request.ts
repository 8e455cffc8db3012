/**
 * The request: what an order file asks for, once every rule of the contract holds. Later stages trust these types.
 * Must never be built anywhere but in `parse`.
 */
import type { Micros } from '../lib/clock.ts';
import type { Decimal } from './decimal.ts';
import type { AgentId, ClientOrderId, Mode, OrderName } from './name.ts';

/** What every request carries besides its payload. */
export interface Envelope {
  readonly name: OrderName;
  readonly mode: Mode;
  readonly agent: AgentId;
  readonly clientOrderId: ClientOrderId;
  /** The agent's own reference; null when none was given. */
  readonly requestOrderId: string | null;
  /** The tower does not send after it; null when none was given. */
  readonly sendBy: Micros | null;
  /** Journaled, never interpreted; numbers keep their digits. JSON text of the object, or null. */
  readonly metaJson: string | null;
}

export type Side = 'buy' | 'sell';
type TimeInForce = 'day' | 'gtc' | 'ioc' | 'fok' | 'opg' | 'cls';
export type PositionIntent = 'buy_to_open' | 'buy_to_close' | 'sell_to_open' | 'sell_to_close';

/** Exactly one of the two. */
export type Size = { readonly qty: Decimal } | { readonly notional: Decimal };

/** The price terms of an order; the tag is Alpaca's `type`. */
export type Terms =
  | { readonly type: 'market' }
  | { readonly type: 'limit'; readonly limitPrice: Decimal }
  | { readonly type: 'stop'; readonly stopPrice: Decimal }
  | { readonly type: 'stop_limit'; readonly stopPrice: Decimal; readonly limitPrice: Decimal }
  | { readonly type: 'trailing_stop'; readonly trail: { readonly price: Decimal } | { readonly percent: Decimal } };

export interface StopLoss {
  readonly stopPrice: Decimal;
  readonly limitPrice: Decimal | null;
}

/** Alpaca's order_class with the exits that belong to it. An oco order has no entry of its own: its terms are its take profit. */
export type Exits =
  | { readonly orderClass: 'simple' }
  | { readonly orderClass: 'bracket' | 'oco'; readonly takeProfit: Decimal; readonly stopLoss: StopLoss }
  | { readonly orderClass: 'oto'; readonly takeProfit: Decimal | null; readonly stopLoss: StopLoss | null };

export interface StockTrade extends Envelope {
  readonly type: 'stockbuy' | 'stocksell';
  readonly symbol: string;
  readonly side: Side;
  readonly size: Size;
  readonly terms: Terms;
  readonly timeInForce: TimeInForce;
  readonly extendedHours: boolean;
  readonly exits: Exits;
}

export interface CryptoTrade extends Envelope {
  readonly type: 'cryptobuy' | 'cryptosell';
  /** With the slash, as Alpaca wants it: `BTC/USD`. */
  readonly symbol: string;
  readonly side: Side;
  readonly size: Size;
  readonly terms: Terms;
  readonly timeInForce: 'gtc' | 'ioc';
}

export interface OptionTrade extends Envelope {
  readonly type: 'optionsingle';
  /** OCC symbol without padding. */
  readonly symbol: string;
  readonly side: Side;
  /** Whole contracts. */
  readonly qty: Decimal;
  readonly terms: Terms;
  readonly timeInForce: 'day' | 'gtc';
  readonly positionIntent: PositionIntent | null;
}

export interface OptionLeg {
  readonly symbol: string;
  readonly side: Side;
  readonly ratioQty: Decimal;
  readonly positionIntent: PositionIntent | null;
}

export interface MultiLegTrade extends Envelope {
  readonly type: 'optionmulti';
  /** Whole units of the strategy. */
  readonly qty: Decimal;
  /** Net price per unit: positive is a debit, negative a credit; null for a market order. */
  readonly limitPrice: Decimal | null;
  readonly timeInForce: TimeInForce;
  readonly legs: readonly OptionLeg[];
  /** Recognised name of the combination (`vertical`, `straddle`, `iron_condor`, …), or null. */
  readonly strategy: string | null;
}

export type TradeRequest = StockTrade | CryptoTrade | OptionTrade | MultiLegTrade;

/** What every query carries besides. */
interface Query extends Envelope {
  /** Milliseconds that the answer may be old; 0: fresh from the broker; null: what the settings say. */
  readonly maxAgeMs: number | null;
}

export interface MarketDataRequest extends Query {
  readonly type: 'marketdata';
  /** As the agent wrote them, distinct. */
  readonly symbols: readonly string[];
  readonly dataType: 'quote' | 'bar' | 'trade';
}

/** An order named by exactly one of its two ids. */
export type OrderRef = { readonly alpacaOrderId: string } | { readonly clientOrderId: string };

export interface OrderStatusRequest extends Query {
  readonly type: 'orderstatus';
  readonly target: OrderRef;
}

/** `openorders` and `allorders` differ only in their defaults and in the filters that the door lets through. */
export interface OrderListRequest extends Query {
  readonly type: 'openorders' | 'allorders';
  readonly status: 'open' | 'closed' | 'all';
  /** 1 to 500, after the agent filter is applied. */
  readonly limit: number;
  readonly symbols: readonly string[];
  /** Keep only orders whose client_order_id belongs to this agent; null for all. */
  readonly ofAgent: AgentId | null;
  /** RFC 3339, exclusive; null for none. Null in openorders. */
  readonly after: string | null;
  readonly until: string | null;
  readonly direction: 'asc' | 'desc';
  readonly side: Side | null;
}

export interface PositionsRequest extends Query {
  readonly type: 'positions';
  readonly assetClass: 'us_equity' | 'us_option' | 'crypto' | null;
}

export interface AccountInfoRequest extends Query {
  readonly type: 'accountinfo';
}

export type QueryRequest =
  | MarketDataRequest
  | OrderStatusRequest
  | OrderListRequest
  | PositionsRequest
  | AccountInfoRequest;

export interface CancelRequest extends Envelope {
  readonly type: 'cancelorder';
  readonly target: OrderRef;
}

export type Request = TradeRequest | QueryRequest | CancelRequest;

export const isTrade = (request: Request): request is TradeRequest => 'legs' in request || 'terms' in request;

/** Orders whose price is taken from the market when they arrive: late, they are different orders in money terms. */
export const isMarketLike = (trade: TradeRequest): boolean =>
  ('terms' in trade ? trade.terms.type === 'market' : trade.limitPrice === null) ||
  !['day', 'gtc'].includes(trade.timeInForce);
