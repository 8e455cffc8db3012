/**
 * The exchange: engine, market, clock, faults, keys and store in one object that answers requests in process, without
 * a socket. What an answer promises is journaled before it is given. Must never answer 200 for what it could forget.
 */
import { BrokenInvariant, unreachable } from '../lib/assert.ts';
import { type Clock, type Micros, systemClock } from '../lib/clock.ts';
import { type Random, seededRandom, systemRandom, uuid } from '../lib/random.ts';
import { dataRoutes } from './api/data.ts';
import { assetJson } from './api/data-reference.ts';
import { createHandler, type Handled, type Handler, type WireRequest } from './api/handle.ts';
import { tradingRoutes } from './api/trading.ts';
import { Watchlists } from './api/trading-watchlists.ts';
import { ExchangeClock, NANOS_PER_MS, type Nanos, stepsBetween } from './clock.ts';
import { control } from './control.ts';
import { Engine } from './engine/engine.ts';
import type { ActivityJson, EngineEvent } from './engine/types.ts';
import {
  type Answer,
  type Delivery,
  deliver,
  type FaultSettings,
  Faults,
  type RequestFault,
  reachesExchange,
} from './faults.ts';
import { type Entry, keptSeed, type MarketEntry, type Snapshot } from './journal.ts';
import { type Credentials, type KeyPair, KeyRing } from './keys.ts';
import { isOrderRequest, Ledger } from './ledger.ts';
import { Market, type MarketChange } from './market/market.ts';
import type { Recording } from './market/recording.ts';
import { RateLimit, type RateLimitOptions } from './rate-limit.ts';
import { memoryStore, type Store } from './store.ts';
import type { EventFeed } from './stream/server-events.ts';
import type { StreamPort } from './stream/trade-updates.ts';
import { isEventStream, type StreamSession, Streams } from './streams.ts';

export interface ExchangeOptions {
  /** Drives everything; a simulation gives its virtual one. Default: the machine's. */
  readonly clock?: Clock;
  /** Prices, ids and chances follow from it. Default: a new one, kept with the state. */
  readonly seed?: string;
  /** The exchange's first moment, nanoseconds since 1970; ignored where the kept state is already later. Default: now. */
  readonly startAt?: Nanos;
  /** Exchange seconds per second; 0 stops it. Default 1. */
  readonly speed?: number;
  /** Keep the market hours of US equities. Default false: open round the clock. */
  readonly hours?: boolean;
  /** Recorded quotes; symbols that it names follow it. */
  readonly recording?: Recording;
  /** False: market data as on Alpaca's Basic plan, without the SIP feed of the last 15 minutes. Default true. */
  readonly realtimeSip?: boolean;
  /** USD of a new account, decimal text. Default "100000". */
  readonly cash?: string;
  /** The only pairs that are welcome. Default null: any. */
  readonly keys?: readonly KeyPair[] | null;
  /** Default: 200 per minute, told in the headers, not enforced. */
  readonly rateLimit?: RateLimitOptions;
  /** Serve `/_control/…` and keep the ledger in memory. Default false. */
  readonly control?: boolean;
  /** Gets every line of the ledger. */
  readonly ledger?: (line: string) => void;
  /** Default: nothing is kept. */
  readonly store?: Store;
  /** Told what went wrong inside, and while doing what (a request is answered 500 or 503). Default: nobody. */
  readonly failed?: (error: unknown, during: string) => void;
}

/** A request that has arrived. Wait `delayMs`, then let it `act` once. */
export interface Pending {
  readonly delayMs: number;
  /** Wants server-sent events: use `openEvents` instead of `act`. */
  readonly eventStream: boolean;
  act(): Delivery;
}

