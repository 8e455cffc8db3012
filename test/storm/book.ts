/**
 * What the broker's book says of each order, now and at every moment before: the measure of every statement of the
 * tower. Must never learn anything from the tower.
 */

/** One order of the account, with everything it ever was. */
export interface BookOrder {
  readonly id: string;
  readonly clientOrderId: string;
  /** Microseconds of virtual time at which it was accepted. */
  readonly acceptedAt: number;
  /** The body that made it; null for an order that somebody else placed. */
  readonly body: string | null;
  readonly states: BookState[];
}

export interface BookState {
  readonly status: string;
  readonly filledQty: string;
}

export class Book {
  readonly byClientId = new Map<string, BookOrder[]>();
  readonly byId = new Map<string, BookOrder>();

  add(order: BookOrder): void {
    this.byId.set(order.id, order);
    const same = this.byClientId.get(order.clientOrderId);
    if (same === undefined) this.byClientId.set(order.clientOrderId, [order]);
    else same.push(order);
  }

  move(id: string, state: BookState): void {
    const order = this.byId.get(id);
    const last = order?.states.at(-1);
    if (order === undefined || (last?.status === state.status && last.filledQty === state.filledQty)) return;
    order.states.push(state);
  }
}

const ENDED: ReadonlySet<string> = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);
export const isEnded = (state: BookState | undefined): boolean => state !== undefined && ENDED.has(state.status);

export interface VenueAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface VenueSession {
  receive(text: string): void;
  ended(): void;
}

/** A broker without a network: the ledger below, or the project's own exchange. */
export interface Venue {
  readonly book: Book;
  answer(method: string, path: string, headers: Readonly<Record<string, string>>, body: string): VenueAnswer;
  connect(port: { message(bytes: Uint8Array): void; closed(): void }): VenueSession;
  /** Somebody else uses the account: an order that is none of ours. */
  placeForeign(): void;
  /** Whether look-ups and lists show every order by now. */
  showsAll(): boolean;
  /** What the account holds now: USD, and the quantity of each position. */
  account(): { readonly cash: string; readonly positions: ReadonlyMap<string, string> };
  /** From now on nothing lags, and nothing is refused by chance. */
  calm(): void;
}
