/**
 * The exchange engine: accounts, orders, positions and cash of a make-believe Alpaca, pure and deterministic.
 * The same seed, commands and market answers give the same bytes out. Must never read a clock, a file or the network,
 * and must never use a floating-point number for money.
 *
 * Commands take the instant at which they happen; instants must not go back (an earlier one counts as the latest seen).
 * A command's events reach the listeners before it returns. Refusals are values and change nothing.
 * `submit` answers the order as Alpaca's POST does (`pending_new`, `accepted`, nothing filled yet) even when the order
 * has filled by the time it returns: read it again, or listen.
 *
 * How it is laid out: request.ts reads a body, rules-*.ts judge its form, admission*.ts judge it against the account,
 * submit.ts makes orders of it; matching.ts fills them, lifecycle.ts and advanced.ts keep their state, settle.ts moves
 * the money; days.ts and options.ts do what the calendar does; views, listing and activities answer questions;
 * recorder.ts and snapshot.ts make it all repeatable.
 */
import { assert, unreachable } from '../../lib/assert.ts';
import { accountConfigurations, accountJson, findPosition, portfolioHistory, positionJson } from './account-views.ts';
import { adjustCash, cancel, cancelAll, closeAll, closePosition, configure, openAccount } from './accounts.ts';
import { listActivities } from './activities.ts';
import { rollDays, sampleEquity } from './days.ts';
import { ok, positionDoesNotExist, refuse, symbolNotFound } from './errors.ts';
import { getByClientId, getOrder, listOrders } from './listing.ts';
import { endDue, lookAtAll, startWaiting } from './matching.ts';
import { doNotExercise, exercise, split } from './options.ts';
import { readSnapshot, takeSnapshot } from './snapshot.ts';
import type { Account, Instrument } from './state.ts';
import { replace, submit } from './submit.ts';
import type {
  AccountJson,
  AccountSetup,
  ActivityJson,
  Body,
  CancelStatus,
  CloseStatus,
  Command,
  ConfigurationsJson,
  EngineEvent,
  EngineOptions,
  Instant,
  JournalEntry,
  MarketRead,
  MarketView,
  OrderJson,
  PortfolioHistoryJson,
  PositionJson,
  Query,
  Result,
} from './types.ts';
import { World } from './world.ts';

export interface EngineApi {
  // Commands. An unknown account id is a programming error and throws: authenticate first.
  openAccount(setup: AccountSetup, at: Instant): void;
  /** `fate`: the order is answered as accepted and then rejected by an event (a fault to practise with). */
  submit(account: string, body: Body, at: Instant, fate?: 'rejected'): Result<OrderJson>;
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
  /** `type`: from the path `/activities/{type}`, if any. */
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

export class Engine implements EngineApi {
  readonly #seed: string;
  readonly #world: World;
  readonly #journal = new Set<(entry: JournalEntry) => void>();
  /** The number of the last command that changed something. */
  #seq: number;

  constructor(market: MarketView, options: EngineOptions, restored?: { readonly world: World; readonly seq: number }) {
    this.#seed = options.seed;
    this.#world = restored?.world ?? new World(market, options);
    this.#seq = restored?.seq ?? 0;
  }

  /**
   * An engine as `snapshot` left it, settings included. Throws on text that is no snapshot of this version, and on one
   * that was begun with another seed.
   */
  static restore(snapshot: string, market: MarketView, options: Pick<EngineOptions, 'seed'>): Engine {
    const { world, seed, seq } = readSnapshot(snapshot, market);
    if (seed !== options.seed) {
      throw new TypeError(
        `the snapshot was begun with the seed ${JSON.stringify(seed)}, not ${JSON.stringify(options.seed)}`,
      );
    }
    return new Engine(market, { seed }, { world, seq });
  }

  // --------------------------------------------------------------------------------------------------------- commands