/** How often time moves the market by itself, in real milliseconds. */
const PULSE_MS = 200;
/** Commands before the first snapshot of a run. */
const COMPACT_AFTER = 20_000;
const DEFAULT_RATE_LIMIT: RateLimitOptions = { perMinute: 200, enforce: false };
const JSON_HEADERS = { 'Content-Type': 'application/json; charset=UTF-8' };
const UNAVAILABLE: Answer = { status: 503, headers: JSON_HEADERS, body: '{"message":"service unavailable"}' };

const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

export class Exchange {
  readonly clock: ExchangeClock;
  readonly market: Market;
  readonly engine: Engine;
  readonly faults: Faults;
  readonly ledger: Ledger;
  readonly #options: ExchangeOptions;
  readonly #seed: string;
  readonly #store: Store;
  readonly #keys: KeyRing;
  readonly #watchlists = new Watchlists();
  readonly #trading: RateLimit;
  readonly #data: RateLimit;
  readonly #random: Random;
  /** Request ids are 32 hexadecimal digits: these, and a number. */
  readonly #requestPrefix: string;
  #requests = 0;
  readonly #streams: Streams;
  /** Events on their way: they go out when their command is journaled and the engine is at rest. */
  #outbox: EngineEvent[] = [];
  readonly #marketEntries: MarketEntry[] = [];
  /** Of the order in the request at hand. */
  #fate: 'rejected' | undefined;
  #handler: Handler | null = null;
  #sinceSnapshot = 0;
  #compactAfter = COMPACT_AFTER;
  #ticked: Nanos = 0n;
  #running = false;
  #callOffPulse: (() => void) | null = null;
  #broken: unknown = null;

