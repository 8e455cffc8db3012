/**
 * The market data protocol of one connection, without a socket: frames come in by `receive`, go out by `send`, and
 * `pulse` sends what a stretch of time brought (Alpaca docs: streaming market data). Must never look at a clock.
 */
import {
  decode,
  decodeTimestampExtension,
  EXT_TIMESTAMP,
  ExtensionCodec,
  encode,
  encodeTimeSpecToTimestamp,
} from '@msgpack/msgpack';
import { microsOf } from '../api/data-query.ts';
import { newYorkDay } from '../market/calendar.ts';
import type { Instrument } from '../market/instrument.ts';
import type { Market } from '../market/market.ts';
import { type Channel, type Feed, feedAt, isDataStream } from './data-feeds.ts';
import { type Message, messagesFor, Stamp } from './data-messages.ts';

export { isDataStream };

/** A client has so many milliseconds to authenticate; then `timeOut` is due. */
export const AUTH_TIMEOUT_MS = 10_000;

/** What a session needs of the socket that carries it. */
export interface DataPort {
  /** Bytes go out as a binary frame, text as a text frame. */
  send(frame: Uint8Array | string): void;
  close(how: 'close'): void;
  /** Bytes that the client has not taken yet. */
  buffered(): number;
}

/** Who is connected where: one connection per endpoint and account. Shared by all sessions of an exchange. */
export class Seats {
  readonly #taken = new Set<string>();

  take(endpoint: string, account: string): boolean {
    const seat = `${endpoint} ${account}`;
    if (this.#taken.has(seat)) return false;
    this.#taken.add(seat);
    return true;
  }

  leave(endpoint: string, account: string): void {
    this.#taken.delete(`${endpoint} ${account}`);
  }
}

export interface DataStreamOptions {
  /** One for which `isDataStream` holds. */
  readonly path: string;
  /** `msgpack` when the upgrade request carried `Content-Type: application/msgpack`. */
  readonly codec: 'json' | 'msgpack';
  readonly market: Market;
  readonly seats: Seats;
  /** The account of a key pair; null when it is refused. */
  authenticate(key: string, secret: string): string | null;
  /** Credentials in the headers of the upgrade request: their account, null when refused; absent when there were none. */
  readonly account?: string | null;
  /** At most so many symbols over all channels. Default: no limit. */
  readonly symbolLimit?: number;
  /** False refuses the SIP feed (409). Default true. */
  readonly realtimeSip?: boolean;
}

const ERRORS = {
  400: 'invalid syntax',
  401: 'not authenticated',
  402: 'auth failed',
  403: 'already authenticated',
  404: 'auth timeout',
  405: 'symbol limit exceeded',
  406: 'connection limit exceeded',
  407: 'slow client',
  409: 'insufficient subscription',
  410: 'invalid subscribe action for this feed',
  412: 'option messages are only available in MsgPack format',
  413: 'star subscription is not allowed for option quotes',
} as const;

/** Symbols to add to, or to take from, those that one channel wants. */
interface Change {
  readonly symbols: readonly string[];
  readonly wanted: Set<string>;
}

const SLOW_CLIENT_BYTES = 16 * 1024 * 1024;
const MESSAGES_PER_FRAME = 500;

const TEST_SYMBOL = 'FAKEPACA';

export class DataStreamSession {
  readonly #port: DataPort;
  readonly #options: DataStreamOptions;
  readonly #feed: Feed;
  readonly #wanted: ReadonlyMap<Channel, Set<string>>;
  #account: string | null = null;
  #closed = false;

  /** Greets the client. Throws RangeError for a path at which nothing is streamed. */
  constructor(port: DataPort, options: DataStreamOptions) {
    const feed = feedAt(options.path);
    if (!feed) throw new RangeError(`no market data is streamed at ${options.path}`);
    this.#port = port;
    this.#options = options;
    this.#feed = feed;
    this.#wanted = new Map(feed.channels.map((channel) => [channel, new Set<string>()]));
    this.#send([{ T: 'success', msg: 'connected' }]);
    if (options.account !== undefined) this.#admit(options.account);
  }

