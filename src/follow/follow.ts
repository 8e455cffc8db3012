/**
 * Broker → journal for one mode: trade updates as they come, the order list as the truth. Must never open the way for
 * trades before the broker's book was read once in this run, nor believe that a silent stream means that nothing happened.
 */
import { type Adoption, adopt } from '../broker/adopt.ts';
import type { BrokerOrder, Outcome, Stream, TradeUpdate } from '../broker/broker.ts';
import { nextBound } from '../broker/paging.ts';
import type { Entry, Journal, JournalEvent } from '../journal/journal.ts';
import { type Clock, isoMicros, type Micros, micros } from '../lib/clock.ts';
import type { Failpoints } from '../lib/failpoint.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { Moment } from '../mirror/moment.ts';
import { exact } from '../order/decimal.ts';
import { agentOf } from '../order/name.ts';
import { hasEnded } from '../order/states.ts';
import type { Bookkeeper } from './bookkeeper.ts';

export interface FollowOptions extends Adoption {
  readonly journal: Journal;
  /** Hears whatever the broker says; told here when the whole book was read. */
  readonly mirror: Mirror;
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  readonly sweepMs: number;
  /** Asks the broker within the budget; null when the tower stops. */
  ask<T>(call: () => Promise<Outcome<T>>): Promise<Outcome<T> | null>;
  /** The broker's book has been read, or has not been for too long. */
  fresh(isFresh: boolean, reason: string): void;
  /** The broker holds orders of ours that this journal does not know. */
  suspect(clientOrderId: string): Promise<void>;
  /** Trade updates of orders of ours are booked, and each sweep is told. */
  readonly books: Pick<Bookkeeper, 'executed' | 'swept' | 'stop'>;
  fatal(error: unknown): void;
}

/** Orders submitted so long before the last sweep are listed again: the two clocks may differ. */
const OVERLAP_US = 600_000_000;
const FIRST_LOOK_BACK_US = 86_400_000_000;
const PAGE = 500;
/** From so many orders on that the list did not show, the open ones are listed before each is asked for. */
const ONE_BY_ONE = 3;
/** Without a sweep for so long beyond what they take, no new trades go out. */
const STALE_MS = 60_000;
/** An accepted order that no trade update has told of by then is looked at. */
const SILENCE_MS = 2000;
const RETRY_MS = 2000;
/** So many sweeps in a row may fail because of one order; then they go on without it. */
const PATIENCE = 3;
/** Orders of others that were told of; the oldest are forgotten first. */
const MOST_FOREIGN = 10_000;

export class Follower {
  readonly #o: FollowOptions;
  readonly #stream: Stream;
  /** Trade updates of one order are taken one after the other, as they came; those of different orders together. */
  readonly #chains = new Map<string, Promise<void>>();
  #sweeping: Promise<boolean> | null = null;
  /** The next one, that begins when the present one has ended. */
  #nextSweep: Promise<boolean> | null = null;
  #stopPoll: () => void = () => {};
  #stopStale: () => void = () => {};
  readonly #timers = new Set<() => void>();
  readonly #refetching = new Set<number>();
  /** Asked for again while they were being read. */
  readonly #outdated = new Set<number>();
  readonly #foreign = new Set<string>();
  /** Orders that the broker did not show by their id: in how many sweeps in a row. */
  readonly #unshown = new Map<string, number>();
  #isUp = false;
  #lastFault = '';
  #stopped = false;

