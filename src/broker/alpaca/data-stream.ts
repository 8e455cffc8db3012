/**
 * Live quotes over Alpaca's data stream, kept alive while somebody wants symbols. Alpaca gives one connection per feed
 * and account: being refused is an ordinary thing, and told to the listener. Must never call the listener after `stop`.
 */
import type { Clock } from '../../lib/clock.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts';
import { fraction, type Random } from '../../lib/random.ts';
import type { QuoteListener, QuoteStream } from '../broker.ts';
import { quoteOf } from './market-data.ts';
import type { Network, Socket } from './network.ts';
import { integerOf, readJson, textOf } from './wire-json.ts';

const READY_WITHIN_MS = 15_000;
const PONG_WITHIN_MS = 10_000;
const LONGEST_PAUSE_MS = 60_000;
/** A connection that ends sooner counts as one more failure in a row. */
const PROVEN_AFTER_MS = 60_000;
/** Somebody else holds the connection, or the plan has none: it is not tried again before. */
const REFUSED_PAUSE_MS = 300_000;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** auth failed, symbol limit, connection limit, slow client, insufficient subscription (Alpaca docs: streaming market data). */
const INSUFFICIENT = 409;
const REFUSALS: ReadonlySet<number> = new Set([402, 405, 406, INSUFFICIENT]);

export interface QuoteStreamOptions {
  /** Tried in this order: the next one when the subscription does not cover a feed. */
  readonly urls: readonly string[];
  readonly keys: { readonly id: string; readonly secret: string };
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
}

export const quoteStream = (options: QuoteStreamOptions, listener: QuoteListener): QuoteStream =>
  new LiveQuotes(options, listener);

class LiveQuotes implements QuoteStream {
  readonly #o: QuoteStreamOptions;
  readonly #listener: QuoteListener;
  #wanted: ReadonlySet<string> = new Set();
  /** What the server has confirmed. */
  #confirmed: ReadonlySet<string> = new Set();
  #stopped = false;
  /** Stands for the newest socket; undefined while there is none. */
  #current: object | undefined;
  #socket: Socket | undefined;
  #isReady = false;
  #feed = 0;
  #readyAt = 0;
  #failures = 0;
  #pinged: (() => void)[] = [];
  #callOff: (() => void) | null = null;
  #pongTimer: (() => void) | null = null;

  constructor(options: QuoteStreamOptions, listener: QuoteListener) {
    this.#o = options;
    this.#listener = listener;
  }

  want(symbols: ReadonlySet<string>): void {
    this.#wanted = symbols;
    if (this.#stopped) return;
    if (symbols.size === 0) {
      // Whoever else has this account may use the connection. A pause goes on: what was refused is not tried again sooner
      // because nobody has asked meanwhile.
      if (this.#current !== undefined) this.#hangUp();
      return;
    }
    if (this.#isReady) this.#subscribe();
    else if (this.#current === undefined && this.#callOff === null) this.#connect();
  }

  ping(answered: () => void): void {
    if (!this.#isReady) return;
    this.#pinged.push(answered);
    this.#socket?.ping();
    this.#pongTimer ??= this.#o.clock.after(PONG_WITHIN_MS, () => this.#fail(`no pong within ${PONG_WITHIN_MS} ms`));
  }

  stop(): void {
    this.#stopped = true;
    this.#hangUp();
  }

  #connect(): void {
    const { network, urls, clock, keys } = this.#o;
    const url = urls[this.#feed] ?? urls[0] ?? '';
    const token = {};
    this.#current = token;
    const mine = (): boolean => !this.#stopped && this.#current === token;
    this.#callOff = clock.after(READY_WITHIN_MS, () => this.#fail(`not ready within ${READY_WITHIN_MS} ms`));
    this.#socket = network.socket(url, {
      open: () => {
        if (mine()) this.#send({ action: 'auth', key: keys.id, secret: keys.secret });
      },
      message: (data) => {
        if (mine()) this.#message(data);
      },
      pong: () => {
        if (!mine()) return;
        this.#pongTimer?.();
        this.#pongTimer = null;
        const [first] = this.#pinged;
        this.#pinged = [];
        // The pong answers the oldest ping at the latest.
        first?.();
      },
      closed: (reason) => {
        if (mine()) this.#fail(reason);
      },
    });
  }

  #message(data: Uint8Array): void {
    const rows = data.length > MAX_MESSAGE_BYTES ? null : readJson(Buffer.from(data).toString('utf8'));
    if (!Array.isArray(rows)) {
      this.#fail('a message that is no JSON array');
      return;
    }
    for (const row of rows as readonly JsonValue[]) {
      if (!isJsonObject(row)) continue;
      this.#row(row);
      if (this.#current === undefined) return;
    }
  }

  #row(row: JsonObject): void {
    switch (row['T']) {
      case 'success':
        if (row['msg'] === 'authenticated') this.#ready();
        return;
      case 'subscription': {
        const quotes = Array.isArray(row['quotes']) ? row['quotes'].filter((item) => typeof item === 'string') : [];
        this.#confirmed = new Set(quotes);
        this.#listener.subscribed(this.#confirmed);
        return;
      }
      case 'q': {
        const symbol = textOf(row['S']);
        if (symbol !== null && this.#wanted.has(symbol)) this.#listener.quote(symbol, quoteOf(row));
        return;
      }
      case 'error':
        this.#refused(integerOf(row['code']), textOf(row['msg']) ?? 'no reason given');
    }
  }

  #ready(): void {
    this.#callOff?.();
    this.#callOff = null;
    this.#isReady = true;
    this.#readyAt = this.#o.clock.monotonic();
    this.#subscribe();
  }

  #subscribe(): void {
    const gone = [...this.#confirmed].filter((symbol) => !this.#wanted.has(symbol));
    const added = [...this.#wanted].filter((symbol) => !this.#confirmed.has(symbol));
    if (gone.length > 0) this.#send({ action: 'unsubscribe', quotes: gone });
    if (added.length > 0) this.#send({ action: 'subscribe', quotes: added });
  }

  #refused(code: number | null, message: string): void {
    const said = `the broker says: ${message.slice(0, 200)}`;
    if (code === INSUFFICIENT && this.#feed + 1 < this.#o.urls.length) {
      this.#feed++;
      this.#hangUp();
      this.#connect();
    } else this.#fail(said, code !== null && REFUSALS.has(code) ? REFUSED_PAUSE_MS : undefined);
  }

  #fail(reason: string, pauseMs?: number): void {
    const lived = this.#isReady ? this.#o.clock.monotonic() - this.#readyAt : 0;
    this.#failures = lived >= PROVEN_AFTER_MS ? 1 : this.#failures + 1;
    this.#hangUp();
    const ceiling = pauseMs ?? Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** Math.min(this.#failures, 10));
    this.#callOff = this.#o.clock.after(Math.round(ceiling * (0.5 + fraction(this.#o.random) / 2)), () => {
      this.#callOff = null;
      if (!this.#stopped && this.#wanted.size > 0) this.#connect();
    });
    this.#listener.down(reason);
  }

  #hangUp(): void {
    this.#callOff?.();
    this.#callOff = null;
    this.#pongTimer?.();
    this.#pongTimer = null;
    this.#pinged = [];
    this.#isReady = false;
    this.#confirmed = new Set();
    this.#current = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.end();
  }

  #send(message: JsonObject): void {
    this.#socket?.send(JSON.stringify(message));
  }
}
