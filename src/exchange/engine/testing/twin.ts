/**
 * Generated trading against the naive twin: the same commands to both, and after each the same answers, cash, positions,
 * buying power and orders. For tests and soaks. Throws on the first difference, naming the seed and the step.
 */
import assert from 'node:assert/strict';
import { below, chance, pick, type Random, seededRandom } from '../../../lib/random.ts';
import { Engine } from '../engine.ts';
import { parseFixed } from '../fixed.ts';
import type { Body, OrderJson, Result } from '../types.ts';
import { type NaiveBody, NaiveExchange, type NaiveOrder } from './naive.ts';
import { newYork, stock, ToyMarket } from './toy-market.ts';

const ACCOUNTS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
const SYMBOLS = ['AAA', 'BBB', 'CCC'];
const CENT = 10_000n;
const START = 30_000n * 1_000_000n;

const dollars = (micros: bigint): string => {
  const digits = String(micros).padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
};
/** The engine's text in the twin's unit. */
const microsOf = (value: unknown): bigint => {
  const parsed = parseFixed(String(value));
  assert.ok(parsed !== undefined && parsed % 1000n === 0n, `not in millionths: ${value}`);
  return parsed / 1000n;
};

interface Pair {
  readonly id: string;
  readonly twin: NaiveOrder;
}

class Twins {
  readonly random: Random;
  readonly market = new ToyMarket();
  readonly naive = new NaiveExchange();
  readonly engine: Engine;
  readonly pairs = new Map<string, Pair[]>(ACCOUNTS.map((account) => [account, []]));
  at = newYork('2026-01-07 10:00');

  constructor(seed: string) {
    this.random = seededRandom(seed);
    this.engine = new Engine(this.market, { seed });
    for (const symbol of SYMBOLS) {
      this.market.add(stock(symbol));
      this.show(symbol, 10_000n);
    }
    for (const account of ACCOUNTS) {
      this.engine.openAccount({ id: account, cash: dollars(START) }, this.at);
      this.naive.cash.set(account, START);
    }
  }

  /** Quotes around `cents`, the spread two cents. */
  show(symbol: string, cents: bigint): void {
    const last = cents * CENT;
    const quote = { bid: last - CENT, ask: last + CENT, last };
    this.naive.show(symbol, quote);
    this.market.show(symbol, dollars(quote.bid), dollars(quote.ask), dollars(last));
  }

  /** A price near the market, now and then across it. */
  near(symbol: string): bigint {
    const last = this.naive.quotes.get(symbol)?.last ?? 0n;
    return last + (BigInt(below(this.random, 2001)) - 1000n) * CENT;
  }

  body(): NaiveBody {
    const symbol = pick(this.random, SYMBOLS);
    const type = pick(this.random, ['market', 'limit', 'limit', 'stop', 'stop_limit'] as const);
    const large = chance(this.random, 0.2);
    return {
      symbol,
      side: pick(this.random, ['buy', 'sell']),
      type,
      qty: BigInt(1 + below(this.random, large ? 400 : 20)),
      limit: type === 'limit' || type === 'stop_limit' ? this.near(symbol) : null,
      stop: type === 'stop' || type === 'stop_limit' ? this.near(symbol) : null,
      ioc: type !== 'stop' && type !== 'stop_limit' && chance(this.random, 0.2),
    };
  }

  static wire(body: NaiveBody): Body {
    return {
      symbol: body.symbol,
      side: body.side,
      type: body.type,
      qty: String(body.qty),
      time_in_force: body.ioc ? 'ioc' : 'gtc',
      ...(body.limit === null ? {} : { limit_price: dollars(body.limit) }),
      ...(body.stop === null ? {} : { stop_price: dollars(body.stop) }),
    };
  }