  constructor(options: FollowOptions) {
    this.#o = options;
    this.#stream = options.broker.stream({
      up: () => {
        this.#isUp = true;
        // Whatever happened while nobody listened is in the list only.
        this.#stopPoll();
        this.#sweepThen(this.#sweepAnew());
      },
      down: (reason) => {
        if (this.#isUp)
          this.#o.notice('warn', `the trade_updates stream (${this.#o.broker.mode}) is down: ${reason}`, '');
        this.#isUp = false;
      },
      update: (update) => this.#enqueue(update.order.id, () => this.#take(update)),
      unreadable: (reason) =>
        this.#o.notice('warn', `a trade_updates frame (${this.#o.broker.mode}) could not be read: ${reason}`, ''),
    });
  }

  /** Reads the book once, then follows. Resolves when the first sweep is done; false when it must go on trying. */
  async start(): Promise<boolean> {
    const swept = await this.sweep();
    if (this.#stopped) return swept;
    this.#stream.start();
    this.#sweepSoon(swept ? this.#o.sweepMs : RETRY_MS);
    return swept;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stream.stop();
    this.#stopPoll();
    this.#stopStale();
    for (const off of this.#timers) off();
    await this.#sweeping;
    await Promise.all(this.#chains.values());
    await this.#o.books.stop();
  }

  /** An order was accepted: if the stream stays silent about it, it is looked at. */
  accepted(entry: Entry): void {
    this.#later(SILENCE_MS, async () => {
      const now = await this.#o.journal.find({ seq: entry.seq });
      if (now?.state === 'working' && now.rev === entry.rev) this.#refetchLater(now, now.brokerId);
    });
  }

  /** Reads the list of orders since the last sweep, and each open order that it does not show. */
  sweep(): Promise<boolean> {
    this.#sweeping ??= this.#sweep()
      .catch((error: unknown) => {
        if (!this.#stopped) this.#o.fatal(error);
        return false;
      })
      .finally(() => {
        this.#sweeping = null;
      });
    return this.#sweeping;
  }

  #sweepSoon(ms: number): void {
    this.#stopPoll();
    if (this.#stopped) return;
    this.#stopPoll = this.#o.clock.after(ms, () => this.#sweepThen(this.sweep()));
  }

  #sweepThen(sweep: Promise<boolean>): void {
    void sweep.then((swept) => this.#sweepSoon(swept ? this.#o.sweepMs : RETRY_MS));
  }

  /** A sweep that begins from now on: one that is under way may have passed what it is asked for. */
  #sweepAnew(): Promise<boolean> {
    if (this.#sweeping === null) return this.sweep();
    this.#nextSweep ??= this.#sweeping.then(() => {
      this.#nextSweep = null;
      return this.#stopped ? false : this.sweep();
    });
    return this.#nextSweep;
  }

  async #sweep(): Promise<boolean> {
    const { journal, clock, mirror } = this.#o;
    const startedAt = clock.now();
    const since = mirror.begin();
    const after = await this.#listFrom();
    const startedMono = clock.monotonic();
    const seen = new Set<string>();
    const all = await this.#readList('all', after, seen);
    if (all === null) return false;
    // Orders that have been open for longer are asked for together: one by one, many would spend the whole budget.
    const withOpen =
      (after !== null && !mirror.knowsOpenOrders) || (await this.#unseen(seen, since)).length >= ONE_BY_ONE;
    if (withOpen && (await this.#readList('open', null, seen)) === null) return false;
    const unseen = await this.#unseen(seen, since);
    for (const { id, entry } of unseen) if (!(await this.#readOne(id, entry))) return false;
    for (const id of this.#unshown.keys()) if (!unseen.some((one) => one.id === id)) this.#unshown.delete(id);
    mirror.verified(since, after, all.newest, withOpen);
    this.#lastFault = '';
    await journal.setFact(`swept:${this.#o.broker.mode}`, String(startedAt));
    this.#o.fresh(true, '');
    this.#o.books.swept(startedMono);
    this.#stopStale();
    // A sweep that had to wait for the budget is followed by others that will.
    const patience = STALE_MS + this.#o.sweepMs + 2 * (clock.monotonic() - startedMono);
    this.#stopStale = clock.after(patience, () =>
      this.#o.fresh(false, `the list of orders could not be read for ${Math.round(patience / 1000)} seconds`),
    );
    return true;
  }

  /** `after` of the list of a sweep; null for the whole list. */
  async #listFrom(): Promise<string | null> {
    // In this run: before the newest order that was listed, by the broker's clock, whatever ours says.
    const next = this.#o.mirror.listAfter(OVERLAP_US);
    if (next !== undefined) return next;
    const last = await this.#lastSweep();
    // A journal made anew must see whether an earlier one has traded here.
    return last === null ? null : isoMicros(micros(last - FIRST_LOOK_BACK_US));
  }

  /**
   * Meets every order of a list, page by page; adds their ids to `seen`. The last of them, or null when the broker did
   * not answer.
   */
  async #readList(
    status: 'all' | 'open',
    from: string | null,
    seen: Set<string>,
  ): Promise<{ readonly newest: BrokerOrder | null } | null> {
    const listed = new Set<string>();
    let newest: BrokerOrder | null = null;
    for (let after = from; ; ) {
      const start = after;
      const page = await this.#o.ask(() =>
        this.#o.broker.orders({
          status,
          direction: 'asc',
          limit: PAGE,
          nested: true,
          ...(start === null ? {} : { after: start }),
        }),
      );
      if (page === null || page.kind !== 'done') {
        this.#failed(page);
        return null;
      }
      const fresh = page.value.filter((order) => !listed.has(order.id));
      for (const order of fresh) {
        listed.add(order.id);
        seen.add(order.id);
      }
      // Together: their changes share a commit. One after the other, a start with thousands of open orders takes its time.
      await Promise.all(fresh.map((order) => this.#meet(order, 'sweep')));
      const last = page.value.at(-1);
      newest = last ?? newest;
      if (page.value.length < PAGE || last === undefined || fresh.length === 0) return { newest };
      after = nextBound(last, 'asc');
    }
  }

  /** Orders that are open, by the journal or by what the broker last said, and were in no list. */
  async #unseen(
    seen: ReadonlySet<string>,
    since: Moment,
  ): Promise<readonly { readonly id: string; readonly entry: Entry | null }[]> {
    const { broker, journal, mirror } = this.#o;
    const unseen = new Map<string, Entry | null>();
    for (const id of mirror.missing(since)) if (!seen.has(id)) unseen.set(id, null);
    for (const entry of await journal.unfinished(['working']))
      if (entry.mode === broker.mode && entry.brokerId !== null && !seen.has(entry.brokerId))
        unseen.set(entry.brokerId, entry);
    return [...unseen].map(([id, entry]) => ({ id, entry }));
  }

  /** Reads one order that no list has shown. False when the sweep has to be tried again. */
  async #readOne(id: string, entry: Entry | null): Promise<boolean> {
    const outcome = entry === null ? await this.#o.ask(() => this.#o.broker.order(id)) : await this.#refetch(entry, id);
    if (outcome === 'under way' || outcome?.kind === 'done') {
      this.#unshown.delete(id);
      return true;
    }
    if (outcome === null || outcome.kind === 'not_sent' || outcome.kind === 'misconfigured') {
      this.#failed(outcome);
      return false;
    }
    this.#o.mirror.lost(id);
    if (outcome.kind === 'rejected' && outcome.rejection.status === 404) return true;
    // One order that cannot be read must not keep the others from being followed, nor stop trading.
    const times = (this.#unshown.get(id) ?? 0) + 1;
    this.#unshown.set(id, times);
    if (times < PATIENCE) {
      this.#failed(outcome);
      return false;
    }
    if (times === PATIENCE) {
      const reason = outcome.kind === 'rejected' ? outcome.rejection.message : outcome.reason;
      this.#o.notice(
        'error',
        `order ${entry?.clientOrderId ?? id} (${this.#o.broker.mode}) cannot be read: ${reason}`,
        'trading goes on and it is asked for with every sweep; look at it at Alpaca',
      );
    }
    return true;
  }

  async #lastSweep(): Promise<Micros | null> {
    const text = await this.#o.journal.fact(`swept:${this.#o.broker.mode}`);
    return text ? micros(Number(text)) : null;
  }

  #failed(page: Outcome<unknown> | null): void {
    if (page === null || page.kind === 'done') return;
    const reason = page.kind === 'rejected' ? page.rejection.message : page.reason;
    // Told when it changes: while Alpaca is away, every try would say the same.
    if (reason === this.#lastFault) return;
    this.#lastFault = reason;
    this.#o.notice(
      'warn',
      `the list of orders (${this.#o.broker.mode}) could not be read: ${reason}`,
      'it is tried again by itself',
    );
  }

  #enqueue(order: string, work: () => Promise<void>): void {
    const chain = (this.#chains.get(order) ?? Promise.resolve())
      .then(work)
      .catch((error: unknown) => {
        if (!this.#stopped) this.#o.fatal(error);
      })
      .finally(() => {
        if (this.#chains.get(order) === chain) this.#chains.delete(order);
      });
    this.#chains.set(order, chain);
  }

  async #take(update: TradeUpdate): Promise<void> {
    if (this.#stopped) return;
    this.#o.failpoints.hit('k20-event-in-memory');
    const { order } = update;
    // Executions are numbered by the broker; nobody promises that a leg's differs from its parent's.
    const key =
      update.executionId === null
        ? `${order.id}:${update.event}:${order.filledQty}:${order.updatedAt}`
        : `${order.id}:${update.executionId}`;
    const isFill = update.qty !== null && (update.event === 'fill' || update.event === 'partial_fill');
    const event: JournalEvent = isFill
      ? {
          kind: 'fill',
          key,
          detail: JSON.stringify({ order: order.id, qty: update.qty, price: update.price, at: update.timestamp }),
        }
      : {
          kind: 'trade_update',
          key,
          detail: JSON.stringify({ order: order.id, event: update.event, status: order.status, at: update.timestamp }),
        };
    const owner = await this.#meet(order, 'stream', event);
    // Whose order it is may become known later: then the account's history tells of the execution.
    if (owner !== null) await this.#o.books.executed(update, owner);
  }

  /** Finds whose order it is, null when it is none of ours. Legs have ids of the broker's own: their parent is read anew. */
  async #meet(order: BrokerOrder, from: 'stream' | 'sweep', event?: JournalEvent): Promise<Entry | null> {
    const { journal } = this.#o;
    const entry =
      (await journal.find({ clientOrderId: order.clientOrderId })) ?? (await journal.find({ brokerId: order.id }));
    if (entry === null || entry.mode !== this.#o.broker.mode || entry.wire === null) {
      if (entry === null && agentOf(order.clientOrderId) !== null) await this.#o.suspect(order.clientOrderId);
      else this.#external(order);
      return null;
    }
    const isLeg = entry.clientOrderId !== order.clientOrderId && entry.brokerId !== order.id;
    // The stream tells parents without their legs: what is published must keep them.
    if (isLeg || (from === 'stream' && hasExits(entry))) {
      const newest =
        event === undefined
          ? entry
          : await this.#o.writer.revise(entry.seq, () => ({ patch: {}, events: [event], stage: 'd7' }));
      // The stream may be faster than the answer to the order: then only the news knows the order's id.
      const brokerId = isLeg ? newest.brokerId : order.id;
      this.#refetchLater(newest, brokerId);
      return newest;
    }
    const after = await adopt(this.#o, entry.seq, order, 'd7', event === undefined ? [] : [event]);
    if (hasEnded(order.status) && after.state === 'closed') await this.#checkFills(after, order);
    // In conflict it is somebody else's order under our id.
    return after.brokerId === order.id ? after : null;
  }

  /** Somebody else's order on this account: told once, never touched. */
  #external(order: BrokerOrder): void {
    if (this.#foreign.has(order.id)) return;
    this.#foreign.add(order.id);
    const [oldest] = this.#foreign;
    if (this.#foreign.size > MOST_FOREIGN && oldest !== undefined) this.#foreign.delete(oldest);
    if (!hasEnded(order.status)) {
      this.#o.notice(
        'info',
        `${order.clientOrderId} (${order.id}) was not placed by this tower`,
        'somebody else uses the account',
      );
    }
  }

  /** Executions journaled one by one must add up to what the order says. */
  async #checkFills(entry: Entry, order: BrokerOrder): Promise<void> {
    if (entry.type === 'optionmulti' || hasExits(entry)) return;
    const fills = await this.#o.journal.fills(entry.seq);
    // None at all: the stream was not listening, and the list has told the truth.
    if (fills.length === 0) return;
    const sum = fills.reduce((total, qty) => total.plus(exact(qty)), exact('0'));
    if (sum.eq(exact(order.filledQty))) return;
    const detail = JSON.stringify({ fills: sum.toFixed(), filled_qty: order.filledQty });
    await this.#o.writer.revise(entry.seq, () => ({
      patch: {},
      events: [{ kind: 'anomaly', key: `fills:${entry.seq}:${order.filledQty}`, detail }],
      stage: 'd7',
    }));
    this.#o.notice(
      'info',
      `${entry.clientOrderId}: trade updates told of ${sum.toFixed()} filled, the order says ${order.filledQty}`,
      'the order list is the truth',
    );
  }

  /** Reads one order of ours by its id. Null when the tower stops. */
  async #refetch(entry: Entry, brokerId: string): Promise<Outcome<BrokerOrder> | 'under way' | null> {
    if (this.#refetching.has(entry.seq)) {
      // What is on its way may be older than the news that asks for it.
      this.#outdated.add(entry.seq);
      return 'under way';
    }
    this.#refetching.add(entry.seq);
    try {
      const outcome = await this.#o.ask(() => this.#o.broker.order(brokerId));
      if (outcome?.kind === 'done') await adopt(this.#o, entry.seq, outcome.value, 'd7');
      return outcome;
    } finally {
      this.#refetching.delete(entry.seq);
      if (this.#outdated.delete(entry.seq)) this.#refetchLater(entry, brokerId);
    }
  }

  #refetchLater(entry: Entry, brokerId: string | null): void {
    if (brokerId === null) return;
    this.#later(0, async () => {
      await this.#refetch(entry, brokerId);
    });
  }

  #later(ms: number, work: () => Promise<void>): void {
    if (this.#stopped) return;
    const off = this.#o.clock.after(ms, () => {
      this.#timers.delete(off);
      if (this.#stopped) return;
      void work().catch((error: unknown) => {
        if (!this.#stopped) this.#o.fatal(error);
      });
    });
    this.#timers.add(off);
  }
}

const hasExits = (entry: Entry): boolean =>
  entry.wire !== null && /"order_class":"(?:bracket|oco|oto)"/.test(entry.wire);
