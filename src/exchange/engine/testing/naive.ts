/**
 * A naive twin of the engine for plain stock orders: every question is answered by walking over everything, in integer
 * millionths of a dollar and whole shares, with not a line of the engine's code. Slow, and obvious enough to be believed.
 * For tests only. Must never import from the engine.
 */
export interface NaiveOrder {
  readonly account: string;
  readonly symbol: string;
  readonly side: 'buy' | 'sell';
  readonly type: 'market' | 'limit' | 'stop' | 'stop_limit';
  readonly qty: bigint;
  /** Millionths of a dollar; null where the type has none. */
  readonly limit: bigint | null;
  readonly stop: bigint | null;
  readonly ioc: boolean;
  status: 'new' | 'filled' | 'canceled' | 'replaced';
  fillPrice: bigint;
  triggered: boolean;
  readonly reserve: bigint;
  readonly margin: bigint;
  readonly held: bigint;
}

export interface NaiveQuote {
  readonly bid: bigint;
  readonly ask: bigint;
  readonly last: bigint;
}

export type NaiveBody = Pick<NaiveOrder, 'symbol' | 'side' | 'type' | 'qty' | 'limit' | 'stop' | 'ioc'>;

const DOLLAR = 1_000_000n;
const abs = (x: bigint): bigint => (x < 0n ? -x : x);
const atLeast0 = (x: bigint): bigint => (x > 0n ? x : 0n);

export class NaiveExchange {
  readonly cash = new Map<string, bigint>();
  readonly positions = new Map<string, bigint>();
  readonly quotes = new Map<string, NaiveQuote>();
  /** Every order ever, oldest first. */
  readonly orders: NaiveOrder[] = [];

  qty(account: string, symbol: string): bigint {
    return this.positions.get(`${account} ${symbol}`) ?? 0n;
  }

  open(account: string): NaiveOrder[] {
    return this.orders.filter((order) => order.account === account && order.status === 'new');
  }

  available(account: string, symbol: string): bigint {
    const held = this.open(account)
      .filter((order) => order.symbol === symbol)
      .reduce((sum, order) => sum + order.held, 0n);
    return atLeast0(abs(this.qty(account, symbol)) - held);
  }

  #quote(symbol: string): NaiveQuote {
    const quote = this.quotes.get(symbol);
    if (quote === undefined) throw new Error(`no quote for ${symbol}`);
    return quote;
  }

  worth(account: string): { equity: bigint; gross: bigint; times: bigint; initial: bigint } {
    let equity = this.cash.get(account) ?? 0n;
    let gross = 0n;
    for (const symbol of this.quotes.keys()) {
      const value = this.qty(account, symbol) * this.#quote(symbol).last;
      equity += value;
      gross += abs(value);
    }
    const times = equity < 2000n * DOLLAR ? 1n : 2n;
    return { equity, gross, times, initial: gross / times };
  }

  buyingPower(account: string): bigint {
    const { equity, initial, times } = this.worth(account);
    const taken = this.open(account).reduce((sum, order) => sum + order.reserve, 0n);
    return atLeast0((equity - initial) * times - taken);
  }

  /** The order, or the message with which it is refused. `instead`: an order that it replaces. */
  submit(account: string, body: NaiveBody, instead?: NaiveOrder): NaiveOrder | string {
    // Judge as if the order to be replaced were gone.
    if (instead) instead.status = 'replaced';
    const terms = this.#judge(account, body);
    if (typeof terms === 'string') {
      if (instead) instead.status = 'new';
      return terms;
    }
    const order: NaiveOrder = { ...body, ...terms, account, status: 'new', fillPrice: 0n, triggered: false };
    this.orders.push(order);
    this.#look(order);
    if (order.ioc && order.status === 'new') order.status = 'canceled';
    return order;
  }

  #judge(account: string, body: NaiveBody): Pick<NaiveOrder, 'reserve' | 'margin' | 'held'> | string {
    const { symbol, side, type, qty, limit, stop } = body;
    const quote = this.#quote(symbol);
    const buy = side === 'buy';
    if (type === 'stop' && !buy && stop !== null && stop >= quote.last) {
      return 'stop price must be less than current price';
    }
    const position = this.qty(account, symbol);
    const closing = buy ? position < 0n : position > 0n;
    const available = closing ? this.available(account, symbol) : 0n;
    if (closing && qty > available) {
      return `insufficient qty available for order (requested: ${qty}, available: ${available})`;
    }
    const others = this.open(account).filter((order) => order.symbol === symbol && order.side !== side);
    for (const other of others) {
      const apart = other.limit !== null && limit !== null && (buy ? limit < other.limit : limit > other.limit);
      if (!apart) return 'potential wash trade detected. use complex orders';
    }
    if (closing) return { reserve: 0n, margin: 0n, held: qty };
    const { equity, gross, times, initial } = this.worth(account);
    if (!buy && times === 1n) return 'account is not allowed to short';
    if (others.some((order) => order.held === 0n)) {
      return buy
        ? 'cannot open a long buy while a short sell order is open'
        : 'cannot open a short sell while a long buy order is open';
    }
    if (gross > 6n * atLeast0(equity)) return 'account is restricted to liquidation only';
    const collar = stop === null ? 0n : (stop * 1025n) / 1000n;
    let unit = limit ?? (stop === null ? (buy ? quote.ask : quote.bid) : buy ? collar : stop);
    if (!buy && (quote.ask * 103n) / 100n > unit) unit = (quote.ask * 103n) / 100n;
    const cost = unit * qty;
    if (cost > this.buyingPower(account)) return 'insufficient buying power';
    const margin = cost / times;
    const taken = this.open(account).reduce((sum, order) => sum + order.margin, 0n);
    if (margin > atLeast0(equity - initial - taken)) return 'insufficient buying power';
    return { reserve: cost, margin, held: 0n };
  }

  #look(order: NaiveOrder): void {
    if (order.status !== 'new') return;
    const quote = this.#quote(order.symbol);
    const buy = order.side === 'buy';
    if (order.stop !== null && !order.triggered) {
      if (buy ? quote.last < order.stop : quote.last > order.stop) return;
      order.triggered = true;
    }
    const collar = order.type === 'stop' && buy && order.stop !== null ? (order.stop * 1025n) / 1000n : null;
    const worst = order.limit ?? collar;
    const price = buy ? quote.ask : quote.bid;
    if (worst !== null && (buy ? price > worst : price < worst)) return;
    order.status = 'filled';
    order.fillPrice = price;
    const signed = buy ? order.qty : -order.qty;
    const key = `${order.account} ${order.symbol}`;
    this.positions.set(key, (this.positions.get(key) ?? 0n) + signed);
    this.cash.set(order.account, (this.cash.get(order.account) ?? 0n) - signed * price);
  }

  show(symbol: string, quote: NaiveQuote): void {
    this.quotes.set(symbol, quote);
    for (const order of this.orders) if (order.symbol === symbol) this.#look(order);
  }
}
