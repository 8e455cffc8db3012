/**
 * PORT: what the tower needs of a broker, and the four outcomes every caller must handle.
 * Must never hide an ambiguity: when bytes may have arrived, the outcome is `unknown`, whatever the error said.
 */
import type { Host as HostName } from '../journal/journal.ts';
import type { ClientOrderId, Mode } from '../order/name.ts';
import type { MarketDataRequest, TradeRequest } from '../order/request.ts';

/** The broker's own words for a refusal, verbatim. */
export interface Rejection {
  /** HTTP status. */
  readonly status: number;
  /** Alpaca's numeric code; null where the body has none. */
  readonly code: number | null;
  readonly message: string;
  /** The whole body as received: JSON where it was JSON, else its text cut to 2,000 characters. */
  readonly body: unknown;
  readonly requestId: string | null;
  /** A readable name of the refusal (`insufficient_buying_power`, `not_found`, …), judged by status and text, never by code alone. */
  readonly name: string;
}

export type { HostName };

/** What every answer tells about the account's budget; null where the broker said nothing. */
export interface Budget {
  readonly remaining: number | null;
  /** The window's size, where it was told. */
  readonly limit?: number | null;
  /** Epoch seconds at which the broker's window starts anew. */
  readonly resetAt: number | null;
}

export type Outcome<T> =
  /** The broker did it. */
  | { readonly kind: 'done'; readonly value: T }
  /** The broker said no, and said it about this very request. */
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** Provably not carried out: no byte of it left, or it was turned away unread (429). `retryAfterMs` is the broker's wish. */
  | {
      readonly kind: 'not_sent';
      /** `held`: whoever asked took it back in the moment before it left. */
      readonly why: 'unreachable' | 'rate_limited' | 'held';
      readonly reason: string;
      readonly retryAfterMs: number | null;
    }
  /** The keys are refused, the host redirects, or the endpoint does not exist: nothing more may be sent until a person has looked. */
  | { readonly kind: 'misconfigured'; readonly reason: string; readonly rejection: Rejection | null }
  /** May have been carried out. */
  | {
      readonly kind: 'unknown';
      readonly reason: string;
      /** The broker said that this client_order_id was used before: some order has it, and a look-up must tell which. */
      readonly duplicate?: boolean;
      /** The HTTP status, where there was one. */
      readonly status?: number;
    };

/** An order as the broker tells it: its JSON verbatim, and the few fields the tower reads. */
export interface BrokerOrder {
  /** Alpaca's own JSON text of this order. */
  readonly json: string;
  readonly id: string;
  readonly clientOrderId: string;
  readonly status: string;
  /** Decimal text. */
  readonly filledQty: string;
  /** RFC 3339 with up to nine decimals, as sent. */
  readonly updatedAt: string;
  readonly submittedAt: string;
  /** Client order ids and ids of the legs (bracket, oco, oto, mleg). */
  readonly legs: readonly BrokerOrder[];
  /** The successor's id when the order was replaced. */
  readonly replacedBy: string | null;
}

/** One request to the broker as it goes over the wire; journaled before the first byte leaves, and sent as journaled. */
export interface Wire {
  readonly method: 'POST' | 'DELETE' | 'PATCH';
  /** Path with query, relative to the base URL. */
  readonly path: string;
  /** JSON text; empty for none. */
  readonly body: string;
}

export interface TradeUpdate {
  readonly event: string;
  /** `execution_id`, or null when the broker sent none. */
  readonly executionId: string | null;
  readonly timestamp: string;
  readonly order: BrokerOrder;
  /** Decimal texts of this execution; null when the event is no fill. */
  readonly price: string | null;
  readonly qty: string | null;
  /** What was executed, of the order or of each of its legs; empty when it is no fill, or cannot be read in full. */
  readonly executions: readonly BrokerExecution[];
  /** The event's `data` object verbatim. */
  readonly json: string;
}

/** One execution. An order and its filled quantity after it name it, whoever tells of it. Decimal texts. */
export interface BrokerExecution {
  /** Id of the order, or of the leg. */
  readonly orderId: string;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  readonly qty: string;
  readonly price: string;
  /** What the order had filled in all after it. */
  readonly filledQty: string;
  /** RFC 3339. */
  readonly at: string;
}

/** One row of the account's history: an execution, or a fee, a transfer, the end of a contract (Alpaca docs: activities). */
export interface Activity {
  readonly id: string;
  /** `FILL`, `CFEE`, `OPEXP`, `DIV`, … */
  readonly type: string;
  /** RFC 3339: when it happened, or was booked. */
  readonly at: string;
  /** `YYYY-MM-DD` that it counts for; null for executions. */
  readonly date: string | null;
  /** `executed`, `correct`, `canceled`, `pending`; null for executions. */
  readonly status: string | null;
  /** Null when it is none, or not told in full. */
  readonly execution: BrokerExecution | null;
  readonly symbol: string | null;
  /** Signed decimal texts. */
  readonly qty: string | null;
  readonly price: string | null;
  readonly netAmount: string | null;
  readonly description: string;
}

/** Rows booked after a moment, oldest first; `pageToken` is the id of the last row of the page before. */
export interface ActivityQuery {
  /** RFC 3339, exclusive. */
  readonly after: string;
  readonly pageToken?: string;
  readonly category?: 'trade_activity' | 'non_trade_activity';
}

