/**
 * An exchange for tests: in process, on a clock that stands still until it is moved, with prices held by hand.
 * Must never touch a socket or real time.
 */
import assert from 'node:assert/strict';
import { parseNanos } from '../../src/exchange/clock.ts';
import { Exchange, type ExchangeOptions } from '../../src/exchange/exchange.ts';
import { type Clock, micros } from '../../src/lib/clock.ts';

/** Wall time that never moves: exchange time is moved by `World.advance` alone. */
const stillClock = (at: string): Clock => {
  const wall = micros(Number((parseNanos(at) ?? 0n) / 1000n));
  return { now: () => wall, monotonic: () => 0, after: () => () => {} };
};

export type Json = Readonly<Record<string, unknown>>;

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as JSON; `{}` for an empty one, and `{ text }` for one that is no JSON. */
  readonly body: Json;
  /** The body as a JSON array. */
  readonly list: readonly Json[];
}

export interface World {
  readonly exchange: Exchange;
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Reply;
  order(body: Json): Reply;
  /** Bid and ask stay at `price` (or at `bid` and `ask`). */
  hold(symbol: string, bid: string, ask?: string): void;
  /** Moves time; the market is looked at on the way. */
  advance(seconds: number): void;
  advanceTo(time: string): void;
}

/** A Monday, 10:00 in New York. */
export const MONDAY_TEN = '2026-11-23T15:00:00Z';
export const KEY = { 'apca-api-key-id': 'KEY', 'apca-api-secret-key': 'SECRET' };

export function openWorld(options: ExchangeOptions & { readonly at?: string } = {}): World {
  const at = options.at ?? MONDAY_TEN;
  const exchange = new Exchange({
    clock: stillClock(at),
    speed: 0,
    seed: 'test',
    startAt: parseNanos(at) ?? 0n,
    failed: (error) => assert.fail(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    ...options,
  });
  const advanceTo = (nanos: bigint): void => {
    exchange.clock.forwardTo(nanos);
    exchange.catchUp();
  };
  const world: World = {
    exchange,
    call(method, path, body, headers = KEY) {
      const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
      const answer = exchange.handle({ method, url: path, headers, body: text });
      const parsed = parse(answer.body);
      return {
        status: answer.status,
        headers: answer.headers,
        body: (Array.isArray(parsed) ? {} : parsed) as Json,
        list: (Array.isArray(parsed) ? parsed : []) as readonly Json[],
      };
    },
    order: (body) => world.call('POST', '/v2/orders', body),
    hold(symbol, bid, ask = bid) {
      assert.equal(exchange.changeMarket({ kind: 'hold', symbol, bid, ask }), null);
    },
    advance: (seconds) => advanceTo(exchange.clock.nanos() + BigInt(Math.round(seconds * 1e9))),
    advanceTo: (time) => advanceTo(parseNanos(time) ?? assert.fail(`not a time: ${time}`)),
  };
  return world;
}

function parse(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return { text };
  }
}