  /** Both accepted, or both refused with the same words. */
  note(account: string, result: Result<OrderJson>, twin: NaiveOrder | string): void {
    if (typeof twin === 'string') assert.equal(result.ok ? 'accepted' : result.error.message, twin);
    else {
      assert.ok(result.ok, result.ok ? '' : `only the engine refused: ${result.error.message}`);
      this.pairs.get(account)?.push({ id: result.value.id, twin });
    }
  }

  step(): void {
    this.at += BigInt(1 + below(this.random, 1000)) * 1_000_000n;
    const account = pick(this.random, ACCOUNTS);
    const dice = below(this.random, 100);
    if (dice < 45) {
      const body = this.body();
      this.note(account, this.engine.submit(account, Twins.wire(body), this.at), this.naive.submit(account, body));
    } else if (dice < 70) {
      const symbol = pick(this.random, SYMBOLS);
      const now = (this.naive.quotes.get(symbol)?.last ?? 0n) / CENT;
      const moved = now + BigInt(below(this.random, 601)) - 300n;
      this.show(symbol, moved < 6_000n ? 6_300n : moved > 16_000n ? 15_700n : moved);
      this.engine.tick(this.at);
    } else this.touch(account, dice);
  }

  /** Cancels or replaces one of the open orders. */
  touch(account: string, dice: number): void {
    const open = this.pairs.get(account)?.filter(({ twin }) => twin.status === 'new') ?? [];
    if (open.length === 0) return;
    const { id, twin } = pick(this.random, open);
    if (dice < 85) {
      assert.ok(this.engine.cancel(account, id, this.at).ok);
      twin.status = 'canceled';
      return;
    }
    if (twin.limit === null) return;
    const limit = this.near(twin.symbol);
    const qty = BigInt(1 + below(this.random, 20));
    const result = this.engine.replace(account, id, { limit_price: dollars(limit), qty: String(qty) }, this.at);
    if (limit === twin.limit && qty === twin.qty) {
      assert.equal(result.ok ? '' : result.error.message, 'order parameters are not changed');
      return;
    }
    this.note(account, result, this.naive.submit(account, { ...twin, limit, qty }, twin));
  }

  compare(): void {
    for (const account of ACCOUNTS) {
      const view = this.engine.account(account, this.at);
      assert.equal(microsOf(view['cash']), this.naive.cash.get(account), 'cash');
      assert.equal(microsOf(view['equity']), this.naive.worth(account).equity, 'equity');
      assert.equal(microsOf(view['buying_power']), this.naive.buyingPower(account), 'buying power');
      for (const symbol of SYMBOLS) {
        const position = this.engine.position(account, symbol, this.at);
        assert.equal(position.ok ? BigInt(position.value.qty) : 0n, this.naive.qty(account, symbol), symbol);
        const free = position.ok ? BigInt(position.value.qty_available.replace('-', '')) : 0n;
        assert.equal(free, this.naive.available(account, symbol), `${symbol} available`);
      }
      const open = this.engine.orders(account, { limit: '500', direction: 'asc' });
      assert.ok(open.ok);
      const expected = this.pairs.get(account)?.filter(({ twin }) => twin.status === 'new') ?? [];
      assert.deepEqual(
        open.value.map(({ id }) => id),
        expected.map(({ id }) => id),
        'open orders',
      );
    }
  }

  /** Every order's final word, once at the end. */
  compareOrders(): void {
    for (const [account, pairs] of this.pairs) {
      for (const { id, twin } of pairs) {
        const order = this.engine.order(account, id, {});
        assert.ok(order.ok);
        assert.equal(order.value.status, twin.status);
        if (twin.status === 'filled') assert.equal(microsOf(order.value.filled_avg_price), twin.fillPrice);
      }
    }
  }
}

/** Runs `steps` generated commands on both. */
export function checkTwin(seed: string, steps: number): void {
  const twins = new Twins(seed);
  for (let step = 0; step < steps; step++) {
    try {
      twins.step();
      twins.compare();
    } catch (error) {
      throw new Error(`seed ${seed}, step ${step}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
  twins.compareOrders();
}
