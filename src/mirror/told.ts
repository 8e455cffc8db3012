/**
 * How much of the account's history each agent has been told: of its own orders by their answers, of those of others by
 * the answers to its queries. Must never forget a fill that an agent could have read of.
 */
import type { OrderBook } from './orders.ts';

export class Told {
  readonly #orders: OrderBook;
  readonly #seesAll: (agent: string) => boolean;
  /** The step of the newest news in what each agent was shown. */
  readonly #shown = new Map<string, number>();
  /** The step at which each agent last saw a list of open orders. */
  readonly #looked = new Map<string, number>();

  /** `seesAll`: those who are shown no less than any other. */
  constructor(orders: OrderBook, seesAll: (agent: string) => boolean) {
    this.#orders = orders;
    this.#seesAll = seesAll;
  }

  /** The step of the newest news that this agent can have read. */
  upTo(agent: string): number {
    if (this.#seesAll(agent)) return this.#orders.changedAt;
    return Math.max(this.#orders.changedFor(agent), this.#shown.get(agent) ?? 0);
  }

  /** It is shown something in which news of this step can be seen. */
  shows(agent: string, step: number): void {
    if (step > (this.#shown.get(agent) ?? 0)) this.#shown.set(agent, step);
  }

  /** 0 before its first look. */
  lookedAt(agent: string): number {
    return this.#looked.get(agent) ?? 0;
  }

  looks(agent: string, step: number): void {
    this.#looked.set(agent, step);
  }
}