  /** One message of the client: JSON as text or bytes, or MessagePack. */
  receive(frame: string | Uint8Array): void {
    if (this.#closed) return;
    const message = this.#read(frame);
    const action = message?.['action'];
    if (message === null || typeof action !== 'string') this.#error(400);
    else if (action === 'auth') this.#authenticate(message['key'], message['secret']);
    else if (this.#account === null) this.#error(401);
    else if (action === 'subscribe' || action === 'unsubscribe') this.#subscribe(action === 'subscribe', message);
    else this.#error(400);
  }

  /** The time to authenticate is over. */
  timeOut(): void {
    if (this.#closed || this.#account !== null) return;
    this.#error(404);
    this.#close();
  }

  /** Sends what happened later than `from` and up to `to` (nanoseconds since 1970 UTC). */
  pulse(from: bigint, to: bigint): void {
    if (this.#closed || this.#account === null) return;
    const due = { from: microsOf(from), to: microsOf(to) };
    const messages: Message[] = [];
    for (const [instrument, channels] of this.#watched(due.to))
      messages.push(...messagesFor(this.#options.market, this.#feed, instrument, channels, due));
    messages.sort((a, b) => a.t.us - b.t.us);
    for (let i = 0; i < messages.length; i += MESSAGES_PER_FRAME) this.#send(messages.slice(i, i + MESSAGES_PER_FRAME));
    if (this.#port.buffered() > SLOW_CLIENT_BYTES) {
      this.#error(407);
      this.#close();
    }
  }

  /** The client is gone. Idempotent. */
  ended(): void {
    if (this.#account !== null) this.#options.seats.leave(this.#options.path, this.#account);
    this.#account = null;
    this.#closed = true;
  }

  #authenticate(key: unknown, secret: unknown): void {
    if (this.#account !== null) this.#error(403);
    else if (typeof key !== 'string' || typeof secret !== 'string') this.#error(400);
    else this.#admit(this.#options.authenticate(key, secret));
  }

  #admit(account: string | null): void {
    if (account === null) {
      this.#error(402);
    } else if (this.#feed.name === 'sip' && this.#options.realtimeSip === false) {
      this.#error(409);
      this.#close();
    } else if (this.#options.seats.take(this.#options.path, account)) {
      this.#account = account;
      this.#send([{ T: 'success', msg: 'authenticated' }]);
    } else {
      this.#error(406);
      this.#close();
    }
  }

  #subscribe(add: boolean, message: Readonly<Record<string, unknown>>): void {
    const changes = this.#changesOf(message);
    const limit = this.#options.symbolLimit ?? Number.POSITIVE_INFINITY;
    if (typeof changes === 'number') {
      this.#error(changes);
    } else if (add && this.#count(changes) > limit) {
      this.#error(405);
    } else {
      for (const { symbols, wanted } of changes) {
        for (const symbol of symbols) {
          if (add) wanted.add(symbol);
          else if (symbol === '*') wanted.clear();
          else wanted.delete(symbol);
        }
      }
      this.#confirm();
    }
  }

  /** What a (un)subscribe message asks for, or the code of the error in it. */
  #changesOf(message: Readonly<Record<string, unknown>>): readonly Change[] | keyof typeof ERRORS {
    const { kind } = this.#feed;
    const lists = Object.entries(message).filter(([name]) => name !== 'action');
    if (lists.length === 0) return 400;
    const changes: Change[] = [];
    for (const [name, symbols] of lists) {
      if (!isTextList(symbols)) return 400;
      if (symbols.length === 0) continue;
      const channel = this.#feed.channels.find((known) => known === name);
      const wanted = channel && this.#wanted.get(channel);
      if (!wanted) return 410;
      if (kind === 'option' && this.#options.codec === 'json') return 412;
      if (kind === 'option' && channel === 'quotes' && symbols.includes('*')) return 413;
      changes.push({ symbols, wanted });
    }
    return changes;
  }

  #count(changes: readonly Change[]): number {
    const all = [...this.#wanted.values()].flatMap((symbols) => [...symbols]);
    return new Set([...all, ...changes.flatMap((change) => change.symbols)]).size;
  }

  /** The reply to every change: all that is subscribed to now. Trades bring their corrections and cancels along. */
  #confirm(): void {
    const reply: Record<string, unknown> = { T: 'subscription' };
    for (const [channel, symbols] of this.#wanted) {
      if (channel === 'imbalances' && symbols.size === 0) continue; // told only to those who asked
      const follows = channel === 'corrections' || channel === 'cancelErrors';
      reply[channel] = [...((follows ? this.#wanted.get('trades') : symbols) ?? [])];
    }
    this.#send([reply]);
  }

  /** The instruments that somebody listens to, each with its channels. */
  *#watched(us: number): Generator<readonly [Instrument, readonly Channel[]]> {
    const bySymbol = new Map<string, Channel[]>();
    for (const [channel, symbols] of this.#wanted) {
      const names = symbols.has('*') ? this.#everything(us) : symbols;
      for (const symbol of names) {
        const channels = bySymbol.get(symbol);
        if (channels) channels.push(channel);
        else bySymbol.set(symbol, [channel]);
      }
    }
    for (const [symbol, channels] of bySymbol) {
      const instrument = this.#instrument(symbol);
      if (instrument) yield [instrument, channels];
    }
  }

  #instrument(symbol: string): Instrument | undefined {
    const { market } = this.#options;
    if (this.#feed.kind === 'test') return symbol === TEST_SYMBOL ? market.testInstrument() : undefined;
    const instrument = market.instrument(symbol);
    const kinds = { stock: 'stock', crypto: 'coin', option: 'option', news: null } as const;
    return instrument?.kind === kinds[this.#feed.kind] ? instrument : undefined;
  }

  /** What a star stands for: every symbol of the feed; of options those that expire next, because all are too many. */
  *#everything(us: number): Generator<string> {
    const { market } = this.#options;
    if (this.#feed.kind === 'test') yield TEST_SYMBOL;
    const wanted = this.#feed.kind === 'crypto' ? 'crypto' : 'us_equity';
    const today = newYorkDay(us / 1000);
    for (const { asset, options } of market.assets()) {
      if (this.#feed.kind === 'stock' || this.#feed.kind === 'crypto') {
        if (asset.class === wanted) yield asset.symbol;
      } else if (this.#feed.kind === 'option' && options) {
        for (const { contract } of market.chain(asset.symbol, today, today, today + 6)) yield contract.symbol;
      }
    }
  }

  #read(frame: string | Uint8Array): Readonly<Record<string, unknown>> | null {
    try {
      const packed = typeof frame !== 'string' && this.#options.codec === 'msgpack';
      const value: unknown = packed
        ? decode(frame, { extensionCodec: CODEC })
        : JSON.parse(typeof frame === 'string' ? frame : Buffer.from(frame).toString());
      return isRecord(value) ? value : null;
    } catch {
      return null;
    }
  }

  #error(code: keyof typeof ERRORS): void {
    this.#send([{ T: 'error', code, msg: ERRORS[code] }]);
  }

  #send(messages: readonly object[]): void {
    if (this.#closed) return;
    this.#port.send(
      this.#options.codec === 'msgpack' ? encode(messages, { extensionCodec: CODEC }) : JSON.stringify(messages),
    );
  }

  #close(): void {
    this.ended();
    this.#port.close('close');
  }
}

/** Times as the timestamp extension of MessagePack (type -1), with their microseconds. */
const CODEC = new ExtensionCodec();
CODEC.register({
  type: EXT_TIMESTAMP,
  encode: (value) => {
    if (!(value instanceof Stamp)) return null;
    const sec = Math.floor(value.us / 1e6);
    return encodeTimeSpecToTimestamp({ sec, nsec: (value.us - sec * 1e6) * 1000 });
  },
  decode: decodeTimestampExtension,
});

const isTextList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
