/**
 * Alpaca's trade_updates over a websocket, kept alive for as long as it is wanted. A fast hint, not the truth: events
 * during a disconnect are lost, so `up` tells its listener when to sweep. Must never call the listener after `stop`.
 */
import type { Clock } from '../../lib/clock.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { fraction, type Random } from '../../lib/random.ts';
import type { Stream, StreamListener } from '../broker.ts';
import type { Network, Socket } from './network.ts';
import { readUpdate } from './read.ts';
import { readJson } from './wire-json.ts';

const PING_EVERY_MS = 10_000;
const PONG_WITHIN_MS = 10_000;
/** From the start of connecting to the acknowledgement of `listen`. */
const READY_WITHIN_MS = 15_000;
const LONGEST_PAUSE_MS = 60_000;
/** A connection that lived this long proves the line good: the next pause is short again. */
const PROVEN_AFTER_MS = 30_000;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export interface TradeStreamOptions {
  /** `wss://host/stream` */
  readonly url: string;
  readonly keys: { readonly id: string; readonly secret: string };
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
}

export function tradeStream(options: TradeStreamOptions, listener: StreamListener): Stream {
  return new TradeStream(options, listener);
}

class TradeStream implements Stream {
  readonly #options: TradeStreamOptions;
  readonly #listener: StreamListener;
  #running = false;
  /** Stands for the newest socket: what older ones still say is not for us. Undefined while waiting for the next try. */
  #current: object | undefined;
  #socket: Socket | undefined;
  #upAt: number | null = null;
  #failures = 0;
  #timers = new Map<'pause' | 'ready' | 'ping' | 'pong', () => void>();

  constructor(options: TradeStreamOptions, listener: StreamListener) {
    this.#options = options;
    this.#listener = listener;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#connect();
  }

  stop(): void {
    this.#running = false;
    this.#hangUp();
  }

  #connect(): void {
    const { network, url, keys } = this.#options;
    const token = {};
    this.#current = token;
    const mine = (): boolean => this.#running && this.#current === token;
    this.#timer('ready', READY_WITHIN_MS, () => this.#fail(`no answer to listen within ${READY_WITHIN_MS} ms`));
    this.#socket = network.socket(url, {
      open: () => {
        if (!mine()) return;
        this.#send({ action: 'auth', key: keys.id, secret: keys.secret });
        this.#pingLater();
      },
      message: (data) => {
        if (mine()) this.#message(data);
      },
      pong: () => {
        if (mine()) this.#callOff('pong');
      },
      closed: (reason) => {
        if (mine()) this.#fail(reason);
      },
    });
  }

  #message(data: Uint8Array): void {
    const message = data.length > MAX_MESSAGE_BYTES ? null : readJson(textFrom(data) ?? '');
    if (!isJsonObject(message)) {
      this.#unreadable(`a message of ${data.length} bytes that is no JSON object within ${MAX_MESSAGE_BYTES} bytes`);
      return;
    }
    const content = isJsonObject(message['data']) ? message['data'] : {};
    switch (message['stream']) {
      case 'authorization':
        if (content['status'] === 'authorized') {
          this.#send({ action: 'listen', data: { streams: ['trade_updates'] } });
        } else {
          // The keys will not get better by asking often.
          this.#fail('the broker refused the keys on the stream', LONGEST_PAUSE_MS);
        }
        return;
      case 'listening':
        if (Array.isArray(content['streams']) && content['streams'].includes('trade_updates')) this.#up();
        else this.#fail('the broker does not send trade_updates on this stream');
        return;
      case 'trade_updates': {
        const update = readUpdate(message['data']);
        if (update === null) this.#unreadable('a trade update without a readable event and order');
        else this.#listener.update(update);
        return;
      }
      default:
        // A kind that we never asked for is none of our business, except the announcement of the end.
        if (message['action'] === 'error') this.#fail(errorText(content));
    }
  }

  #up(): void {
    // Alpaca answers every `listen`; one per connection is news.
    if (this.#upAt !== null) return;
    this.#upAt = this.#options.clock.monotonic();
    this.#callOff('ready');
    this.#listener.up();
  }

  #unreadable(reason: string): void {
    this.#listener.unreadable(reason);
    if (this.#running) this.#fail('reconnecting after an unreadable message');
  }

  /** Ends this connection, tells the listener and tries again after a pause. */
  #fail(reason: string, longest?: number): void {
    const lived = this.#upAt === null ? 0 : this.#options.clock.monotonic() - this.#upAt;
    this.#failures = lived >= PROVEN_AFTER_MS ? 1 : this.#failures + 1;
    this.#hangUp();
    const ceiling = longest ?? Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** Math.min(this.#failures, 10));
    const pause = ceiling * (0.5 + fraction(this.#options.random) / 2);
    this.#timer('pause', Math.max(1_000, Math.round(pause)), () => this.#connect());
    this.#listener.down(reason);
  }

  #hangUp(): void {
    for (const callOff of this.#timers.values()) callOff();
    this.#timers.clear();
    const socket = this.#socket;
    this.#current = undefined;
    this.#socket = undefined;
    this.#upAt = null;
    socket?.end();
  }

  #pingLater(): void {
    this.#timer('ping', PING_EVERY_MS, () => {
      if (!this.#timers.has('pong')) {
        this.#timer('pong', PONG_WITHIN_MS, () => this.#fail(`no pong within ${PONG_WITHIN_MS} ms`));
      }
      this.#socket?.ping();
      this.#pingLater();
    });
  }

  #send(message: JsonObject): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #timer(name: 'pause' | 'ready' | 'ping' | 'pong', ms: number, run: () => void): void {
    this.#callOff(name);
    const callOff = this.#options.clock.after(ms, () => {
      this.#timers.delete(name);
      run();
    });
    this.#timers.set(name, callOff);
  }

  #callOff(name: 'pause' | 'ready' | 'ping' | 'pong'): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}

/** Paper sends its JSON in binary frames, live in text frames (Alpaca docs: websocket streaming): both arrive as bytes. */
function textFrom(data: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

const errorText = (content: JsonObject): string =>
  typeof content['error_message'] === 'string'
    ? `the broker says: ${content['error_message'].slice(0, 200)}`
    : 'the broker announced an error';
