/**
 * Everything that listens to an exchange: websocket sessions and server-sent events, without their sockets.
 * Must never hold an event back but for a fault on request, and must never call into the engine on its own.
 */
import type { Clock } from '../lib/clock.ts';
import type { WireRequest } from './api/handle.ts';
import type { Nanos } from './clock.ts';
import type { ActivityJson, TradeUpdate } from './engine/types.ts';
import type { Faults } from './faults.ts';
import { type Credentials, credentialsOf, pairOf } from './keys.ts';
import type { Market } from './market/market.ts';
import { AUTH_TIMEOUT_MS, DataStreamSession, isDataStream, Seats } from './stream/data.ts';
import { type EventFeed, type EventRange, rangeFault, rangeOf, ServerEvents } from './stream/server-events.ts';
import { type StreamPort, TradeUpdatesSession } from './stream/trade-updates.ts';

/** One open stream: feed it what the client says, tell it when the client is gone. */
export interface StreamSession {
  receive(frame: string | Uint8Array): void;
  ended(): void;
}

/** A refusal to open an event stream; without `code` where Alpaca sends none. */
export interface EventsRefused {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface StreamSurroundings {
  readonly clock: Clock;
  readonly market: Market;
  readonly faults: Faults;
  readonly realtimeSip: boolean;
  /** The account of a pair, opened if it is welcome and new; null when the pair is refused. */
  authenticate(credentials: Credentials): string | null;
  /** The account's activities after the one with this id (null: from the first), oldest first; empty at the end. */
  activitiesAfter(account: string, id: string | null): readonly ActivityJson[];
}

export const isEventStream = (path: string): boolean =>
  path === '/v2/events/trades' || path === '/v2beta1/events/activities';

export const isWebsocket = (path: string): boolean => path === '/stream' || isDataStream(path);

export class Streams {
  readonly #around: StreamSurroundings;
  readonly #trades = new Set<TradeUpdatesSession>();
  readonly #data = new Set<DataStreamSession>();
  readonly #seats = new Seats();
  readonly #events = new ServerEvents();

  constructor(around: StreamSurroundings) {
    this.#around = around;
  }

  /** Whether somebody wants to see time pass. */
  get wantPulses(): boolean {
    return this.#data.size > 0;
  }

  /** A websocket was opened at a path for which `isWebsocket` holds; `headers` are those of its upgrade request. */
  open(path: string, headers: WireRequest['headers'], port: StreamPort): StreamSession {
    const codec = headers['content-type']?.includes('msgpack') ? 'msgpack' : 'json';
    const authenticate = (key: string, secret: string) => this.#around.authenticate(pairOf(key, secret));
    if (path === '/stream') {
      const session = new TradeUpdatesSession(port, { codec, authenticate });
      this.#trades.add(session);
      return { receive: (frame) => session.receive(frame), ended: () => this.#trades.delete(session) };
    }
    const { market, realtimeSip, clock } = this.#around;
    const credentials = credentialsOf(headers);
    const account = credentials === 'none' ? {} : { account: this.#around.authenticate(credentials) };
    const session = new DataStreamSession(port, {
      path,
      codec,
      market,
      realtimeSip,
      authenticate,
      seats: this.#seats,
      ...account,
    });
    const callOff = clock.after(AUTH_TIMEOUT_MS, () => session.timeOut());
    this.#data.add(session);
    return {
      receive: (frame) => session.receive(frame),
      ended: () => {
        callOff();
        session.ended();
        this.#data.delete(session);
      },
    };
  }

  /** Server-sent events at a path for which `isEventStream` holds; `write` gets lines ready to send. */
  openEvents(path: string, request: WireRequest, write: (line: string) => void): EventFeed | EventsRefused {
    const credentials = credentialsOf(request.headers);
    const account = credentials === 'none' ? null : this.#around.authenticate(credentials);
    if (account === null) return { status: 401, body: { message: 'unauthorized.' } };
    const range: EventRange = rangeOf(new URL(request.url, 'http://localhost').searchParams);
    const wrong = rangeFault(range);
    if (wrong !== null) return { status: 422, body: { code: 40010001, message: wrong } };
    if (path.endsWith('/trades')) return this.#events.trades(account, range, write);
    return this.#events.activities((id) => this.#around.activitiesAfter(account, id), range, write);
  }

  /** Keeps an update for those who ask for the past, without telling anybody. */
  remember(account: string, update: TradeUpdate): void {
    this.#events.trade(account, update);
  }

  /** Tells an update to everybody who listens to the account. */
  publish(account: string, update: TradeUpdate): void {
    this.#events.trade(account, update);
    const listeners = [...this.#trades].filter((session) => session.listensTo === account);
    if (listeners.length === 0) return;
    const fault = this.#around.faults.forEvent(update.event);
    for (const session of listeners) session.publish(update, fault);
  }

  /** Something may have added activities. */
  activitiesMoved(): void {
    this.#events.activitiesMoved();
  }

  /** Sends the market data of a stretch of time. */
  pulse(from: Nanos, to: Nanos): void {
    for (const session of this.#data) session.pulse(from, to);
  }
}