  /** Throws when the kept state cannot be read or was begun with another seed. */
  constructor(options: ExchangeOptions = {}) {
    this.#options = options;
    this.#store = options.store ?? memoryStore;
    const base = options.clock ?? systemClock;
    const kept = this.#store.load();
    const snapshot = kept.snapshot as Snapshot | null;
    const entries = kept.commands as readonly Entry[];
    this.#seed = keptSeed(snapshot, entries, options.seed) ?? options.seed ?? uuid(systemRandom);
    this.clock = new ExchangeClock(base, {
      ...(options.startAt === undefined ? {} : { startAt: options.startAt }),
      ...(options.speed === undefined ? {} : { speed: options.speed }),
    });
    this.#random = seededRandom(`${this.#seed}:${this.clock.nanos()}`);
    this.#requestPrefix = uuid(this.#random).replaceAll('-', '').slice(0, 20);
    this.faults = new Faults(this.#random);
    this.ledger = new Ledger({ keep: options.control ?? false, append: options.ledger ?? null });
    const rateLimit = options.rateLimit ?? DEFAULT_RATE_LIMIT;
    this.#trading = new RateLimit(base, rateLimit);
    this.#data = new RateLimit(base, rateLimit);
    this.#keys = new KeyRing(options.keys ?? null);
    this.market = new Market({
      seed: this.#seed,
      hours: options.hours ?? false,
      ...(options.recording === undefined ? {} : { recording: options.recording }),
    });
    this.engine =
      snapshot === null
        ? new Engine(this.market, { seed: this.#seed })
        : Engine.restore(snapshot.engine, this.market, { seed: this.#seed });
    this.#streams = new Streams({
      clock: base,
      market: this.market,
      faults: this.faults,
      realtimeSip: options.realtimeSip ?? true,
      authenticate: (credentials) => this.#authenticate(credentials),
      activitiesAfter: (account, id) => this.#activitiesAfter(account, id),
    });
    const latest = this.#restore(snapshot, entries);
    this.engine.onEvent((event) => this.#outbox.push(event));
    // Writing down what the engine read of the market costs time: only for a store that keeps it.
    if (this.#store !== memoryStore) this.engine.onCommand((entry) => this.#journal({ t: 'engine', entry }));
    this.#ticked = latest ?? this.clock.nanos();
    if (snapshot === null && entries.length === 0) {
      this.#journal({ t: 'begun', seed: this.#seed });
    } else {
      // The market went on while nobody ran it: all that was missed is walked through.
      this.catchUp();
      // Faults end with the run that they were set in.
      this.setFaults({});
      this.#save();
    }
  }

  /** The answer to one request, as if it had come over the wire, without faults. */
  handle(request: WireRequest): Answer {
    return this.#act(request, this.clock.base.now(), null).answer ?? UNAVAILABLE;
  }

  /** A request arrives: the faults in force say what becomes of it. */
  receive(request: WireRequest): Pending {
    const path = pathOf(request.url);
    const arrived = this.clock.base.now();
    if (this.#options.control && path.startsWith('/_control/'))
      return {
        delayMs: 0,
        eventStream: false,
        act: () => ({ answer: { headers: JSON_HEADERS, ...control(this, request) } }),
      };
    const { fault, delayMs } = this.faults.forRequest({ method: request.method, path, body: request.body });
    return {
      delayMs,
      eventStream: isEventStream(path) && request.method === 'GET' && reachesExchange(fault),
      act: () => this.#act(request, arrived, fault),
    };
  }

  /** What takes long in answering a request, in small steps: whoever does them before `act` may serve others in between. */
  ahead(request: WireRequest): Iterable<unknown> {
    this.#handler ??= this.#makeHandler();
    return this.#handler.ahead(request);
  }

  /** A websocket was opened at a path for which `isWebsocket` holds; `headers` are those of its upgrade request. */
  openStream(path: string, headers: WireRequest['headers'], port: StreamPort): StreamSession {
    // What happened before the client came is not sent to it.
    this.catchUp();
    const session = this.#streams.open(path, headers, port);
    this.#arm();
    return session;
  }

  /** Opens GET /v2/events/trades or /v2beta1/events/activities; `write` gets lines ready to send. */
  openEvents(request: WireRequest, write: (line: string) => void): EventFeed | { readonly answer: Answer } {
    const opened = this.#streams.openEvents(pathOf(request.url), request, write);
    if (!('status' in opened)) return opened;
    const headers = { ...JSON_HEADERS, 'X-Request-ID': this.#requestId() };
    return { answer: { status: opened.status, headers, body: JSON.stringify(opened.body) } };
  }

  /** From now on time drives the market by itself. */
  start(): void {
    this.#running = true;
    this.#arm();
  }

  /** Writes the state down as it stands, so that the next start replays nothing. */
  save(): void {
    if (this.#sinceSnapshot > 0) this.#save();
  }

  /** Idempotent. */
  stop(): void {
    this.#running = false;
    this.#callOffPulse?.();
    this.#callOffPulse = null;
  }

  /** Brings engine and market up to the clock, in steps fine enough that nothing is jumped over. */
  catchUp(): void {
    const to = this.clock.stamp();
    if (!this.#needsTime()) {
      this.#tick(to);
      return;
    }
    const day = this.market.keepsHours ? (at: Nanos) => this.market.tradingDay(at) : null;
    for (const at of stepsBetween(this.#ticked, to, day)) this.#tick(at);
  }

  /** Changes the market by hand and lets the engine look at it at once. Answers why it cannot, or null. */
  changeMarket(change: MarketChange): string | null {
    this.catchUp();
    const at = this.clock.stamp();
    const reason = this.#applyToMarket({ at: String(at), change });
    if (reason !== null) return reason;
    this.#journal({ t: 'market', at: String(at), change });
    if (change.kind === 'split') this.engine.split(change.symbol, change.numerator, change.denominator, at);
    this.#tick(this.clock.stamp());
    return null;
  }

  /** Key ids and the account that each opens. */
  accounts(): readonly { readonly key: string; readonly account: string }[] {
    return this.#keys.all().map(({ key, accountId }) => ({ key, account: accountId }));
  }

  /** Replaces the faults in force; their counters start anew. A seed makes their chances repeatable. */
  setFaults(settings: FaultSettings, seed?: string): void {
    this.faults.set(settings, seed === undefined ? this.#random : seededRandom(seed));
    const { unique_client_order_ids: enforceUnique, partial_fills: partialFills } = this.faults.plan;
    this.engine.setFaults({ enforceUnique, partialFills }, this.clock.stamp());
    this.#flush();
  }

  #act(request: WireRequest, arrived: Micros, fault: RequestFault | null): Delivery {
    this.#fate = fault?.kind === 'reject_later' ? 'rejected' : undefined;
    const handled = reachesExchange(fault) ? this.#dispatch(request) : null;
    if (this.ledger.enabled && isOrderRequest(request)) {
      try {
        this.ledger.record(arrived, request, handled?.accountId ?? null, handled?.answer ?? null, fault);
      } catch (error) {
        // An order that no auditor will ever see must not be confirmed, and no other may follow it.
        this.#broken = error;
        this.#fail(error, 'the ledger');
        return { answer: UNAVAILABLE };
      }
    }
    if (fault === null) return { answer: handled?.answer ?? null };
    return deliver(fault, handled?.answer ?? null, { 'X-Request-ID': this.#requestId(), ...this.#trading.spent() });
  }

  #dispatch(request: WireRequest): Handled {
    if (this.#broken !== null) return { answer: UNAVAILABLE, accountId: null };
    try {
      if (this.clock.nanos() - this.#ticked > BigInt(PULSE_MS) * NANOS_PER_MS) this.catchUp();
      this.#handler ??= this.#makeHandler();
      const handled = this.#handler.handle(request);
      this.#flush();
      return handled;
    } catch (error) {
      this.#fail(error, `${request.method} ${request.url}`);
      return { answer: UNAVAILABLE, accountId: null };
    }
  }

  /** After a broken invariant nothing that the engine says can be trusted: a restart recovers from the journal. */
  #fail(error: unknown, during: string): void {
    if (error instanceof BrokenInvariant) this.#broken ??= error;
    this.#options.failed?.(error, during);
  }

  #makeHandler(): Handler {
    return createHandler(
      [
        ...tradingRoutes(
          this.engine,
          {
            lookupLag: () => BigInt(this.faults.plan.lookup_lag_ms) * NANOS_PER_MS,
            fate: () => this.#fate,
          },
          this.#watchlists,
          {
            uuid: () => uuid(seededRandom(`${this.#seed}:watchlist:${this.clock.stamp()}`)),
            asset: (symbol) => assetJson(this.market, symbol),
            changed: (change) => this.#journal({ t: 'watchlist', change }),
          },
        ),
        ...dataRoutes(this.market, { realtimeSip: this.#options.realtimeSip ?? true }),
      ],
      {
        authenticate: (credentials) => this.#authenticate(credentials),
        stamp: () => this.clock.stamp(),
        requestId: () => this.#requestId(),
        trading: this.#trading,
        data: this.#data,
        failed: (error, { method, url }) => this.#fail(error, `${method} ${url}`),
      },
    );
  }

  /** The account of a pair, opened when the pair is welcome and new; null when it is refused. */
  #authenticate(credentials: Credentials): string | null {
    const verdict = this.#keys.judge(credentials);
    switch (verdict.kind) {
      case 'refused':
        return null;
      case 'known':
        return verdict.accountId;
      case 'new': {
        const id = uuid(seededRandom(`${this.#seed}:account:${credentials.key}`));
        const cash = verdict.cash ?? this.#options.cash ?? '100000';
        const key = { key: credentials.key, secretHash: verdict.secretHash, accountId: id };
        if (!this.engine.hasAccount(id)) this.engine.openAccount({ id, cash }, this.clock.stamp());
        this.#keys.add(key);
        this.#journal({ t: 'key', key });
        return id;
      }
    }
  }

  /** Answers the latest moment of what was kept; null when nothing was. */
  #restore(snapshot: Snapshot | null, entries: readonly Entry[]): Nanos | null {
    let latest = BigInt(snapshot?.at ?? 0);
    for (const key of snapshot?.keys ?? []) this.#keys.add(key);
    for (const change of snapshot?.watchlists ?? []) this.#watchlists.apply(change);
    for (const entry of snapshot?.market ?? []) this.#applyToMarket(entry);
    const forget = this.engine.onEvent(({ accountId, update }) => this.#streams.remember(accountId, update));
    for (const entry of entries) {
      switch (entry.t) {
        case 'begun':
          break;
        case 'engine':
          try {
            this.engine.replay(entry.entry);
          } catch (error) {
            const reason = error instanceof Error ? error.message : String(error);
            throw new Error(
              `the kept state does not replay at command ${entry.entry.seq} (${reason}): it was written by another version ` +
                'of the exchange; go on with that version, or choose another home',
              { cause: error },
            );
          }
          latest = BigInt(entry.entry.at) > latest ? BigInt(entry.entry.at) : latest;
          break;
        case 'key':
          this.#keys.add(entry.key);
          break;
        case 'watchlist':
          this.#watchlists.apply(entry.change);
          break;
        case 'market':
          this.#applyToMarket(entry);
          break;
        default:
          unreachable(entry);
      }
    }
    forget();
    // Time never goes back, even when the kept state ran ahead of the real clock.
    this.clock.forwardTo(latest);
    return latest === 0n ? null : latest;
  }

  #applyToMarket({ at, change }: MarketEntry): string | null {
    const reason = this.market.apply(change, BigInt(at));
    if (reason === null) this.#marketEntries.push({ at, change });
    return reason;
  }

  #journal(entry: Entry): void {
    try {
      this.#store.append(entry);
      this.#sinceSnapshot += 1;
    } catch (error) {
      // What is in memory is now ahead of the disk: nothing more may be promised.
      this.#broken = error;
      throw error;
    }
  }

  /** Replaces the journal by a snapshot. */
  #save(): void {
    if (this.#broken !== null || this.#store === memoryStore) return;
    const snapshot: Snapshot = {
      seed: this.#seed,
      at: String(this.clock.nanos()),
      engine: this.engine.snapshot(),
      keys: this.#keys.all(),
      watchlists: this.#watchlists.snapshot(),
      market: this.#marketEntries,
    };
    this.#store.compact(snapshot);
    this.#sinceSnapshot = 0;
  }

  #flush(): void {
    if (this.#outbox.length > 0) {
      const events = this.#outbox;
      this.#outbox = [];
      for (const { accountId, update } of events) this.#streams.publish(accountId, update);
    }
    this.#streams.activitiesMoved();
    this.#arm();
  }

  #needsTime(): boolean {
    return this.#streams.wantPulses || this.engine.activeSymbols().length > 0;
  }

  #arm(): void {
    if (!this.#running || this.#callOffPulse !== null || this.#broken !== null || !this.#needsTime()) return;
    this.#callOffPulse = this.clock.base.after(PULSE_MS, () => {
      this.#callOffPulse = null;
      try {
        this.#pulse();
      } catch (error) {
        this.#fail(error, 'a look at the market');
      }
      this.#arm();
    });
  }

  #pulse(): void {
    this.catchUp();
    if (this.#sinceSnapshot <= this.#compactAfter) return;
    this.#save();
    // A snapshot costs as much as the state is big: the bigger it is, the rarer.
    this.#compactAfter *= 2;
  }

  #tick(at: Nanos): void {
    this.engine.tick(at);
    this.#streams.pulse(this.#ticked, at);
    this.#ticked = at;
    this.#flush();
  }

  #activitiesAfter(account: string, after: string | null): readonly ActivityJson[] {
    const query = { direction: 'asc', page_size: '100', ...(after === null ? {} : { page_token: after }) };
    const result = this.engine.activities(account, query);
    return result.ok ? result.value : [];
  }

  #requestId(): string {
    this.#requests += 1;
    return this.#requestPrefix + this.#requests.toString(16).padStart(12, '0');
  }
}
