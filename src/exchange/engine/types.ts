/**
 * The words of the exchange engine: what it reads from the market, what it is told, what it answers.
 * Types only. Must never hold a value, and must never import from the server or the market: they import this.
 */

/** Nanoseconds since 1970-01-01T00:00:00Z. */
export type Instant = bigint;

/** Money, price, quantity or ratio: a whole number of billionths (scale 9). `1n` is 0.000000001. See fixed.ts. */
export type Fixed = bigint;

// ---------------------------------------------------------------------------------------------- the market, as read

/** A stock, an ETF or a crypto pair. The same object must be handed out until one of its fields changes. */
export interface Asset {
  readonly kind: 'asset';
  readonly id: string;
  readonly class: 'us_equity' | 'crypto';
  /** `NASDAQ`, `NYSE`, `ARCA`, `OTC`, … or `CRYPTO`. */
  readonly exchange: string;
  /** `AAPL`, or `BTC/USD` with the slash. */
  readonly symbol: string;
  readonly name: string;
  readonly status: 'active' | 'inactive';
  readonly tradable: boolean;
  readonly marginable: boolean;
  readonly shortable: boolean;
  readonly easyToBorrow: boolean;
  readonly fractionable: boolean;
  /** Alpaca's own words: `has_options`, `fractional_eh_enabled`, `overnight_tradable`, `ipo`, … */
  readonly attributes: readonly string[];
  /** 2 and 3 for leveraged ETFs (maintenance margin 50 % and 75 %), otherwise 1. */
  readonly leverage: 1 | 2 | 3;
  /** Crypto only. */
  readonly minOrderSize?: Fixed;
  readonly minTradeIncrement?: Fixed;
  readonly priceIncrement?: Fixed;
}

/** One listed option. The same object must be handed out until one of its fields changes. */
export interface Contract {
  readonly kind: 'contract';
  readonly id: string;
  /** OCC symbol: `AAPL261218C00200000`. */
  readonly symbol: string;
  readonly name: string;
  readonly underlying: string;
  readonly underlyingId: string;
  readonly type: 'call' | 'put';
  readonly strike: Fixed;
  /** Expiry day, `YYYY-MM-DD`. */
  readonly expiry: string;
  readonly style: 'american' | 'european';
  readonly multiplier: 100;
  readonly status: 'active' | 'inactive';
  readonly tradable: boolean;
}

/** The best bid and offer and the last trade, as they stand at one instant. A side of 0 means that there is none. */
export interface Quote {
  readonly bid: Fixed;
  readonly ask: Fixed;
  readonly bidSize: Fixed;
  readonly askSize: Fixed;
  readonly last: Fixed;
  /** Close of the trading day before (crypto: of the UTC day before). */
  readonly prevClose: Fixed;
}

export type Session = 'pre' | 'core' | 'post' | 'overnight' | 'closed';

/** One day on which US equities trade. */
export interface TradingDay {
  /** `YYYY-MM-DD` in New York. */
  readonly date: string;
  /** 04:00 New York. */
  readonly preOpen: Instant;
  /** 09:30 New York. */
  readonly open: Instant;
  /** 16:00 New York, 13:00 on a half day. */
  readonly close: Instant;
  /** 20:00 New York, 17:00 on a half day. */
  readonly postClose: Instant;
}

/**
 * What the engine reads of the market. Answers depend on the arguments alone for the length of one engine call.
 * Symbols are given as `Asset.symbol` and `Contract.symbol`; `asset` and `contract` also take ids, and `asset` takes a
 * crypto pair without its slash.
 */
export interface MarketView {
  asset(symbolOrId: string): Asset | undefined;
  contract(symbolOrId: string): Contract | undefined;
  /** undefined: nothing is known about the price. */
  quote(symbol: string, at: Instant): Quote | undefined;
  /** Trading in the symbol is halted: orders rest and nothing fills. */
  halted(symbol: string, at: Instant): boolean;
  /** The session of US equities. An exchange that is always open always answers `core`. */
  session(at: Instant): Session;
  /** The first trading day whose `postClose` is later than `at`: today, or the next one. */
  tradingDay(at: Instant): TradingDay;
  /** False when the exchange is always open: then day orders do not expire and `opg` and `cls` have no window. */
  readonly keepsHours: boolean;
}

// ------------------------------------------------------------------------------------------------- settings, answers

