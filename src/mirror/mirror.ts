/**
 * What is known of one account at the broker, kept current by whatever passes between the tower and it: one per mode.
 * Every request to the broker goes through `mirror.broker`, so that its answers are seen; queries ask the mirror, which
 * asks the broker only for what it does not know well enough, and once for all who ask.
 *
 * For those who decide on what is held (limits, conflicts, price collars), without a request and without waiting:
 *   mirror.known.positions()  mirror.known.account()  mirror.known.openOrders()  mirror.known.quote(symbol)
 * each null before the first word, else the value, `asOf` (when it was asked), `ageMs`, and `isCurrent`: no order of the
 * account has changed since. To have them newer: `await mirror.positions(asker)`, and so on.
 *
 * Must never answer with something older than its asker accepts, or than what he has been told of an order: whoever has
 * read of a fill finds it in the orders, the positions and the account. Orders are never older than what anybody was
 * told; positions and account may lack what happened to the orders of others, for `rereadMs` at most.
 */
import type {
  Account,
  Broker,
  BrokerOrder,
  MarketDataAnswer,
  MarketDataPart,
  OrderListQuery,
  Outcome,
  Position,
} from '../broker/broker.ts';
import { nextBound } from '../broker/paging.ts';
import type { Clock, Micros } from '../lib/clock.ts';
import type { OrderListRequest, OrderRef } from '../order/request.ts';
import { Live } from './live.ts';
import { MarketDataBook, type Values } from './market-data.ts';
import { type Moment, meets, type Need, Steps } from './moment.ts';
import { observed } from './observed.ts';
import { type Listed, OrderBook } from './orders.ts';
import { type Effort, Shared, type Shown } from './shared.ts';
import { Told } from './told.ts';

export interface MirrorSettings {
  /** Milliseconds; 0: what is held is never an answer. */
  readonly ordersMaxAgeMs: number;
  readonly positionsMaxAgeMs: number;
  readonly accountMaxAgeMs: number;
  readonly marketDataMaxAgeMs: number;
  /** After an order has changed, positions, account and orders are read anew at most this often. */
  readonly rereadMs: number;
  /** Symbols of which quotes are streamed, of each kind; 0: none. */
  readonly streamSymbols: number;
  /** Orders kept. */
  readonly ordersKept: number;
}

/** On whose behalf, how long he waits (monotonic milliseconds), and what age he accepts (null: what the settings say). */
export interface Asker {
  readonly agent: string;
  readonly deadline: number;
  readonly maxAgeMs: number | null;
}

/** Asks the broker within the budget. Null when the tower stops, or the deadline passes first. */
type Ask = <T>(
  call: () => Promise<Outcome<T>>,
  how: { readonly agent: string; readonly deadline: number; readonly host: 'trading' | 'data' },
) => Promise<Outcome<T> | null>;

export interface MirrorOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly settings: MirrorSettings;
  readonly ask: Ask;
  /** It acts on what all agents do, and is shown no less than any of them. */
  seesAll(agent: string): boolean;
  notice(level: 'info', text: string, remedy: string): void;
  /** What nobody waits for has thrown: the journal failed, or an invariant is broken. */
  fatal(error: unknown): void;
}

/** An answer, and where it is from; or what came of asking. Null: the tower stops, or the deadline has passed. */
export type Answered<T> =
  | { readonly kind: 'done'; readonly value: T; readonly asOf: Micros; readonly source: 'alpaca' | 'mirror' }
  | { readonly kind: 'failed'; readonly outcome: Exclude<Outcome<T>, { kind: 'done' }> }
  | null;

/** What is held, for those who decide at once. */
export interface Known<T> {
  readonly value: T;
  /** When the request left that told it; orders may be newer. */
  readonly asOf: Micros;
  readonly ageMs: number;
  /** No order of this account is known to have changed since. */
  readonly isCurrent: boolean;
}

/** Nobody in particular asks: the answer is for all. */
const ALL = '';
/** Where the mirror's own lists begin before the newest order: late ones may still turn up. */
const OVERLAP_US = 60_000_000;
const PAGE = 500;
/** From so many missing orders on the open ones are listed before each is asked for. */
const ONE_BY_ONE = 3;
/** News of an order are often followed by its reading anew within this time. */
const RELIEF_MS = 250;
/** From this share of its age on, what is asked for is read anew ahead of time. */
const AHEAD = 0.9;
const LISTS_KEPT = 16;
const LOOKUPS_KEPT = 512;

