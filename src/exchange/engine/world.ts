/**
 * The state of a whole engine and the primitive moves on it: order registration, the books, endings, events.
 * Every change bumps `version`, so that a caller can tell whether a command did anything.
 * Must never judge an order: the rules live in the rules-*.ts files, the lifecycle in lifecycle.ts.
 */
import { assert } from '../../lib/assert.ts';
import { Book } from './book.ts';
import { text } from './fixed.ts';
import { Draws } from './ids.ts';
import { Queue } from './queue.ts';
import { Recorder } from './recorder.ts';
import type { Account, Instrument, Order } from './state.ts';
import { iso } from './time.ts';
import type {
  EngineEvent,
  EngineOptions,
  EventName,
  Fixed,
  Instant,
  MarketView,
  Session,
  TradeUpdate,
} from './types.ts';
import { orderJson } from './views.ts';

export interface SymbolBook {
  /** null for the book of multi-leg orders on one underlying. */
  readonly instrument: Instrument | null;
  readonly regular: Book;
  readonly extended: Book;
}

/** One execution, as events and activities tell it. */
export interface Execution {
  readonly id: string;
  readonly order: Order;
  readonly qty: Fixed;
  readonly price: Fixed;
}

export class World {
  readonly market: Recorder;
  readonly draws: Draws;
  readonly accounts = new Map<string, Account>();
  readonly books = new Map<string, SymbolBook>();
  /** Accepted orders that wait for a session. */
  readonly queued = new Set<Order>();
  /**
   * Orders by the instant at which they end, oldest first. Many share one: the close of a day. An order that is done
   * earlier stays in its group, which costs less than taking it out.
   */
  readonly #endings = new Map<Instant, Order[]>();
  readonly #nextEnding = new Queue<Instant>(true, (at) => this.#endings.has(at));
  /** The instant of the running command, the latest seen. Not a part of the state: idle commands move it too. */
  now: Instant = 0n;
  /** The last instant given to an order: each order has its own. */
  stamp: Instant = 0n;
  orderSeq = 0;
  version = 0;
  session: Session | null = null;
  /** The trading day of the last tick, `YYYY-MM-DD`. */
  day = '';
  /** The close at which the next day roll is due; null before the first account. */
  nextClose: Instant | null = null;
  /** The last day on which unfunded option positions were sold before the close. */
  liquidatedOn = '';
  partialFills: number;
  enforceUnique: boolean;
  readonly listeners = new Set<(event: EngineEvent) => void>();

  constructor(market: MarketView, options: EngineOptions) {
    this.market = new Recorder(market);
    this.draws = new Draws(options.seed);
    this.partialFills = options.partialFills ?? 0;
    this.enforceUnique = options.enforceUnique ?? true;
  }

  changed(): void {
    this.version++;
  }

  /** An instant of its own for a new order, so that paging by time never splits or repeats. */
  stampOrder(): Instant {
    this.stamp = this.now > this.stamp ? this.now : this.stamp + 1n;
    return this.stamp;
  }

  // ------------------------------------------------------------------------------------------------------------ books

  /** Where an order is looked at: by its symbol; a multi-leg order by its first leg's underlying, beside the contracts. */
  static bookKey(order: Order): string {
    if (order.instrument !== null) return order.instrument.symbol;
    const leg = order.legs[0]?.instrument;
    assert(leg?.kind === 'contract', 'a multi-leg order has option legs');
    return `${leg.underlying}:mleg`;
  }

  #bookOf(order: Order): SymbolBook {
    const key = World.bookKey(order);
    let book = this.books.get(key);
    if (book === undefined) {
      book = { instrument: order.instrument, regular: new Book(), extended: new Book() };
      this.books.set(key, book);
      this.#keys = undefined;
    }
    return book;
  }

  #keys: readonly string[] | undefined;

  /** Every book's key, in an order that does not depend on history. */
  bookKeys(): readonly string[] {
    this.#keys ??= [...this.books.keys()].sort();
    return this.#keys;
  }

  sideBook(order: Order): Book {
    const book = this.#bookOf(order);
    return order.extended ? book.extended : book.regular;
  }

  watch(order: Order): void {
    if (order.watched) return;
    order.watched = true;
    this.sideBook(order).add(order);
  }

  unwatch(order: Order): void {
    if (!order.watched) return;
    order.watched = false;
    const key = World.bookKey(order);
    const book = this.#bookOf(order);
    (order.extended ? book.extended : book.regular).remove(order);
    if (book.regular.empty && book.extended.empty) {
      this.books.delete(key);
      this.#keys = undefined;
    }
  }

  // ---------------------------------------------------------------------------------------------------------- endings

  willEnd(order: Order): void {
    if (order.endsAt === null) return;
    const group = this.#endings.get(order.endsAt);
    if (group !== undefined) {
      group.push(order);
      return;
    }
    this.#endings.set(order.endsAt, [order]);
    this.#nextEnding.push(order.endsAt, order.endsAt, 0);
  }

  /** Takes out the earliest group that ends not later than `at`; orders that are done by then are still in it. */
  takeEnding(at: Instant): readonly Order[] | undefined {
    const next = this.#nextEnding.peek();
    if (next === undefined || next.key > at) return undefined;
    const group = this.#endings.get(next.item);
    this.#endings.delete(next.item);
    return group;
  }

  // ----------------------------------------------------------------------------------------------------------- events

  emit(order: Order, event: EventName, at: Instant, more?: Partial<TradeUpdate>): void {
    this.version++;
    if (this.listeners.size === 0) {
      // The id is spent all the same: listening must not change what the engine does.
      this.draws.count++;
      return;
    }
    const when = iso(at);
    const update: TradeUpdate = {
      event,
      event_id: this.draws.ulid(at),
      at: when,
      timestamp: when,
      order: orderJson(order, true, true),
      ...more,
    };
    const message = { accountId: order.account.id, update };
    for (const listener of this.listeners) listener(message);
  }

  /** The further fields of a fill event. */
  static execution(execution: Execution, positionQty: Fixed): Partial<TradeUpdate> {
    return {
      execution_id: execution.id,
      price: text(execution.price),
      qty: text(execution.qty),
      position_qty: text(positionQty),
    };
  }
}