  openAccount(setup: AccountSetup, at: Instant): void {
    this.#run({ kind: 'openAccount', setup }, at);
  }
  submit(account: string, body: Body, at: Instant, fate?: 'rejected'): Result<OrderJson> {
    const command: Command = { kind: 'submit', account, body, ...(fate === undefined ? {} : { fate }) };
    return this.#run(command, at) as Result<OrderJson>;
  }
  replace(account: string, orderId: string, body: Body, at: Instant): Result<OrderJson> {
    return this.#run({ kind: 'replace', account, order: orderId, body }, at) as Result<OrderJson>;
  }
  cancel(account: string, orderId: string, at: Instant): Result<null> {
    return this.#run({ kind: 'cancel', account, order: orderId }, at) as Result<null>;
  }
  cancelAll(account: string, at: Instant): readonly CancelStatus[] {
    return this.#run({ kind: 'cancelAll', account }, at) as readonly CancelStatus[];
  }
  closePosition(account: string, symbolOrId: string, query: Query, at: Instant): Result<OrderJson> {
    return this.#run({ kind: 'closePosition', account, symbol: symbolOrId, query }, at) as Result<OrderJson>;
  }
  closeAll(account: string, cancelOrders: boolean, at: Instant): readonly CloseStatus[] {
    return this.#run({ kind: 'closeAll', account, cancelOrders }, at) as readonly CloseStatus[];
  }
  exercise(account: string, symbolOrId: string, at: Instant): Result<null> {
    return this.#run({ kind: 'exercise', account, symbol: symbolOrId }, at) as Result<null>;
  }
  doNotExercise(account: string, symbolOrId: string, at: Instant): Result<null> {
    return this.#run({ kind: 'doNotExercise', account, symbol: symbolOrId }, at) as Result<null>;
  }
  configure(account: string, body: Body, at: Instant): Result<ConfigurationsJson> {
    return this.#run({ kind: 'configure', account, body }, at) as Result<ConfigurationsJson>;
  }
  adjustCash(account: string, amount: string, at: Instant): void {
    this.#run({ kind: 'adjustCash', account, amount }, at);
  }
  split(symbol: string, numerator: number, denominator: number, at: Instant): void {
    this.#run({ kind: 'split', symbol, numerator, denominator }, at);
  }
  setFaults(faults: { readonly enforceUnique?: boolean; readonly partialFills?: number }, at: Instant): void {
    this.#run({ kind: 'faults', ...faults }, at);
  }
  tick(at: Instant): void {
    this.#run({ kind: 'tick' }, at);
  }