export class Mirror {
  /** The broker, watched: every request has to go through it. */
  readonly broker: Broker;
  /** Requests that did not have to leave so far: the answer was held, or came with the request of somebody else. */
  readonly saved = { trading: 0, data: 0 };
  readonly #o: MirrorOptions;
  readonly #steps: Steps;
  readonly #orders: OrderBook;
  readonly #market: MarketDataBook;
  readonly #live: Live;
  readonly #positions: Shared<readonly Position[]>;
  readonly #account: Shared<Account>;
  readonly #books: Shared<true>;
  readonly #lists: Shared<readonly BrokerOrder[]>;
  readonly #lookups: Shared<BrokerOrder>;
  readonly #told: Told;
  /** When a reading of each kind left last. */
  readonly #readAt = new Map<string, Moment>();

  constructor(options: MirrorOptions) {
    this.#o = options;
    this.#steps = new Steps(options.clock);
    this.#orders = new OrderBook(options.settings.ordersKept);
    this.#told = new Told(this.#orders, (agent) => agent === ALL || options.seesAll(agent));
    this.#market = new MarketDataBook(this.#steps);
    const leaves = (): Moment => this.#steps.next();
    this.#positions = new Shared(leaves, 1);
    this.#account = new Shared(leaves, 1);
    this.#books = new Shared(leaves, 1);
    this.#lists = new Shared(leaves, LISTS_KEPT);
    this.#lookups = new Shared(leaves, LOOKUPS_KEPT);
    this.#live = new Live({
      broker: options.broker,
      clock: options.clock,
      steps: this.#steps,
      market: this.#market,
      most: options.settings.streamSymbols,
      maxAgeMs: options.settings.marketDataMaxAgeMs,
      notice: (...told) => options.notice(...told),
    });
    this.broker = observed(
      options.broker,
      {
        book: this.#orders,
        positions: (said) => this.#positions.keep(ALL, said),
        account: (said) => this.#account.keep(ALL, said),
      },
      this.#steps,
    );
  }

  /** Ends what it keeps open. Idempotent. */
  stop(): void {
    this.#live.stop();
  }

  // For those who keep it current

  /** The moment from which a reading of the whole book counts. */
  begin(): Moment {
    return this.#steps.next();
  }

  /** `after` of a list without a gap to what is known, by the broker's own clock; undefined before the first list. */
  listAfter(overlapUs: number): string | null | undefined {
    return this.#orders.nextAfter(overlapUs);
  }

  /** Ids of orders that are open, as far as is known, and that no request has told since `since`. */
  missing(since: Moment): readonly string[] {
    return this.#orders.unverified(since);
  }

  /** Whether every open order is known, however old. */
  get knowsOpenOrders(): boolean {
    return this.#orders.hasOpenOnes;
  }

  /** The broker does not show this order by its id. */
  lost(id: string): void {
    this.#orders.lost(id);
  }

  /** A reading of the whole book has ended; see OrderBook.verified. */
  verified(since: Moment, after: string | null, newest: BrokerOrder | null, withOpen: boolean): void {
    this.#orders.verified(since, after, newest, withOpen);
  }

  // For those who decide at once

  readonly known = {
    positions: (): Known<readonly Position[]> | null => this.#known(this.#positions.peek(ALL)),
    account: (): Known<Account> | null => this.#known(this.#account.peek(ALL)),
    /** Every open order of the account, the oldest first; null while not every one is known. */
    openOrders: (): Known<readonly BrokerOrder[]> | null => {
      const open = this.#orders.open();
      return open === null ? null : this.#known({ value: open.orders, moment: open.asOf });
    },
    /** `AAPL`, `BTC/USD` or an OCC symbol; fields as in the answer to a marketdata query. */
    quote: (kind: MarketDataPart['kind'], symbol: string): Known<Values | null> | null =>
      this.#known(this.#market.peek(kind, 'quote', symbol)),
  };

  #known<T>(said: { readonly value: T; readonly moment: Moment } | null): Known<T> | null {
    if (said === null) return null;
    const { value, moment } = said;
    const isCurrent = moment.step >= this.#orders.changedAt;
    return { value, asOf: moment.at, ageMs: this.#steps.age(moment), isCurrent };
  }

  // For queries

  positions(asker: Asker): Promise<Answered<readonly Position[]>> {
    const { positionsMaxAgeMs } = this.#o.settings;
    return this.#snapshot('positions', this.#positions, positionsMaxAgeMs, asker, () => this.broker.positions());
  }

  account(asker: Asker): Promise<Answered<Account>> {
    const { accountMaxAgeMs } = this.#o.settings;
    return this.#snapshot('account', this.#account, accountMaxAgeMs, asker, () => this.broker.account());
  }

  /** One order with its legs. `failed` with a 404 when the broker does not know it. */
  async order(target: OrderRef, asker: Asker): Promise<Answered<BrokerOrder>> {
    const ref = 'alpacaOrderId' in target ? { id: target.alpacaOrderId } : target;
    const max = this.#maxAge(this.#o.settings.ordersMaxAgeMs, asker);
    if (max > 0) {
      // What has ended or was told just now needs no reading; else all that are open are read anew together.
      for (const tries of [0, 1]) {
        const one = this.#orders.one(ref, this.#agedNeed(max));
        if (one !== null) {
          this.#told.shows(asker.agent, this.#orders.fillsIn([one.order]));
          return this.#done(one.order, one.asOf, tries === 0 ? 'held' : 'joined');
        }
        if (tries === 1 || !this.#orders.has(ref)) break;
        await this.#within(asker, this.#refreshed(this.#agedNeed(max), asker));
      }
    }
    const need = this.#need(max);
    const key = 'id' in ref ? ref.id : `c:${ref.clientOrderId}`;
    const answered = await this.#answer(
      asker,
      this.#lookups.ask(key, need, async (leaves) => {
        const ask = <T>(call: () => Promise<Outcome<T>>): Promise<Outcome<T> | null> =>
          this.#o.ask(call, { agent: asker.agent, deadline: asker.deadline, host: 'trading' });
        if ('id' in ref) {
          return ask(() => {
            leaves();
            return this.broker.order(ref.id);
          });
        }
        const flat = await ask(() => {
          leaves();
          return this.broker.lookup(ref.clientOrderId);
        });
        // A look-up shows no legs.
        return flat?.kind === 'done' && hasHiddenLegs(flat.value) ? ask(() => this.broker.order(flat.value.id)) : flat;
      }),
    );
    if (answered?.kind === 'done') this.#told.shows(asker.agent, this.#orders.fillsIn([answered.value]));
    return answered;
  }

  /** The rows of a list that is answered from what is known; value null when the broker has to be asked, page by page. */
  async orders(request: OrderListRequest, asker: Asker): Promise<Answered<readonly string[] | null>> {
    const max = this.#maxAge(this.#o.settings.ordersMaxAgeMs, asker);
    if (max === 0) return this.#unknown();
    let effort: Effort = 'held';
    for (const wait of [RELIEF_MS, 0]) {
      const need = this.#agedNeed(max);
      const listed = this.#listed(request, need, asker);
      if (listed.kind === 'rows') {
        if (this.#steps.age(listed.asOf) > max * AHEAD)
          this.#refreshed(this.#agedNeed(max * AHEAD), forAll(asker)).catch(this.#o.fatal);
        return this.#done(listed.rows, listed.asOf, effort);
      }
      if (listed.kind === 'unsure') return this.#unknown();
      effort = 'joined';
      const verified = this.#orders.verifiedAt;
      const isOld = verified === null || verified.mono < need.mono;
      // Its own reading is on its way as a rule.
      if (!isOld && wait > 0) await this.#pause(wait);
      else await this.#within(asker, this.#refreshed(isOld ? need : this.#freshNeed(), asker));
    }
    const listed = this.#listed(request, this.#agedNeed(max), asker);
    return listed.kind === 'rows' ? this.#done(listed.rows, listed.asOf, effort) : this.#unknown();
  }

  #listed(request: OrderListRequest, need: Need, asker: Asker): Listed {
    const listed = this.#orders.list(request, need, this.#told.lookedAt(asker.agent));
    if (listed.kind === 'rows') {
      this.#told.shows(asker.agent, listed.fillsAt);
      if (request.status === 'open') this.#told.looks(asker.agent, this.#steps.next().step);
    }
    return listed;
  }

  #unknown(): Answered<null> {
    return { kind: 'done', value: null, asOf: this.#o.clock.now(), source: 'alpaca' };
  }

  /** One page of GET /v2/orders. */
  async page(query: OrderListQuery, asker: Asker): Promise<Answered<readonly BrokerOrder[]>> {
    const need = this.#need(this.#maxAge(this.#o.settings.ordersMaxAgeMs, asker));
    const answered = await this.#answer(
      asker,
      this.#lists.ask(JSON.stringify(query), need, (leaves) =>
        // Not for all: hardly anybody asks the same, and whoever asks for many pages waits for his own.
        this.#ask(
          asker,
          () => {
            leaves();
            return this.broker.orders(query);
          },
          asker.agent,
        ),
      ),
    );
    if (answered?.kind === 'done') this.#told.shows(asker.agent, this.#orders.changedAt);
    return answered;
  }

  /** Symbol as asked → its values; symbols without data are absent. */
  async marketData(part: MarketDataPart, asker: Asker): Promise<Answered<MarketDataAnswer>> {
    const max = this.#maxAge(this.#o.settings.marketDataMaxAgeMs, asker);
    const need = max === 0 ? this.#freshNeed() : this.#agedNeed(max);
    const { agent, deadline } = asker;
    if (part.dataType === 'quote') this.#live.asked(part.kind, new Set(part.symbols.values()));
    const read = await this.#within(
      asker,
      this.#market.read(part, need, (made) =>
        this.#o.ask(() => this.broker.marketData(made()), { agent, deadline, host: 'data' }),
      ),
    );
    if (read === null) return null;
    if ('failed' in read) return failed(read.failed);
    return this.#done(read.ticks, read.asOf, read.effort, 'data');
  }

  // How

  /** 0: fresh from the broker, because the owner or the asker wants it. */
  #maxAge(setting: number, { maxAgeMs }: Asker): number {
    return setting === 0 ? 0 : (maxAgeMs ?? setting);
  }

  /** Asked at this age or later. */
  #agedNeed(maxAgeMs: number): Need {
    return { mono: this.#o.clock.monotonic() - maxAgeMs, step: 0 };
  }

  /** Asked from now on. */
  #freshNeed(): Need {
    return { mono: Number.NEGATIVE_INFINITY, step: this.#steps.next().step };
  }

  /** Asked at this age or later, and after whatever any agent may have been told. */
  #need(maxAgeMs: number): Need {
    if (maxAgeMs === 0) return this.#freshNeed();
    return { mono: this.#o.clock.monotonic() - maxAgeMs, step: this.#orders.changedAt };
  }

  async #snapshot<T>(
    name: string,
    shared: Shared<T>,
    setting: number,
    asker: Asker,
    call: () => Promise<Outcome<T>>,
  ): Promise<Answered<T>> {
    const max = this.#maxAge(setting, asker);
    const read = (need: Need, by: Asker): Promise<Shown<T>> =>
      shared.ask(ALL, need, async (leaves) => {
        if (max > 0) await this.#spaced(name);
        return this.#ask(by, () => {
          this.#readAt.set(name, leaves());
          return call();
        });
      });
    const held = shared.peek(ALL);
    // Whoever was told of nothing that it lacks need not wait until it may be read again.
    const { mono } = this.#agedNeed(Math.min(max, this.#o.settings.rereadMs));
    const isEnough = max > 0 && held !== null && meets(held.moment, { mono, step: this.#told.upTo(asker.agent) });
    const shown = isEnough ? Promise.resolve({ said: held, effort: 'held' } as const) : read(this.#need(max), asker);
    // Before it is too old for whoever asks next.
    if (max > 0 && held !== null) read(this.#need(max * AHEAD), forAll(asker)).catch(this.#o.fatal);
    return this.#answer(
      asker,
      shown.then((told) => {
        if ('said' in told) this.#told.shows(asker.agent, this.#orders.changedBefore(told.said.moment.step));
        return told;
      }),
    );
  }

  /** Reads the orders anew: what was submitted lately, and every open one. */
  #refreshed(need: Need, asker: Asker): Promise<Shown<true>> {
    return this.#books.ask(ALL, need, async (leaves) => {
      await this.#spaced('orders');
      const after = this.#orders.nextAfter(OVERLAP_US);
      // Before the first sweep there is nothing to begin from.
      if (after === undefined) return null;
      const moment = leaves();
      this.#readAt.set('orders', moment);
      const newest = await this.#readList({ status: 'all', ...(after === null ? {} : { after }) }, asker);
      if (newest.kind !== 'done') return newest.outcome;
      let withOpen = false;
      if (!this.#orders.hasOpenOnes || this.#orders.unverified(moment).length >= ONE_BY_ONE) {
        const open = await this.#readList({ status: 'open' }, asker);
        if (open.kind !== 'done') return open.outcome;
        withOpen = true;
      }
      for (const id of this.#orders.unverified(moment)) {
        const outcome = await this.#ask(asker, () => this.broker.order(id));
        if (outcome?.kind === 'rejected') this.#orders.lost(id);
        else if (outcome?.kind !== 'done') return outcome;
      }
      this.#orders.verified(moment, after, newest.value, withOpen);
      return { kind: 'done', value: true };
    });
  }

  /** Reads a list page by page; its rows are taken in as they come. `value`: the last of them. */
  async #readList(
    query: Pick<OrderListQuery, 'status' | 'after'>,
    asker: Asker,
  ): Promise<
    | { readonly kind: 'done'; readonly value: BrokerOrder | null }
    | { readonly kind: 'failed'; readonly outcome: Exclude<Outcome<never>, { kind: 'done' }> | null }
  > {
    const listed = new Set<string>();
    let newest: BrokerOrder | null = null;
    for (let from = query.after; ; ) {
      const bound: { after?: string } = from === undefined ? {} : { after: from };
      const page = await this.#ask(asker, () =>
        this.broker.orders({ ...query, ...bound, direction: 'asc', limit: PAGE, nested: true }),
      );
      if (page?.kind !== 'done') return { kind: 'failed', outcome: page };
      const fresh = page.value.filter(({ id }) => !listed.has(id));
      for (const { id } of fresh) listed.add(id);
      const last = page.value.at(-1);
      newest = last ?? newest;
      if (page.value.length < PAGE || last === undefined || fresh.length === 0) return { kind: 'done', value: newest };
      from = nextBound(last, 'asc');
    }
  }

  #ask<T>({ deadline }: Asker, call: () => Promise<Outcome<T>>, agent = ALL): Promise<Outcome<T> | null> {
    return this.#o.ask(call, { agent, deadline, host: 'trading' });
  }

  /** Waits until the last reading of this kind is long enough ago. */
  async #spaced(name: string): Promise<void> {
    const last = this.#readAt.get(name);
    const wait = last === undefined ? 0 : this.#o.settings.rereadMs - this.#steps.age(last);
    if (wait > 0) await this.#pause(wait);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#o.clock.after(ms, resolve);
    });
  }

  /** What comes of it, or null when the asker waits no longer. */
  async #within<T>({ deadline }: Asker, work: Promise<T>): Promise<T | null> {
    if (!Number.isFinite(deadline)) return work;
    let off = (): void => {};
    const late = new Promise<null>((resolve) => {
      off = this.#o.clock.after(Math.max(0, deadline - this.#o.clock.monotonic()), () => resolve(null));
    });
    return Promise.race([work, late]).finally(() => off());
  }

  async #answer<T>(asker: Asker, asking: Promise<Shown<T>>): Promise<Answered<T>> {
    const shown = await this.#within(asker, asking);
    if (shown === null) return null;
    if ('failed' in shown) return failed(shown.failed);
    return this.#done(shown.said.value, shown.said.moment, shown.effort);
  }

  #done<T>(value: T, moment: Moment, effort: Effort, host: 'trading' | 'data' = 'trading'): Answered<T> {
    if (effort !== 'asked') this.saved[host]++;
    return { kind: 'done', value, asOf: moment.at, source: effort === 'held' ? 'mirror' : 'alpaca' };
  }
}

const failed = <T>(outcome: Outcome<unknown> | null): Answered<T> =>
  outcome === null || outcome.kind === 'done' ? null : { kind: 'failed', outcome };

/** What is read ahead of time has nobody who waits for it. */
const forAll = (asker: Asker): Asker => ({ ...asker, agent: ALL, deadline: Number.POSITIVE_INFINITY });

const hasHiddenLegs = (order: BrokerOrder): boolean =>
  order.legs.length === 0 && /"order_class"\s*:\s*"(?:bracket|oco|oto)"/.test(order.json);
