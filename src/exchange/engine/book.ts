/**
 * The resting orders of one symbol, arranged so that a look at the market touches only what can move: limits and stops
 * in price order, the few that need a look every time (market orders, trailing stops, strategies) in sets.
 * Must never decide about a fill: it only finds the candidates.
 */
import { Queue } from './queue.ts';
import { isDone, type Order } from './state.ts';
import type { Fixed, Quote } from './types.ts';

/** The worst price an order accepts, if it has one: a limit, or the collar of a triggered stop. */
export const worstPrice = (order: Order): Fixed | null =>
  order.type === 'limit' || order.type === 'stop_limit' ? order.limit : order.collar;

/** A stop or stop-limit order that still waits for its price. */
export const waitsForStop = (order: Order): boolean =>
  !order.triggered && (order.type === 'stop' || order.type === 'stop_limit');

export const waitsForTrail = (order: Order): boolean => !order.triggered && order.type === 'trailing_stop';

export class Book {
  readonly #buys = new Queue<Order>(false, (order) => order.watched && !isDone(order));
  readonly #sells = new Queue<Order>(true, (order) => order.watched && !isDone(order));
  readonly #buyStops = new Queue<Order>(true, (order) => order.watched && waitsForStop(order) && !isDone(order));
  readonly #sellStops = new Queue<Order>(false, (order) => order.watched && waitsForStop(order) && !isDone(order));
  /** Orders without a price: looked at every time. */
  readonly #unpriced = new Set<Order>();
  /** The best price moves with the market, so each of them has to be looked at. */
  readonly #trailing = new Set<Order>();
  /** Multi-leg orders, by their underlying. */
  readonly #strategies = new Set<Order>();
  #size = 0;

  get empty(): boolean {
    return this.#size === 0;
  }

  add(order: Order): void {
    this.#size++;
    this.#place(order);
  }

  remove(order: Order): void {
    this.#size--;
    if (order.role === 'strategy') this.#strategies.delete(order);
    else if (waitsForTrail(order)) this.#trailing.delete(order);
    else if (waitsForStop(order)) (order.side === 'buy' ? this.#buyStops : this.#sellStops).left();
    else if (worstPrice(order) === null) this.#unpriced.delete(order);
    else (order.side === 'buy' ? this.#buys : this.#sells).left();
  }

  /** Puts back a candidate that stays, or moves one whose stop has been reached. */
  replace(order: Order): void {
    if (order.watched && !isDone(order)) this.#place(order);
  }

  #place(order: Order): void {
    if (order.role === 'strategy') {
      this.#strategies.add(order);
    } else if (waitsForTrail(order)) {
      this.#trailing.add(order);
    } else if (waitsForStop(order)) {
      const stop = order.stop ?? 0n;
      (order.side === 'buy' ? this.#buyStops : this.#sellStops).push(order, stop, order.seq);
    } else {
      const price = worstPrice(order);
      if (price === null) this.#unpriced.add(order);
      else (order.side === 'buy' ? this.#buys : this.#sells).push(order, price, order.seq);
    }
  }

  /**
   * Takes out every order that this quote can fill, or that `trigger` (the price that stops look at, 0 if unknown) can
   * trigger or trail, and adds it to `found`. Put each that stays back with `replace`.
   */
  take(quote: Quote, trigger: Fixed, found: Order[]): void {
    const drain = (queue: Queue<Order>, reached: (price: Fixed) => boolean): void => {
      for (let top = queue.peek(); top !== undefined && reached(top.key); top = queue.peek()) {
        queue.pop();
        found.push(top.item);
      }
    };
    const { ask, bid } = quote;
    if (ask > 0n) drain(this.#buys, (limit) => limit >= ask);
    if (bid > 0n) drain(this.#sells, (limit) => limit <= bid);
    if (trigger > 0n) {
      drain(this.#buyStops, (stop) => stop <= trigger);
      drain(this.#sellStops, (stop) => stop >= trigger);
      for (const order of this.#trailing) found.push(order);
      this.#trailing.clear();
    }
    for (const order of this.#unpriced) found.push(order);
    this.#unpriced.clear();
    for (const order of this.#strategies) found.push(order);
    this.#strategies.clear();
  }
}
