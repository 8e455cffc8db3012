/**
 * The project's own exchange as the broker of a storm: the same rules, prices and messages that agents get when there are
 * no keys. Slower than the small ledger, and closer to Alpaca. Must be asked only through its own entry points.
 */
import { Exchange } from '../../src/exchange/exchange.ts';
import { faultPlan } from '../../src/exchange/faults.ts';
import { Book, type BookOrder, type Venue, type VenueAnswer, type VenueSession } from './book.ts';
import { type VirtualTime, worldClock } from './clock.ts';
import type { BrokerPlan } from './plan.ts';

/** The account's keys, as the tower's client sends them. */
const KEYS = { 'apca-api-key-id': 'KEY', 'apca-api-secret-key': 'SECRET' };
/** How often time moves the market when nobody asks. */
const PULSE_US = 5_000_000;

export class ExchangeBroker implements Venue {
  readonly book = new Book();
  readonly #time: VirtualTime;
  readonly #plan: BrokerPlan;
  readonly #exchange: Exchange;
  readonly #bodies = new Map<string, string>();
  #placed = 0;
  #newest = 0;
  #isCalm = false;

  constructor(time: VirtualTime, seed: number, plan: BrokerPlan, moved: (order: BookOrder, event: string) => void) {
    this.#time = time;
    this.#plan = plan;
    this.#exchange = new Exchange({
      clock: worldClock(time),
      seed: `storm-${seed}`,
      rateLimit: { perMinute: plan.perMinute, enforce: true },
      failed: (error) => {
        throw error;
      },
    });
    this.#exchange.engine.onEvent(({ update }) => {
      const { id, client_order_id: clientOrderId, status, filled_qty: filledQty } = update.order;
      if (!this.book.byId.has(id)) {
        const body = this.#bodies.get(clientOrderId) ?? null;
        this.book.add({
          id,
          clientOrderId,
          acceptedAt: time.now,
          body,
          states: [{ status: 'pending_new', filledQty: '0' }],
        });
        this.#newest = time.now;
      }
      this.book.move(id, { status, filledQty });
      const order = this.book.byId.get(id);
      if (order !== undefined) moved(order, update.event);
    });
    this.#setFaults();
    this.#pulse();
  }

  answer(method: string, path: string, headers: Readonly<Record<string, string>>, body: string): VenueAnswer {
    if (method === 'POST')
      this.#bodies.set(String((JSON.parse(body) as Record<string, unknown>)['client_order_id']), body);
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const answer = this.#exchange.handle({ method, url: path, headers: lower, body });
    if (answer.status === 200 && path.startsWith('/v2/orders')) this.#note(JSON.parse(answer.body));
    return {
      ...answer,
      headers: Object.fromEntries(Object.entries(answer.headers).map(([k, v]) => [k.toLowerCase(), v])),
    };
  }

  /** Some states are shown without an event (`pending_cancel`): what the exchange has said, its book says. */
  #note(told: unknown): void {
    for (const order of Array.isArray(told) ? told : [told]) {
      const { id, status, filled_qty: filledQty } = order as Readonly<Record<string, unknown>>;
      const state = { status: String(status), filledQty: String(filledQty) };
      // The answer to a POST is older than the events that the order has already made.
      const known = this.book.byId.get(String(id))?.states ?? [];
      if (!known.some((one) => one.status === state.status && one.filledQty === state.filledQty))
        this.book.move(String(id), state);
    }
  }

  connect(port: { message(bytes: Uint8Array): void; closed(): void }): VenueSession {
    const session = this.#exchange.openStream(
      '/stream',
      {},
      {
        send: (frame) => port.message(typeof frame === 'string' ? Buffer.from(frame) : frame),
        close: () => port.closed(),
        silence: () => {},
        buffered: () => 0,
      },
    );
    return session;
  }

  placeForeign(): void {
    const body = { symbol: 'SPY', qty: '1', side: 'buy', type: 'limit', limit_price: '1.00', time_in_force: 'day' };
    const id = `somebody-else-${this.#placed++}`;
    const text = JSON.stringify({ ...body, client_order_id: id });
    this.#exchange.handle({ method: 'POST', url: '/v2/orders', headers: KEYS, body: text });
  }

  showsAll(): boolean {
    return this.#isCalm || this.#time.now - this.#newest > this.#plan.lookupLagMs * 1000;
  }

  account(): { readonly cash: string; readonly positions: ReadonlyMap<string, string> } {
    const get = <T>(url: string): T => {
      const answer = this.#exchange.handle({ method: 'GET', url, headers: KEYS, body: '' });
      return JSON.parse(answer.body) as T;
    };
    const positions = get<{ symbol: string; qty: string }[]>('/v2/positions');
    return {
      cash: get<{ cash: string }>('/v2/account').cash,
      positions: new Map(positions.map(({ symbol, qty }) => [symbol, qty])),
    };
  }

  calm(): void {
    this.#isCalm = true;
    this.#setFaults();
  }

  #setFaults(): void {
    this.#exchange.setFaults({
      ...faultPlan.parse({}),
      lookup_lag_ms: this.#isCalm ? 0 : this.#plan.lookupLagMs,
      unique_client_order_ids: this.#plan.unique,
    });
  }

  #pulse(): void {
    this.#time.in(PULSE_US, () => {
      this.#exchange.catchUp();
      this.#pulse();
    });
  }
}
