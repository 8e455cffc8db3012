/**
 * ADAPTER: one Alpaca account behind the Broker port. Must never repeat a request, follow a redirect, believe an answer
 * it has not verified, or let a key into a reason, an error or a log.
 */
import type { Clock } from '../../lib/clock.ts';
import { isJsonObject } from '../../lib/json.ts';
import type { Random } from '../../lib/random.ts';
import type { ClientOrderId, Mode } from '../../order/name.ts';
import type { MarketDataRequest, TradeRequest } from '../../order/request.ts';
import {
  ACTIVITY_PAGE,
  type Account,
  type Activity,
  type ActivityQuery,
  type Broker,
  type BrokerOrder,
  type Budget,
  type HostName,
  type MarketDataAnswer,
  type MarketDataPart,
  type OrderListQuery,
  type Outcome,
  type Position,
  type QuoteListener,
  type QuoteStream,
  type Stream,
  type StreamListener,
  type Wire,
} from '../broker.ts';
import { quoteStream } from './data-stream.ts';
import { differences, encode, ORDERS_PATH } from './encode.ts';
import { marketDataPath, marketDataPlan, readMarketData } from './market-data.ts';
import type { HttpRequest, HttpResult, Network } from './network.ts';
import { type Answer, alreadyCanceled, type Call, header, judge, numberHeader } from './outcome.ts';
import { readAccount, readActivities, readOrder, readOrders, readPositions } from './read.ts';
import type { Skew } from './skew.ts';
import { tradeStream } from './stream.ts';
import { readJson } from './wire-json.ts';

interface Timeouts {
  /** Milliseconds from handing over the request to the last byte of the answer. */
  readonly orderMs: number;
  readonly cancelMs: number;
  readonly readMs: number;
}
const DEFAULT_TIMEOUTS: Timeouts = { orderMs: 10_000, cancelMs: 10_000, readMs: 10_000 };

export interface AlpacaOptions {
  readonly mode: Mode;
  /** Trading host: `https://paper-api.alpaca.markets`, `https://api.alpaca.markets` or an exchange of one's own. */
  readonly baseUrl: string;
  /** Market data host: `https://data.alpaca.markets`. */
  readonly dataUrl: string;
  /** Read anew at each request, so that they can be exchanged. */
  readonly keys: { readonly id: string; readonly secret: string };
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeouts?: Partial<Timeouts>;
  /** Told the date of every answer of the trading host. */
  readonly skew?: Skew;
}

const JSON_TYPE = 'application/json';
const MEGABYTE = 1024 * 1024;
const MAX_BYTES = 4 * MEGABYTE;
/** 500 nested orders, or every position of a large account. */
const MAX_LIST_BYTES = 32 * MEGABYTE;

/** Throws a TypeError for URLs or keys that cannot work, naming the option. */
export const alpacaBroker = (options: AlpacaOptions): Broker => new AlpacaBroker(options);

class AlpacaBroker implements Broker {
  readonly mode: Mode;
  readonly #options: AlpacaOptions;
  readonly #timeouts: Timeouts;
  readonly #hosts: Readonly<Record<HostName, Host>>;
  readonly #budgetListeners: ((budget: Budget, host: HostName) => void)[] = [];
  readonly #streams = new Set<Pick<Stream, 'stop'>>();

  constructor(options: AlpacaOptions) {
    this.mode = options.mode;
    this.#options = options;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.#hosts = { trading: hostOf('baseUrl', options.baseUrl), data: hostOf('dataUrl', options.dataUrl) };
    // Keys that cannot work are told at once.
    this.#headers();
  }

