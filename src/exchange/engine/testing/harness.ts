/**
 * A trader's desk for tests: an engine, a toy market and one account, with short words for what a trader does.
 * Must never be used outside tests.
 */
import assert from 'node:assert/strict';
import { Engine } from '../engine.ts';
import { MINUTE } from '../time.ts';
import type { AccountSetup, Body, EngineOptions, Instant, OrderJson, Refusal, Result, TradeUpdate } from '../types.ts';
import { coin, newYork, option, stock, ToyMarket } from './toy-market.ts';

export const ACCOUNT = '11111111-1111-4111-8111-111111111111';

export const AAPL = stock('AAPL');
export const CALL_100 = option(AAPL, '2026-01-16', 'call', 100);
export const CALL_105 = option(AAPL, '2026-01-16', 'call', 105);
export const CALL_LATER = option(AAPL, '2026-02-20', 'call', 105);
export const PUT_95 = option(AAPL, '2026-01-16', 'put', 95);
export const PUT_100 = option(AAPL, '2026-01-16', 'put', 100);
export const MSFT = stock('MSFT');
export const MSFT_CALL = option(MSFT, '2026-01-16', 'call', 400);

/** Quotes: AAPL 99.99 × 100.01, MSFT 400, BTC/USD 50000; options on AAPL at a few dollars. */
export function market(): ToyMarket {
  return new ToyMarket()
    .add(AAPL, MSFT, coin('BTC/USD'), coin('ETH/BTC'))
    .add(stock('HTB', { easyToBorrow: false }), stock('WHOLE', { fractionable: false, attributes: [] }))
    .add(stock('GONE', { status: 'inactive' }), stock('SHUT', { tradable: false }), stock('TRIPLE', { leverage: 3 }))
    .add(stock('CASHY', { marginable: false }), stock('PENNY'), stock('QUIET'))
    .add(CALL_100, CALL_105, CALL_LATER, PUT_95, PUT_100, MSFT_CALL)
    .show('AAPL', '99.99', '100.01')
    .show('MSFT', '399.9', '400.1')
    .show('HTB', '20', '20.02')
    .show('WHOLE', '20', '20.02')
    .show('TRIPLE', '20', '20.02')
    .show('CASHY', '20', '20.02')
    .show('PENNY', '0.5', '0.51')
    .show('BTC/USD', '49990', '50010')
    .show('ETH/BTC', '0.05', '0.0501')
    .show(CALL_100.symbol, '2', '2.1')
    .show(CALL_105.symbol, '0.5', '0.6')
    .show(CALL_LATER.symbol, '1.5', '1.6')
    .show(PUT_95.symbol, '0.4', '0.5')
    .show(PUT_100.symbol, '1.9', '2')
    .show(MSFT_CALL.symbol, '8', '8.1');
}

export class Desk {
  readonly market = market();
  readonly engine: Engine;
  readonly events: TradeUpdate[] = [];
  now: Instant;

  /** Opens at a New York wall time; the default is a Wednesday at ten. */
  constructor(setup: Partial<AccountSetup> = {}, wall = '2026-01-07 10:00', options: Partial<EngineOptions> = {}) {
    this.now = newYork(wall);
    this.engine = new Engine(this.market, { seed: 'desk', ...options });
    this.engine.onEvent(({ update }) => this.events.push(update));
    this.engine.openAccount({ id: ACCOUNT, ...setup }, this.now);
    this.engine.tick(this.now);
  }

  /** Moves to a New York wall time and looks at the market. */
  at(wall: string): this {
    this.now = newYork(wall);
    this.engine.tick(this.now);
    return this;
  }

  /** A minute passes. */
  look(): this {
    this.now += MINUTE;
    this.engine.tick(this.now);
    return this;
  }

  /** A new quote, and the engine looks at it. */
  price(symbol: string, bid: string, ask: string, last?: string): this {
    this.market.show(symbol, bid, ask, last);
    return this.look();
  }

  submit(body: Body): Result<OrderJson> {
    return this.engine.submit(ACCOUNT, body, this.now);
  }

  /** An order that must be accepted. Defaults: buy, day, AAPL. */
  place(body: Body): OrderJson {
    const order = { symbol: 'AAPL', side: 'buy', time_in_force: 'day', type: 'market', ...body };
    const result = this.submit(order);
    assert.ok(result.ok, result.ok ? '' : `${JSON.stringify(order)}: ${result.error.message}`);
    return result.value;
  }

  /** An order that must be refused: `[status, code, message]`. Nothing may have changed. */
  refused(body: Body): readonly [number, number, string] {
    const { status, code, message } = this.refusal(body);
    return [status, code, message];
  }

  refusal(body: Body): Refusal {
    const before = this.engine.snapshot();
    const order = { symbol: 'AAPL', side: 'buy', time_in_force: 'day', type: 'market', ...body };
    const result = this.submit(order);
    assert.ok(!result.ok, `was accepted: ${JSON.stringify(order)}`);
    assert.equal(this.engine.snapshot(), before, 'a refusal changes nothing');
    return result.error;
  }

  order(order: { readonly id: string }): OrderJson {
    const result = this.engine.order(ACCOUNT, order.id, { nested: 'true' });
    assert.ok(result.ok);
    return result.value;
  }

  /** The order's `[status, filled_qty, filled_avg_price]`. */
  state(order: { readonly id: string }): readonly [string, string, string | null] {
    const { status, filled_qty, filled_avg_price } = this.order(order);
    return [status, filled_qty, filled_avg_price];
  }

  replace(order: { readonly id: string }, body: Body): Result<OrderJson> {
    return this.engine.replace(ACCOUNT, order.id, body, this.now);
  }

  cancel(order: { readonly id: string }): Result<null> {
    return this.engine.cancel(ACCOUNT, order.id, this.now);
  }

  /** One field of the account. */
  account(field: string): unknown {
    return this.engine.account(ACCOUNT, this.now)[field];
  }

  /** `[qty, qty_available]` of a position; zeros when there is none. */
  position(symbol: string): readonly [string, string] {
    const result = this.engine.position(ACCOUNT, symbol, this.now);
    return result.ok ? [result.value.qty, result.value.qty_available] : ['0', '0'];
  }

  /** Names of the events since the last call, oldest first. */
  heard(): string[] {
    return this.events.splice(0).map(({ event }) => event);
  }
}
