/**
 * The exchange engine: accounts, orders, positions and cash of a make-believe Alpaca, pure and deterministic.
 * The same seed, commands and market answers give the same bytes out. Must never read a clock, a file or the network,
 * and must never use a floating-point number for money.
 *
 * Commands take the instant at which they happen; instants must not go back (an earlier one counts as the latest seen).
 * A command's events reach the listeners before it returns. Refusals are values and change nothing.
 * `submit` answers the order as Alpaca's POST does (`pending_new`, `accepted`, nothing filled yet) even when the order
 * has filled by the time it returns: read it again, or listen.
 */
import type {
  AccountJson,
  AccountSetup,
  ActivityJson,
  Body,
  CancelStatus,
  CloseStatus,
  ConfigurationsJson,
  EngineEvent,
  EngineOptions,
  Instant,
  JournalEntry,
  MarketView,
  OrderJson,
  PortfolioHistoryJson,
  PositionJson,
  Query,
  Result,
} from './types.ts';

export interface EngineApi {
  // Commands. An unknown account id is a programming error and throws: authenticate first.
  openAccount(setup: AccountSetup, at: Instant): void;
  submit(account: string, body: Body, at: Instant): Result<OrderJson>;
  replace(account: string, orderId: string, body: Body, at: Instant): Result<OrderJson>;
  cancel(account: string, orderId: string, at: Instant): Result<null>;
  cancelAll(account: string, at: Instant): readonly CancelStatus[];
  /** `query`: `qty` or `percentage`, as in the URL. */
  closePosition(account: string, symbolOrId: string, query: Query, at: Instant): Result<OrderJson>;
  closeAll(account: string, cancelOrders: boolean, at: Instant): readonly CloseStatus[];
  exercise(account: string, symbolOrId: string, at: Instant): Result<null>;
  doNotExercise(account: string, symbolOrId: string, at: Instant): Result<null>;
  configure(account: string, body: Body, at: Instant): Result<ConfigurationsJson>;
  /** Pays in (or, negative, out) `amount` USD. */
  adjustCash(account: string, amount: string, at: Instant): void;
  /** `numerator` new shares for `denominator` old ones. */
  split(symbol: string, numerator: number, denominator: number, at: Instant): void;
  setFaults(faults: { readonly enforceUnique?: boolean; readonly partialFills?: number }, at: Instant): void;
  /** Looks at the market: triggers, fills, expiries, session changes. Call it whenever prices or time have moved. */
  tick(at: Instant): void;

  // Queries. They change nothing; `at` says which quotes and which session to use.
  hasAccount(account: string): boolean;
  account(account: string, at: Instant): AccountJson;
  configurations(account: string): ConfigurationsJson;
  positions(account: string, at: Instant): readonly PositionJson[];
  position(account: string, symbolOrId: string, at: Instant): Result<PositionJson>;
  order(account: string, orderId: string, query: Query): Result<OrderJson>;
  orderByClientId(account: string, clientOrderId: string): Result<OrderJson>;
  orders(account: string, query: Query): Result<readonly OrderJson[]>;
  /** `types`: from the path `/activities/{type}`, if any. */
  activities(account: string, query: Query, type?: string): Result<readonly ActivityJson[]>;
  portfolioHistory(account: string, query: Query, at: Instant): Result<PortfolioHistoryJson>;
  /** Symbols that open orders or positions depend on, so that the market need not price all others. */
  activeSymbols(): readonly string[];

  /** Called for every event, in order, inside the command. Returns the function that ends it. */
  onEvent(listener: (event: EngineEvent) => void): () => void;
  /** Called once per command that changed something, after its events. Returns the function that ends it. */
  onCommand(listener: (entry: JournalEntry) => void): () => void;
  /** The whole state as JSON text; the same state gives the same text. */
  snapshot(): string;
  /** Applies one journaled command again. Throws if it is not the one that follows the engine's state. */
  replay(entry: JournalEntry): void;
}

// The class itself: `new Engine(market, options)` and `Engine.restore(snapshot, market, options)`.
export type EngineConstructor = {
  new (market: MarketView, options: EngineOptions): EngineApi;
  restore(snapshot: string, market: MarketView, options: EngineOptions): EngineApi;
};