export interface EngineOptions {
  /** Decides every id and every chance. */
  readonly seed: string;
  /** 0 to 1: how often an eligible order fills only in part at one evaluation. Alpaca's paper does 0.1. Default 0. */
  readonly partialFills?: number;
  /** False lets an account use a client_order_id twice (a fault to practise with). Default true. */
  readonly enforceUnique?: boolean;
}

export interface AccountSetup {
  /** Uuid of the account, chosen by the caller. */
  readonly id: string;
  /** `PA…`; made from the id when absent. */
  readonly number?: string;
  /** Starting cash in USD. Default 100000. */
  readonly cash?: string;
  /** Highest margin multiplier. Default 2. */
  readonly multiplier?: 1 | 2 | 4;
  /** 0 to 3. Default 3, as on paper. */
  readonly optionsLevel?: 0 | 1 | 2 | 3;
  /** Default true. */
  readonly shorting?: boolean;
}

/** A refusal in Alpaca's words. `extra` are further keys of the JSON body, beside `code` and `message`. */
export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Refusal };

/** Query parameters as they came in the URL, decoded, not yet judged. */
export type Query = Readonly<Record<string, string | undefined>>;

/** A JSON object as it came in the body. Numbers may be given as text, so that no digit is lost. */
export type Body = Readonly<Record<string, unknown>>;

// ------------------------------------------------------------------------------------------------ Alpaca's JSON shapes

export type OrderStatus =
  | 'pending_new'
  | 'accepted'
  | 'new'
  | 'held'
  | 'partially_filled'
  | 'filled'
  | 'canceled'
  | 'expired'
  | 'replaced'
  | 'rejected'
  | 'pending_cancel'
  | 'pending_replace';

export type Side = 'buy' | 'sell';
export type OrderType = 'market' | 'limit' | 'stop' | 'stop_limit' | 'trailing_stop';
export type TimeInForce = 'day' | 'gtc' | 'opg' | 'cls' | 'ioc' | 'fok';
export type OrderClass = 'simple' | 'bracket' | 'oco' | 'oto' | 'mleg';
export type PositionIntent = 'buy_to_open' | 'buy_to_close' | 'sell_to_open' | 'sell_to_close';
type AssetClass = 'us_equity' | 'us_option' | 'crypto';

/** The Order of Alpaca's trading API, complete: unset fields are null, numbers are text, times are RFC 3339 in UTC. */
export interface OrderJson {
  readonly id: string;
  readonly client_order_id: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly submitted_at: string;
  readonly filled_at: string | null;
  readonly expired_at: string | null;
  readonly expires_at: string | null;
  readonly canceled_at: string | null;
  readonly failed_at: string | null;
  readonly replaced_at: string | null;
  readonly replaced_by: string | null;
  readonly replaces: string | null;
  readonly asset_id: string;
  readonly symbol: string;
  readonly asset_class: string;
  readonly notional: string | null;
  readonly qty: string | null;
  readonly filled_qty: string;
  readonly filled_avg_price: string | null;
  readonly order_class: string;
  readonly order_type: string;
  readonly type: string;
  readonly side: string;
  readonly position_intent?: string;
  readonly time_in_force: string;
  readonly limit_price: string | null;
  readonly stop_price: string | null;
  readonly status: OrderStatus;
  readonly extended_hours: boolean;
  readonly legs: readonly OrderJson[] | null;
  readonly trail_percent: string | null;
  readonly trail_price: string | null;
  readonly hwm: string | null;
  readonly ratio_qty?: string;
  readonly subtag: null;
  readonly source: string | null;
  /** In trade_updates only. */
  readonly cancel_requested_at?: string | null;
}

export interface PositionJson {
  readonly asset_id: string;
  readonly symbol: string;
  readonly exchange: string;
  readonly asset_class: AssetClass;
  readonly asset_marginable: boolean;
  readonly avg_entry_price: string;
  readonly qty: string;
  readonly qty_available: string;
  readonly side: 'long' | 'short';
  readonly market_value: string;
  readonly cost_basis: string;
  readonly unrealized_pl: string;
  readonly unrealized_plpc: string;
  readonly unrealized_intraday_pl: string;
  readonly unrealized_intraday_plpc: string;
  readonly current_price: string;
  readonly lastday_price: string;
  readonly change_today: string;
}

export interface AccountJson {
  readonly [key: string]: unknown;
}

