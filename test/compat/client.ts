/**
 * Alpaca's official JavaScript client, pointed at an exchange of our own. Must never reach another host.
 */
import assert from 'node:assert/strict';
import { Alpaca } from '@alpacahq/alpaca-trade-api';
import { type RunningExchange, startExchange } from '../../src/exchange/server.ts';

export interface Compat {
  readonly running: RunningExchange;
  readonly alpaca: Alpaca;
  /** The websocket address of a path. */
  ws(path: string): string;
  /** Bid and ask stay at `price`. */
  hold(symbol: string, price: string): void;
  close(): Promise<void>;
}

export async function openCompat(): Promise<Compat> {
  const running = await startExchange({ seed: 'compat' });
  const alpaca = new Alpaca({
    keyId: 'compat',
    secret: 'secret',
    paper: true,
    // The client leaves the timer of an answer without a body running: it would hold the process for 30 seconds.
    timeoutMs: 2_500,
    fetchApi: (input, init) => {
      assert.ok(typeof input === 'string', 'the client gives its URLs as text');
      const { pathname, search } = new URL(input);
      return fetch(running.url + pathname + search, init);
    },
  });
  return {
    running,
    alpaca,
    ws: (path) => running.url.replace('http', 'ws') + path,
    hold: (symbol, price) =>
      assert.equal(running.exchange.changeMarket({ kind: 'hold', symbol, bid: price, ask: price }), null),
    close: () => running.close(),
  };
}

/** The next value that `accept` takes, out of those that `push` is called with; fails after `ms` milliseconds. */
export function inbox<T>(): {
  push(value: T): void;
  readonly all: readonly T[];
  next(what: string, accept: (value: T) => boolean, ms?: number): Promise<T>;
} {
  const all: T[] = [];
  const waiting = new Set<() => void>();
  return {
    all,
    push(value) {
      all.push(value);
      for (const look of [...waiting]) look();
    },
    next(what, accept, ms = 4_000) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const found = all.find(accept);
          if (found === undefined) return;
          clearTimeout(deadline);
          waiting.delete(look);
          resolve(found);
        };
        const deadline = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`${what} did not come; got ${JSON.stringify(all).slice(0, 2_000)}`));
        }, ms);
        waiting.add(look);
        look();
      });
    },
  };
}
