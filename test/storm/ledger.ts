/**
 * A small broker: the order endpoints of Alpaca and its trade_updates, fast enough for millions of seeds. Orders fill,
 * expire, are turned away and canceled by chance. Must never answer what its book does not say, except for the lags
 * that the plan gives to look-ups and lists.
 */

import { TradeUpdatesSession } from '../../src/exchange/stream/trade-updates.ts';
import { isoMicros } from '../../src/lib/clock.ts';
import { below, chance, fraction, pick, type Random, uuid } from '../../src/lib/random.ts';
import { Book, type BookOrder, type Venue, type VenueAnswer, type VenueSession } from './book.ts';
import { type VirtualTime, wallOf } from './clock.ts';
import type { BrokerPlan } from './plan.ts';

interface Order extends BookOrder {
  readonly asked: Readonly<Record<string, unknown>>;
  readonly submittedAt: string;
  readonly lookupFrom: number;
  readonly listFrom: number;
  readonly qty: number;
  filled: number;
  status: string;
  updatedAt: string;
  json: string;
  endedAt: string | null;
}

type Body = Readonly<Record<string, unknown>>;

/** A whole number of so many decimals as text. */
function fixed(value: number, digits: number): string {
  const text = String(Math.abs(value)).padStart(digits + 1, '0');
  return `${value < 0 ? '-' : ''}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

interface Fill {
  readonly order: Order;
  readonly at: string;
  readonly row: Body;
}

/** Everything costs a hundred dollars; a contract is a hundred of it. */
const CENTS = 10_000;
const unitOf = (symbol: string): number => (/\d{6}[CP]\d{8}$/.test(symbol) ? CENTS * 100 : CENTS);

const HEADERS = { 'content-type': 'application/json; charset=UTF-8' };
const OPEN: ReadonlySet<string> = new Set(['new', 'accepted', 'pending_new', 'partially_filled', 'pending_cancel']);

export class LedgerBroker implements Venue {
  readonly book = new Book();
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #plan: BrokerPlan;
  readonly #orders: Order[] = [];
  readonly #sessions = new Set<TradeUpdatesSession>();
  readonly #moved: (order: BookOrder, event: string) => void;
  readonly #fills: Fill[] = [];
  /** Cents, and billionths of units by symbol as positions name it. */
  #cash = 10_000_000;
  readonly #positions = new Map<string, number>();
  #isCalm = false;
  #stamped = 0;
  #nanos = 0;
  #windowEnds = 0;
  #used = 0;

  constructor(time: VirtualTime, random: Random, plan: BrokerPlan, moved: (order: BookOrder, event: string) => void) {
    this.#time = time;
    this.#random = random;
    this.#plan = plan;
    this.#moved = moved;
  }

  calm(): void {
    this.#isCalm = true;
  }

  answer(method: string, path: string, _headers: Readonly<Record<string, string>>, body: string): VenueAnswer {
    const budget = this.#budget();
    const [route = '', query = ''] = path.split('?', 2);
    const granted = budget['x-ratelimit-over'] === undefined;
    const plain = granted
      ? this.#route(method, route, new URLSearchParams(query), body)
      : refusal(429, 42910000, 'rate limit exceeded');
    return { ...plain, headers: { ...HEADERS, ...budget } };
  }

  connect(port: { message(bytes: Uint8Array): void; closed(): void }): VenueSession {
    const session = new TradeUpdatesSession(
      {
        send: (frame) => port.message(typeof frame === 'string' ? Buffer.from(frame) : frame),
        close: () => port.closed(),
        silence: () => {},
        buffered: () => 0,
      },
      { codec: 'json', authenticate: () => 'account' },
    );
    this.#sessions.add(session);
    return {
      receive: (text) => session.receive(text),
      ended: () => {
        this.#sessions.delete(session);
      },
    };
  }

  account(): { readonly cash: string; readonly positions: ReadonlyMap<string, string> } {
    const open = [...this.#positions].filter(([, qty]) => qty !== 0);
    return {
      cash: fixed(this.#cash, 2),
      positions: new Map(open.map(([symbol, qty]) => [symbol, fixed(qty, 9)])),
    };
  }

  showsAll(): boolean {
    return this.#orders.every(({ lookupFrom, listFrom }) => Math.max(lookupFrom, listFrom) <= this.#time.now);
  }

  placeForeign(): void {
    const asked = { symbol: 'SPY', qty: '3', side: 'buy', type: 'limit', limit_price: '1.00', time_in_force: 'day' };
    this.#accept({ ...asked, client_order_id: uuid(this.#random) }, null);
  }

  #budget(): Record<string, string> {
    const seconds = wallOf(this.#time.now) / 1e6;
    if (seconds >= this.#windowEnds) {
      this.#windowEnds = Math.ceil(seconds + 60);
      this.#used = 0;
    }
    const left = this.#plan.perMinute - this.#used;
    if (this.#plan.perMinute > 1_000) return {};
    const told = {
      'x-ratelimit-remaining': String(Math.max(0, left - 1)),
      'x-ratelimit-reset': String(this.#windowEnds),
    };
    if (left <= 0) return { ...told, 'x-ratelimit-over': '1' };
    this.#used++;
    return told;
  }

  #route(method: string, route: string, query: URLSearchParams, body: string): Omit<VenueAnswer, 'headers'> {
    if (method === 'POST' && route === '/v2/orders') return this.#submit(body);
    if (method === 'GET' && route === '/v2/orders') return this.#list(query);
    if (method === 'GET' && route === '/v2/orders:by_client_order_id')
      return this.#lookup(query.get('client_order_id') ?? '');
    if (route.startsWith('/v2/orders/')) {
      const order = this.book.byId.get(route.slice('/v2/orders/'.length)) as Order | undefined;
      if (order === undefined) return refusal(404, 40410000, 'order not found');
      return method === 'DELETE' ? this.#cancel(order) : { status: 200, body: order.json };
    }
    if (method === 'GET' && route === '/v2/account')
      return { status: 200, body: JSON.stringify({ ...ACCOUNT, cash: this.account().cash }) };
    if (method === 'GET' && route === '/v2/positions') return { status: 200, body: this.#held() };
    if (method === 'GET' && route === '/v2/account/activities') return this.#history(query);
    if (method === 'GET' && route.startsWith('/v2/stocks/')) return { status: 200, body: '{"quotes":{}}' };
    return refusal(404, 40410000, 'endpoint not found');
  }

  #held(): string {
    const rows = [...this.account().positions].map(([symbol, qty]) => ({
      symbol,
      qty,
      asset_class: 'us_equity',
      avg_entry_price: '100',
      current_price: '100',
    }));
    return JSON.stringify(rows);
  }

  /** Executions, oldest first; like the list, it lags. */
  #history(query: URLSearchParams): Omit<VenueAnswer, 'headers'> {
    const after = comparable(query.get('after') ?? '');
    const token = query.get('page_token');
    const from = token === null ? 0 : this.#fills.findIndex(({ row }) => row['id'] === token) + 1;
    const rows = this.#fills
      .slice(from)
      .filter(({ order, at }) => order.listFrom <= this.#time.now && comparable(at) > after)
      .slice(0, Number(query.get('page_size') ?? 100))
      .map(({ row }) => row);
    const isTrades = query.get('category') !== 'non_trade_activity';
    return { status: 200, body: JSON.stringify(isTrades ? rows : []) };
  }

  #settle(order: Order, qty: number): void {
    const symbol = String(order.asked['symbol'] ?? '').replace('/', '');
    const signed = Math.round((order.asked['side'] === 'buy' ? qty : -qty) * 1e9);
    this.#cash -= Math.round((signed * unitOf(symbol)) / 1e9);
    this.#positions.set(symbol, (this.#positions.get(symbol) ?? 0) + signed);
    const { id, asked, filled, updatedAt: at } = order;
    const row = {
      id: `${this.#fills.length}::${id}`,
      activity_type: 'FILL',
      cum_qty: String(filled),
      price: '100',
      qty: String(qty),
      side: asked['side'],
      symbol: asked['symbol'],
      order_id: id,
      transaction_time: at,
    };
    this.#fills.push({ order, at, row });
  }

  #submit(body: string): Omit<VenueAnswer, 'headers'> {
    const asked = JSON.parse(body) as Body;
    const id = String(asked['client_order_id']);
    const isUsed = this.#plan.unique && this.book.byClientId.has(id);
    const duplicate = refusal(422, 40010001, 'client_order_id must be unique');
    if (isUsed && this.#plan.uniqueFirst) return duplicate;
    if (!this.#isCalm && chance(this.#random, this.#plan.poor))
      return refusal(403, 40310000, 'insufficient buying power');
    if (isUsed) return duplicate;
    if (!this.#isCalm && chance(this.#random, this.#plan.invalid))
      return refusal(422, 42210000, 'asset "AAPL" is not tradable');
    const order = this.#accept(asked, body);
    return { status: 200, body: order.json };
  }

  #accept(asked: Body, body: string | null): Order {
    const at = this.#stamp();
    const lag = (ms: number): number => this.#time.now + (this.#isCalm ? 0 : ms * 1000 * fraction(this.#random));
    const order: Order = {
      id: uuid(this.#random),
      clientOrderId: String(asked['client_order_id']),
      acceptedAt: this.#time.now,
      body,
      states: [],
      asked,
      submittedAt: at,
      lookupFrom: lag(this.#plan.lookupLagMs),
      listFrom: lag(this.#plan.listLagMs),
      qty: Number(asked['qty'] ?? 1),
      filled: 0,
      status: '',
      updatedAt: at,
      json: '',
      endedAt: null,
    };
    this.#orders.push(order);
    this.book.add(order);
    this.#move(order, pick(this.#random, ['new', 'accepted', 'pending_new']), 0, 'new');
    if (body !== null) this.#fate(order);
    return order;
  }

  /** What will become of an order, if nobody cancels it before. */
  #fate(order: Order): void {
    const { rejectLater, fills, partial, fillMs } = this.#plan;
    const wait = (): number => fillMs * 1000 * (0.2 + fraction(this.#random));
    const later = (run: () => void): void => {
      this.#time.in(wait(), () => {
        if (OPEN.has(order.status) && order.status !== 'pending_cancel') run();
      });
    };
    if (chance(this.#random, rejectLater)) {
      later(() => this.#move(order, 'rejected', 0, 'rejected'));
    } else if (chance(this.#random, fills)) {
      const steps = chance(this.#random, partial) ? 1 + below(this.#random, 3) : 0;
      const next = (left: number): void => {
        const room = order.qty - order.filled;
        if (left > 0 && room > 1) {
          this.#fill(order, Math.max(1, Math.floor(room / 2)));
          later(() => next(left - 1));
        } else this.#fill(order, room);
      };
      later(() => next(steps));
    } else if (chance(this.#random, 0.3)) {
      later(() => this.#move(order, 'expired', order.filled, 'expired'));
    }
  }

  #fill(order: Order, qty: number): void {
    const filled = order.filled + qty;
    const whole = filled >= order.qty;
    this.#move(order, whole ? 'filled' : 'partially_filled', filled, whole ? 'fill' : 'partial_fill', qty);
  }

  #cancel(order: Order): Omit<VenueAnswer, 'headers'> {
    if (!OPEN.has(order.status)) return refusal(422, 42210000, `order is already in "${order.status}" state`);
    if (order.status === 'pending_cancel') return refusal(422, 42210000, 'order is pending cancel');
    this.#move(order, 'pending_cancel', order.filled, 'pending_cancel');
    this.#time.in(this.#plan.cancelMs * 1000 * fraction(this.#random), () => {
      if (order.status !== 'pending_cancel') return;
      if (!this.#isCalm && chance(this.#random, this.#plan.fillWhileCancelling))
        this.#fill(order, order.qty - order.filled);
      else this.#move(order, 'canceled', order.filled, 'canceled');
    });
    return { status: 204, body: '' };
  }

  #lookup(clientOrderId: string): Omit<VenueAnswer, 'headers'> {
    const order = (this.book.byClientId.get(clientOrderId) as Order[] | undefined)?.find(
      ({ lookupFrom }) => lookupFrom <= this.#time.now,
    );
    return order === undefined ? refusal(404, 40410000, 'order not found') : { status: 200, body: order.json };
  }

  #list(query: URLSearchParams): Omit<VenueAnswer, 'headers'> {
    const status = query.get('status') ?? 'open';
    const after = comparable(query.get('after') ?? '');
    const until = query.get('until');
    const limit = Number(query.get('limit') ?? 50);
    const found = this.#orders.filter(
      (order) =>
        order.listFrom <= this.#time.now &&
        (status === 'all' || OPEN.has(order.status) === (status === 'open')) &&
        comparable(order.submittedAt) > after &&
        (until === null || comparable(order.submittedAt) < comparable(until)),
    );
    if (query.get('direction') !== 'asc') found.reverse();
    return { status: 200, body: `[${found.slice(0, limit).map(({ json }) => json)}]` };
  }

  #move(order: Order, status: string, filled: number, event: string, qty?: number): void {
    const at = this.#stamp();
    order.status = status;
    order.filled = filled;
    order.updatedAt = at;
    if (!OPEN.has(status)) order.endedAt = at;
    order.json = JSON.stringify(shown(order));
    this.book.move(order.id, { status, filledQty: String(filled) });
    // A strategy is no symbol: this broker has no legs, and books nothing for it.
    if (qty !== undefined && qty > 0 && typeof order.asked['symbol'] === 'string') this.#settle(order, qty);
    this.#moved(order, event);
    if (this.#sessions.size === 0) return;
    const update = {
      event,
      execution_id: uuid(this.#random),
      timestamp: at,
      order: JSON.parse(order.json) as Body,
      ...(qty === undefined ? {} : { price: '100', qty: String(qty), position_qty: String(filled) }),
    };
    for (const session of this.#sessions) session.publish(update);
  }

  /** Microseconds of the wall, and three more digits that make every moment later than the one before. */
  #stamp(): string {
    this.#nanos = this.#stamped === this.#time.now ? this.#nanos + 1 : 0;
    this.#stamped = this.#time.now;
    return isoMicros(wallOf(this.#time.now)).replace('Z', `${String(this.#nanos).padStart(3, '0')}Z`);
  }
}

const comparable = (time: string): string => time.replace(/Z$/, '').padEnd(29, '0');

const refusal = (status: number, code: number, message: string): Omit<VenueAnswer, 'headers'> => ({
  status,
  body: JSON.stringify({ code, message }),
});

const ACCOUNT = {
  id: '7d0bc4b7-0f3c-4a3f-9b6c-3f1c1b4e9f10',
  account_number: 'PA3STORM',
  status: 'ACTIVE',
  currency: 'USD',
  cash: '100000',
  buying_power: '200000',
  trading_blocked: false,
  account_blocked: false,
  trade_suspended_by_user: false,
};

/** The order as Alpaca shows it (Alpaca docs: orders). */
function shown(order: Order): Body {
  const { asked } = order;
  const given = (name: string): unknown => asked[name] ?? null;
  return {
    id: order.id,
    client_order_id: order.clientOrderId,
    created_at: order.submittedAt,
    updated_at: order.updatedAt,
    submitted_at: order.submittedAt,
    filled_at: order.status === 'filled' ? order.endedAt : null,
    canceled_at: order.status === 'canceled' ? order.endedAt : null,
    symbol: given('symbol'),
    asset_class: 'us_equity',
    notional: given('notional'),
    qty: given('qty'),
    filled_qty: String(order.filled),
    filled_avg_price: order.filled > 0 ? '100' : null,
    order_class: given('order_class') ?? '',
    type: given('type'),
    side: given('side'),
    time_in_force: given('time_in_force'),
    limit_price: given('limit_price'),
    stop_price: given('stop_price'),
    status: order.status,
    extended_hours: asked['extended_hours'] === true,
    legs: null,
    position_intent: given('position_intent'),
  };
}
