/**
 * What a refusal of Alpaca looks like in a test, and the requests that provoke one.
 * Must never hold a rule of the exchange: rows say what a client sees.
 */
import assert from 'node:assert/strict';
import type { Json, Reply, World } from './world.ts';

export interface Row {
  readonly status: number;
  /** null: the body has no code. */
  readonly code: number | null;
  readonly message: string | RegExp;
  /** Keys of the body beside code and message. */
  readonly extra?: readonly string[];
  /** Opens the world it needs; default: round the clock, AAPL at 200. */
  readonly at?: string;
  readonly hours?: boolean;
  /** Requests per minute that are granted. */
  readonly enforce?: number;
  /** Market data as on the Basic plan. */
  readonly basicData?: boolean;
  provoke(world: World): Reply;
}

export const without = (body: Json, ...names: readonly string[]): Json =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));

export const ok = (reply: Reply): Reply => {
  assert.ok(reply.status < 300, JSON.stringify(reply.body));
  return reply;
};
/** Buys `qty` at market; with a price held by hand it fills at once. */
export const own = (world: World, symbol: string, qty: string, tif = 'day'): void => {
  ok(world.order({ symbol, qty, side: 'buy', type: 'market', time_in_force: tif }));
  world.advance(1);
};
export const configure = (world: World, changes: Json): void => {
  ok(world.call('PATCH', '/v2/account/configurations', changes));
};
export const malformed = (message: string | RegExp, provoke: Row['provoke'], rest: Partial<Row> = {}): Row => ({
  status: 422,
  code: 40010001,
  message,
  provoke,
  ...rest,
});
export const forbidden = (message: string | RegExp, provoke: Row['provoke'], rest: Partial<Row> = {}): Row => ({
  ...malformed(message, provoke, rest),
  status: 403,
  code: 40310000,
});
export const refused = (message: string | RegExp, provoke: Row['provoke'], rest: Partial<Row> = {}): Row => ({
  ...malformed(message, provoke, rest),
  code: 42210000,
});