export interface StreamListener {
  /** Authorised and listening to trade_updates: whatever happened before this moment must be swept. */
  up(): void;
  down(reason: string): void;
  update(update: TradeUpdate): void;
  /** A frame that cannot be read; the stream reconnects by itself after it. */
  unreadable(reason: string): void;
}

export interface Stream {
  start(): void;
  /** Idempotent; after it no listener is called. */
  stop(): void;
}

export interface QuoteListener {
  /** The symbols that are streamed from now on. */
  subscribed(symbols: ReadonlySet<string>): void;
  /** Fields as in the answer to a marketdata query. */
  quote(symbol: string, value: Readonly<Record<string, string | null>>): void;
  down(reason: string): void;
}

/** Live quotes of one kind of instrument; connected for as long as symbols are wanted. */
export interface QuoteStream {
  /** Symbols as the data endpoint spells them; none: the connection is closed. */
  want(symbols: ReadonlySet<string>): void;
  /** Calls back when the other side has answered: whatever it had to say before, it has said. */
  ping(answered: () => void): void;
  /** Idempotent; after it no listener is called. */
  stop(): void;
}

export interface Account {
  readonly json: string;
  readonly accountNumber: string;
  readonly status: string;
  /** True when the broker would refuse every order (trading_blocked, account_blocked, trade_suspended_by_user). */
  readonly blocked: boolean;
}

export interface Position {
  /** Alpaca's own JSON text. */
  readonly json: string;
  /** `us_equity`, `us_option`, `crypto`. */
  readonly assetClass: string;
}

/** Filters of GET /v2/orders; absent means the broker's default. `after` and `until` are RFC 3339, exclusive. */
export interface OrderListQuery {
  readonly status?: 'open' | 'closed' | 'all';
  readonly limit?: number;
  readonly after?: string;
  readonly until?: string;
  readonly direction?: 'asc' | 'desc';
  readonly symbols?: readonly string[];
  readonly side?: 'buy' | 'sell';
  readonly nested?: boolean;
}

/** Rows of one page of activities: the most that Alpaca gives. */
export const ACTIVITY_PAGE = 100;

/**
 * One account at one broker. No method retries, waits for budget or judges what to do next: that is dispatch's work.
 * Each method call is exactly one HTTP request, except `marketData`, whose plan says how many it needs.
 */
export interface Broker {
  readonly mode: Mode;
  /** Pure: the request for a trade. The same trade gives the same bytes. */
  encode(trade: TradeRequest): Wire;
  /**
   * Sends an order. `done` only if the answer is JSON with our client_order_id and the fields we asked for. `mayLeave` is
   * asked in the moment before the first byte is written; after a no the outcome is `not_sent`, `held`. It is not optional:
   * whoever stands between and forgets to pass it on lets orders pass a halt.
   */
  submit(wire: Wire, mayLeave: () => boolean): Promise<Outcome<BrokerOrder>>;
  /** Pure: fields in which the broker's order differs from what the wire asked for; empty when they agree. */
  differences(wire: Wire, order: BrokerOrder): readonly string[];
  /** Looks an order up by client_order_id; `rejected` with status 404 when the broker does not know it (which proves nothing yet). */
  lookup(clientOrderId: ClientOrderId | string): Promise<Outcome<BrokerOrder>>;
  /** One order by the broker's id, legs nested; `rejected` with status 404 when there is none. */
  order(id: string): Promise<Outcome<BrokerOrder>>;
  /** Asks for a cancel. `done` means it was taken, not that it has happened. */
  cancel(id: string): Promise<Outcome<null>>;
  orders(query: OrderListQuery): Promise<Outcome<readonly BrokerOrder[]>>;
  account(): Promise<Outcome<Account>>;
  positions(): Promise<Outcome<readonly Position[]>>;
  /** A page of at most ACTIVITY_PAGE rows; fewer is the last. */
  activities(query: ActivityQuery): Promise<Outcome<readonly Activity[]>>;
  /** The requests a marketdata query needs: one per kind of instrument, however many symbols. */
  marketDataPlan(request: Pick<MarketDataRequest, 'symbols' | 'dataType'>): readonly MarketDataPart[];
  marketData(part: MarketDataPart): Promise<Outcome<MarketDataAnswer>>;
  stream(listener: StreamListener): Stream;
  quotes(kind: 'stock' | 'crypto', listener: QuoteListener): QuoteStream;
  /** Called after every answer that carried rate-limit headers, with the host that gave it. */
  onBudget(listener: (budget: Budget, host: HostName) => void): void;
  close(): Promise<void>;
}

/** One HTTP request of a market data query. */
export interface MarketDataPart {
  readonly kind: 'stock' | 'crypto' | 'option';
  readonly dataType: 'quote' | 'bar' | 'trade';
  /** Symbol as the agent wrote it → as Alpaca's endpoint wants it. */
  readonly symbols: ReadonlyMap<string, string>;
}

/** Symbol as asked → the contract's shape, numbers as decimal strings. Symbols without data are absent. */
export type MarketDataAnswer = ReadonlyMap<string, Readonly<Record<string, string | null>>>;