export interface ConfigurationsJson {
  readonly suspend_trade: boolean;
  readonly no_shorting: boolean;
  readonly fractional_trading: boolean;
  readonly disable_overnight_trading: boolean;
  readonly ptp_no_exception_entry: boolean;
  readonly max_margin_multiplier: '1' | '2' | '4';
  readonly max_options_trading_level: number | null;
  readonly trade_confirm_email: 'all' | 'none';
}

/** A FILL row or a non-trade row of GET /v2/account/activities. */
export interface ActivityJson {
  readonly id: string;
  readonly activity_type: string;
  readonly [key: string]: unknown;
}

/** One element of a 207 answer: of cancelling all orders (`id`) or of closing all positions (`symbol`). */
export interface CancelStatus {
  readonly id: string;
  readonly status: number;
  readonly body?: Readonly<Record<string, unknown>>;
}
export interface CloseStatus {
  readonly symbol: string;
  readonly status: number;
  readonly body: OrderJson | Readonly<Record<string, unknown>>;
}

export interface PortfolioHistoryJson {
  readonly timestamp: readonly number[];
  readonly equity: readonly number[];
  readonly profit_loss: readonly number[];
  readonly profit_loss_pct: readonly number[];
  readonly base_value: number;
  readonly base_value_asof?: string;
  readonly timeframe: string;
}

// ---------------------------------------------------------------------------------------------------- events, journal

export type EventName =
  | 'accepted'
  | 'new'
  | 'fill'
  | 'partial_fill'
  | 'canceled'
  | 'expired'
  | 'replaced'
  | 'rejected'
  | 'pending_cancel';

/** The `data` of one trade_updates message. `event_id` is a ULID; `timestamp`, `price`, `qty` as the event has them. */
export interface TradeUpdate {
  readonly event: EventName;
  readonly event_id: string;
  readonly at: string;
  readonly timestamp: string;
  readonly order: OrderJson;
  readonly execution_id?: string;
  readonly price?: string;
  readonly qty?: string;
  readonly position_qty?: string;
  readonly position_qtys?: Readonly<Record<string, string>>;
  readonly legs?: readonly {
    readonly execution_id: string;
    readonly qty: string;
    readonly price: string;
    readonly order_id: string;
    readonly symbol: string;
    readonly timestamp: string;
  }[];
}

/** Handed to listeners in order, inside the command that caused it. */
export interface EngineEvent {
  readonly accountId: string;
  readonly update: TradeUpdate;
}

/** Everything that can change an engine. Plain JSON. */
export type Command =
  | { readonly kind: 'openAccount'; readonly setup: AccountSetup }
  | { readonly kind: 'submit'; readonly account: string; readonly body: Body; readonly fate?: 'rejected' }
  | { readonly kind: 'replace'; readonly account: string; readonly order: string; readonly body: Body }
  | { readonly kind: 'cancel'; readonly account: string; readonly order: string }
  | { readonly kind: 'cancelAll'; readonly account: string }
  | { readonly kind: 'closePosition'; readonly account: string; readonly symbol: string; readonly query: Query }
  | { readonly kind: 'closeAll'; readonly account: string; readonly cancelOrders: boolean }
  | { readonly kind: 'exercise'; readonly account: string; readonly symbol: string }
  | { readonly kind: 'doNotExercise'; readonly account: string; readonly symbol: string }
  | { readonly kind: 'configure'; readonly account: string; readonly body: Body }
  | { readonly kind: 'adjustCash'; readonly account: string; readonly amount: string }
  | { readonly kind: 'split'; readonly symbol: string; readonly numerator: number; readonly denominator: number }
  | { readonly kind: 'faults'; readonly enforceUnique?: boolean; readonly partialFills?: number }
  | { readonly kind: 'tick' };

/**
 * One command that changed the engine, with every answer of the market that it used. Plain JSON: keep the entries after
 * the last snapshot and hand them to `Engine.replay` in order, and the engine is the same to the byte, whatever the
 * market has become since. Commands that changed nothing (refusals, idle ticks) are not reported.
 */
export interface JournalEntry {
  /** 1, 2, 3, … over the life of the engine; a snapshot says which one it holds last. */
  readonly seq: number;
  /** The instant, in decimal. */
  readonly at: string;
  readonly command: Command;
  readonly reads: readonly MarketRead[];
}

/** `[what was asked, the answer]`; an answer is JSON with whole numbers as text, null for undefined. */
export type MarketRead = readonly [question: string, answer: unknown];