  #run(command: Command, at: Instant, script?: readonly MarketRead[]): unknown {
    const world = this.#world;
    if (at > world.now) world.now = at;
    if (world.stamp > world.now) world.now = world.stamp;
    const { market } = world;
    market.recording = this.#journal.size > 0;
    market.begin(script);
    const before = world.version;
    const answer = this.#apply(command, world.now);
    if (world.version === before) {
      market.drop();
      return answer;
    }
    const reads = market.commit();
    this.#seq++;
    if (this.#journal.size > 0) {
      const entry: JournalEntry = { seq: this.#seq, at: String(world.now), command, reads };
      for (const listener of this.#journal) listener(entry);
    }
    return answer;
  }

  #apply(command: Command, at: Instant): unknown {
    const world = this.#world;
    switch (command.kind) {
      case 'openAccount':
        return openAccount(world, command.setup, at);
      case 'submit':
        return submit(world, this.#of(command.account), command.body, at, command.fate);
      case 'replace':
        return replace(world, this.#of(command.account), command.order, command.body, at);
      case 'cancel':
        return cancel(world, this.#of(command.account), command.order, at);
      case 'cancelAll':
        return cancelAll(world, this.#of(command.account), at);
      case 'closePosition':
        return closePosition(world, this.#of(command.account), command.symbol, command.query, at);
      case 'closeAll':
        return closeAll(world, this.#of(command.account), command.cancelOrders, at);
      case 'exercise':
        return exercise(world, this.#of(command.account), command.symbol, at);
      case 'doNotExercise':
        return doNotExercise(world, this.#of(command.account), command.symbol);
      case 'configure':
        return configure(world, this.#of(command.account), command.body);
      case 'adjustCash':
        return adjustCash(world, this.#of(command.account), command.amount, at);
      case 'split':
        return split(world, command.symbol, BigInt(command.numerator), BigInt(command.denominator), at);
      case 'faults':
        world.enforceUnique = command.enforceUnique ?? world.enforceUnique;
        world.partialFills = command.partialFills ?? world.partialFills;
        return world.changed();
      case 'tick':
        return this.#tick(at);
      default:
        return unreachable(command);
    }
  }

  #tick(at: Instant): void {
    const world = this.#world;
    const session = world.market.session(at);
    const day = world.market.tradingDay(at);
    endDue(world, at);
    if (session !== world.session || day.date !== world.day) {
      world.session = session;
      world.day = day.date;
      world.changed();
      startWaiting(world, at, session);
    }
    lookAtAll(world, at, session);
    rollDays(world, day, at);
    sampleEquity(world, at);
  }

  // ---------------------------------------------------------------------------------------------------------- queries

  hasAccount(account: string): boolean {
    return this.#world.accounts.has(account);
  }

  #of(id: string): Account {
    const account = this.#world.accounts.get(id);
    if (account === undefined) throw new RangeError(`no account ${id}`);
    return account;
  }

  /** Queries ask the market directly: what they learn is no part of a command. */
  #ask<T>(run: (world: World) => T): T {
    const { market } = this.#world;
    market.recording = false;
    return run(this.#world);
  }

  account(account: string, at: Instant): AccountJson {
    return this.#ask((world) => accountJson(world, this.#of(account), at));
  }
  configurations(account: string): ConfigurationsJson {
    return accountConfigurations(this.#of(account));
  }
  positions(account: string, at: Instant): readonly PositionJson[] {
    const owner = this.#of(account);
    return this.#ask((world) =>
      [...owner.positions.values()].map((position) => positionJson(world, owner, position, at)),
    );
  }
  position(account: string, symbolOrId: string, at: Instant): Result<PositionJson> {
    const owner = this.#of(account);
    const position = findPosition(owner, symbolOrId);
    if (position !== undefined) return ok(this.#ask((world) => positionJson(world, owner, position, at)));
    const known = this.#ask(({ market }) => market.asset(symbolOrId) ?? market.contract(symbolOrId));
    return refuse(known === undefined ? symbolNotFound(symbolOrId) : positionDoesNotExist());
  }
  order(account: string, orderId: string, query: Query): Result<OrderJson> {
    return getOrder(this.#of(account), orderId, query);
  }
  orderByClientId(account: string, clientOrderId: string): Result<OrderJson> {
    return getByClientId(this.#of(account), clientOrderId);
  }
  orders(account: string, query: Query): Result<readonly OrderJson[]> {
    return listOrders(this.#of(account), query);
  }
  activities(account: string, query: Query, type?: string): Result<readonly ActivityJson[]> {
    return listActivities(this.#of(account), query, type);
  }
  portfolioHistory(account: string, query: Query, at: Instant): Result<PortfolioHistoryJson> {
    return this.#ask((world) => portfolioHistory(world, this.#of(account), query, at));
  }

  activeSymbols(): readonly string[] {
    const symbols = new Set<string>();
    const add = (instrument: Instrument | null): void => {
      if (instrument === null) return;
      symbols.add(instrument.symbol);
      if (instrument.kind === 'contract') symbols.add(instrument.underlying);
    };
    // By the books, not by the orders: there are far fewer of them.
    const { accounts, books, queued } = this.#world;
    let strategies = false;
    for (const { instrument } of books.values()) {
      if (instrument === null) strategies = true;
      add(instrument);
    }
    for (const { instrument, legs } of queued) {
      add(instrument);
      for (const leg of legs) add(leg.instrument);
    }
    for (const { open, positions } of accounts.values()) {
      for (const { instrument } of positions.values()) add(instrument);
      if (strategies) for (const order of open) if (order.role === 'leg') add(order.instrument);
    }
    return [...symbols];
  }

  // ---------------------------------------------------------------------------------------------- events, persistence

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#world.listeners.add(listener);
    return () => this.#world.listeners.delete(listener);
  }
  onCommand(listener: (entry: JournalEntry) => void): () => void {
    this.#journal.add(listener);
    return () => this.#journal.delete(listener);
  }
  snapshot(): string {
    return takeSnapshot(this.#world, this.#seed, this.#seq);
  }
  replay(entry: JournalEntry): void {
    assert(entry.seq === this.#seq + 1, `command ${entry.seq} does not follow ${this.#seq}`);
    this.#run(entry.command, BigInt(entry.at), entry.reads);
    assert(this.#seq === entry.seq, `command ${entry.seq} changed nothing when it was replayed`);
  }
}