  #headers(): Readonly<Record<string, string>> {
    const { id, secret } = this.#options.keys;
    return {
      'APCA-API-KEY-ID': key('keys.id', id),
      'APCA-API-SECRET-KEY': key('keys.secret', secret),
      accept: JSON_TYPE,
    };
  }

  encode(trade: TradeRequest): Wire {
    return encode(trade);
  }

  differences(wire: Wire, order: BrokerOrder): readonly string[] {
    return differences(wire, order);
  }

  async submit(wire: Wire, mayLeave: () => boolean): Promise<Outcome<BrokerOrder>> {
    const { orderMs } = this.#timeouts;
    const result = await this.#trade(wire.method, wire.path, { body: wire.body, timeoutMs: orderMs, mayLeave });
    return this.#outcome(result, 'order', ({ body }) => {
      const order = readOrder(readJson(body), body.trim());
      if (order === null) return 'no order in it';
      const differing = differences(wire, order);
      return differing.length === 0
        ? done(order)
        : `an order that differs from the one sent in ${differing.join(', ')} (id ${order.id.slice(0, 40)})`;
    });
  }

  async lookup(clientOrderId: ClientOrderId | string): Promise<Outcome<BrokerOrder>> {
    const path = `${ORDERS_PATH}:by_client_order_id?client_order_id=${encodeURIComponent(clientOrderId)}`;
    return this.#one(path, (order) => order.clientOrderId === clientOrderId);
  }

  async order(id: string): Promise<Outcome<BrokerOrder>> {
    return this.#one(`${ORDERS_PATH}/${encodeURIComponent(id)}?nested=true`, (order) => order.id === id);
  }

  async cancel(id: string): Promise<Outcome<null>> {
    const path = `${ORDERS_PATH}/${encodeURIComponent(id)}`;
    const result = await this.#trade('DELETE', path, { timeoutMs: this.#timeouts.cancelMs });
    const outcome = this.#outcome(result, 'cancel', ({ body }) =>
      // Alpaca answers 204; a page of something in between is not its word.
      body.trim() === '' || isJsonObject(readJson(body)) ? done(null) : 'something that is not JSON',
    );
    return outcome.kind === 'rejected' && alreadyCanceled(outcome) ? done(null) : outcome;
  }

  async orders(query: OrderListQuery): Promise<Outcome<readonly BrokerOrder[]>> {
    const result = await this.#trade('GET', `${ORDERS_PATH}${queryOf(query)}`, { maxBytes: MAX_LIST_BYTES });
    return this.#outcome(result, 'read', ({ body }) => {
      const orders = readOrders(readJson(body));
      return orders === null ? 'no list of orders in it' : done(orders);
    });
  }

  async account(): Promise<Outcome<Account>> {
    const result = await this.#trade('GET', '/v2/account');
    return this.#outcome(result, 'read', ({ body }) => {
      const account = readAccount(readJson(body), body.trim());
      return account === null ? 'no account in it' : done(account);
    });
  }

  async positions(): Promise<Outcome<readonly Position[]>> {
    const result = await this.#trade('GET', '/v2/positions', { maxBytes: MAX_LIST_BYTES });
    return this.#outcome(result, 'read', ({ body }) => {
      const positions = readPositions(readJson(body));
      return positions === null ? 'no list of positions in it' : done(positions);
    });
  }

  async activities({ after, pageToken, category }: ActivityQuery): Promise<Outcome<readonly Activity[]>> {
    const query = new URLSearchParams({ direction: 'asc', page_size: String(ACTIVITY_PAGE), after });
    if (pageToken !== undefined) query.set('page_token', pageToken);
    if (category !== undefined) query.set('category', category);
    const result = await this.#trade('GET', `/v2/account/activities?${query.toString()}`);
    return this.#outcome(result, 'read', ({ body }) => {
      const activities = readActivities(readJson(body));
      return activities === null ? 'no list of activities in it' : done(activities);
    });
  }

  marketDataPlan(request: Pick<MarketDataRequest, 'symbols' | 'dataType'>): readonly MarketDataPart[] {
    return marketDataPlan(request);
  }

  async marketData(part: MarketDataPart): Promise<Outcome<MarketDataAnswer>> {
    const result = await this.#send('data', 'GET', marketDataPath(part), {});
    return this.#outcome(result, 'read', ({ body }) => {
      const answer = readMarketData(part, readJson(body));
      return answer === null ? `no ${part.dataType}s in it` : done(answer);
    });
  }

  stream(listener: StreamListener): Stream {
    const { keys, network, clock, random } = this.#options;
    const url = `${this.#hosts.trading.origin.replace(/^http/, 'ws')}${this.#hosts.trading.prefix}/stream`;
    const stream = tradeStream({ url, keys, network, clock, random }, listener);
    this.#streams.add(stream);
    return stream;
  }

  quotes(kind: 'stock' | 'crypto', listener: QuoteListener): QuoteStream {
    const { keys, network, clock, random } = this.#options;
    const { origin, prefix } = this.#hosts.data;
    // Alpaca streams on a host of its own: data.alpaca.markets → stream.data.alpaca.markets.
    const base = origin.replace(/^http/, 'ws').replace(/(?<=\/\/)data\./, 'stream.data.') + prefix;
    // Requests are answered from the best feed that the plan has; so is the stream.
    const paths = kind === 'crypto' ? ['/v1beta3/crypto/us'] : ['/v2/sip', '/v2/iex'];
    const stream = quoteStream({ urls: paths.map((path) => base + path), keys, network, clock, random }, listener);
    this.#streams.add(stream);
    return stream;
  }

  onBudget(listener: (budget: Budget, host: HostName) => void): void {
    this.#budgetListeners.push(listener);
  }

  /** Stops the streams and closes the network it was given. */
  async close(): Promise<void> {
    for (const stream of this.#streams) stream.stop();
    this.#streams.clear();
    await this.#options.network.close();
  }

  /** One order. An answer about another order than the one asked for proves nothing. */
  async #one(path: string, isIt: (order: BrokerOrder) => boolean): Promise<Outcome<BrokerOrder>> {
    const result = await this.#trade('GET', path);
    return this.#outcome(result, 'read', ({ body }) => {
      const order = readOrder(readJson(body), body.trim());
      if (order === null) return 'no order in it';
      return isIt(order) ? done(order) : `another order (id ${order.id.slice(0, 40)})`;
    });
  }

  #trade(method: HttpRequest['method'], path: string, more: SendOptions = {}): Promise<HttpResult> {
    return this.#send('trading', method, path, more);
  }

  /** One request; what the answer says about the budget is passed on. */
  async #send(name: HostName, method: HttpRequest['method'], path: string, more: SendOptions): Promise<HttpResult> {
    const host = this.#hosts[name];
    const { body = '', timeoutMs = this.#timeouts.readMs, maxBytes = MAX_BYTES, mayLeave } = more;
    const leftAt = this.#options.clock.monotonic();
    const result = await this.#options.network.request({
      method,
      origin: host.origin,
      path: `${host.prefix}${path}`,
      headers: body === '' ? this.#headers() : { ...this.#headers(), 'content-type': JSON_TYPE },
      body,
      timeoutMs,
      maxBytes,
      ...(mayLeave === undefined ? {} : { mayLeave }),
    });
    if (result.kind === 'answer') {
      if (name === 'trading') this.#options.skew?.heard(header(result.headers, 'date'), leftAt);
      const remaining = numberHeader(result.headers, 'x-ratelimit-remaining');
      const resetAt = numberHeader(result.headers, 'x-ratelimit-reset');
      const limit = numberHeader(result.headers, 'x-ratelimit-limit');
      if (remaining !== null || resetAt !== null) {
        for (const listener of this.#budgetListeners) listener({ remaining, resetAt, limit }, name);
      }
    }
    return result;
  }

  /** `verify` turns a 2xx into an outcome, or says what is wrong with it. */
  #outcome<T>(result: HttpResult, call: Call, verify: (answer: Answer) => Outcome<T> | string): Outcome<T> {
    const judged = judge(result, call, this.#options.clock.now() / 1_000);
    if (judged !== null) return judged;
    const answer = result as Answer;
    const type = header(answer.headers, 'content-type') ?? JSON_TYPE;
    const verified =
      answer.body === '' || type.startsWith(JSON_TYPE) ? verify(answer) : `${type.slice(0, 60)}, not JSON`;
    if (typeof verified !== 'string') return verified;
    return { kind: 'unknown', reason: `the broker answered ${answer.status} with ${verified}`, status: answer.status };
  }
}

interface SendOptions {
  readonly body?: string;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly mayLeave?: (() => boolean) | undefined;
}

const done = <T>(value: T): Outcome<T> => ({ kind: 'done', value });

interface Host {
  readonly origin: string;
  /** Path before every endpoint's own, without a slash at its end; "" as a rule. */
  readonly prefix: string;
}

function hostOf(option: string, text: string): Host {
  const url = URL.canParse(text) ? new URL(text) : null;
  // The text is not repeated: a URL may carry credentials.
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new TypeError(`${option} is no http(s) URL; give one such as https://paper-api.alpaca.markets`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TypeError(`${option} must have no credentials, query or fragment; give scheme, host and path only`);
  }
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') };
}

function key(option: string, text: string): string {
  if (!/^[\x21-\x7e]{1,512}$/.test(text)) {
    throw new TypeError(
      `${option} must be 1 to 512 printable ASCII characters without blanks; check for a stray line end`,
    );
  }
  return text;
}

/** The filter of crypto pairs takes them without the slash (Alpaca docs: GET /v2/orders). */
function queryOf({ symbols, nested, limit, ...rest }: OrderListQuery): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) query.set(name, value);
  if (limit !== undefined) query.set('limit', String(limit));
  if (nested !== undefined) query.set('nested', String(nested));
  if (symbols !== undefined && symbols.length > 0) {
    query.set('symbols', symbols.map((symbol) => symbol.replace('/', '')).join(','));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
