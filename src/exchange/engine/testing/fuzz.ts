/**
 * Generated trading of every kind (stocks, crypto, options, spreads, groups, replacements, exercise, splits, nights and
 * expiries), with what must always hold asserted after each command. For tests and soaks. Throws on the first breach.
 */
import assert from 'node:assert/strict';
import { below, chance, pick, type Random, seededRandom } from '../../../lib/random.ts';
import { Engine } from '../engine.ts';
import { CENT, fixed, mul, text } from '../fixed.ts';
import { HOUR, MINUTE } from '../time.ts';
import type { ActivityJson, Body, EngineEvent, Fixed, Instant, JournalEntry } from '../types.ts';
import { AAPL, CALL_100, CALL_105, CALL_LATER, market as deskMarket, MSFT, PUT_95, PUT_100 } from './harness.ts';
import { newYork, ToyMarket } from './toy-market.ts';

const FUZZ_ACCOUNTS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const;
const CONTRACTS = [CALL_100, CALL_105, CALL_LATER, PUT_95, PUT_100];
const STOCKS = [AAPL.symbol, MSFT.symbol, 'HTB', 'WHOLE', 'PENNY'];
const CASH = '100000';

/** Whole cents as text. */
const money = (cents: number): string => text(BigInt(cents) * CENT);

/** What the account's activities say that its cash and positions are. */
class Books {
  cash: Fixed = fixed(CASH);
  readonly positions = new Map<string, Fixed>();
  readonly filled = new Map<string, Fixed>();

  /** Takes in the rows that are new. */
  read(engine: Engine, account: string): void {
    for (;;) {
      const rows = engine.activities(account, { direction: 'asc', ...(this.#last ? { page_token: this.#last } : {}) });
      assert.ok(rows.ok);
      for (const row of rows.value) this.#take(row);
      if (rows.value.length < 100) return;
    }
  }

  #last = '';

  #take(row: ActivityJson): void {
    this.#last = row.id;
    const symbol = String(row['symbol'] ?? '');
    const qty = fixed(String(row['qty'] ?? '0'));
    if (row.activity_type === 'FILL') {
      const signed = row['side'] === 'buy' ? qty : -qty;
      const times = /[0-9]{6}[CP][0-9]{8}$/.test(symbol) ? 100n : 1n;
      this.cash -= mul(signed * times, fixed(String(row['price'])));
      this.#move(symbol, signed);
      const id = String(row['order_id']);
      const sum = (this.filled.get(id) ?? 0n) + qty;
      this.filled.set(id, sum);
      assert.equal(text(sum), row['cum_qty'], 'cum_qty');
    } else {
      this.cash += fixed(String(row['net_amount']));
      this.#move(symbol, qty);
    }
  }

  #move(symbol: string, qty: Fixed): void {
    this.positions.set(symbol, (this.positions.get(symbol) ?? 0n) + qty);
  }
}

export class Fuzz {
  readonly random: Random;
  readonly market: ToyMarket = deskMarket();
  readonly engine: Engine;
  readonly #books = new Map<string, Books>(FUZZ_ACCOUNTS.map((account) => [account, new Books()]));
  readonly #ids = new Map<string, string[]>(FUZZ_ACCOUNTS.map((account) => [account, []]));
  readonly #prices = new Map<string, number>();
  at: Instant = newYork('2026-01-07 10:00');
  accepted = 0;

  constructor(seed: string, options: { readonly partialFills?: number; readonly hours?: boolean } = {}) {
    this.random = seededRandom(seed);
    this.market.keepsHours = options.hours ?? true;
    this.engine = new Engine(this.market, { seed, partialFills: options.partialFills ?? 0 });
    for (const id of FUZZ_ACCOUNTS) this.engine.openAccount({ id, cash: CASH }, this.at);
  }

  #cents(symbol: string): number {
    const quote = this.market.quote(symbol);
    return this.#prices.get(symbol) ?? Number((quote?.last ?? 0n) / 10_000_000n);
  }

  /** A price near the market, as text. */
  #near(symbol: string): string {
    const cents = this.#cents(symbol);
    return money(Math.max(1, Math.floor((cents * (900 + below(this.random, 200))) / 1000)));
  }

  #side(): string {
    return pick(this.random, ['buy', 'sell']);
  }

  #stock(): Body {
    const symbol = pick(this.random, STOCKS);
    const type = pick(this.random, ['market', 'market', 'limit', 'limit', 'stop', 'stop_limit', 'trailing_stop']);
    const size = chance(this.random, 0.15) && type !== 'trailing_stop';
    const money = size && chance(this.random, 0.5);
    return {
      symbol,
      side: this.#side(),
      type,
      time_in_force: size ? 'day' : pick(this.random, ['day', 'gtc', 'day', 'ioc', 'cls', 'opg']),
      ...(money
        ? { notional: String(1 + below(this.random, 500)) }
        : {
            qty: size
              ? `${below(this.random, 9)}.${1 + below(this.random, 99999)}`
              : String(1 + below(this.random, 50)),
          }),
      ...(type === 'limit' || type === 'stop_limit' ? { limit_price: this.#near(symbol) } : {}),
      ...(type === 'stop' || type === 'stop_limit' ? { stop_price: this.#near(symbol) } : {}),
      ...(type === 'trailing_stop' ? { trail_percent: String(1 + below(this.random, 5)) } : {}),
      ...(type === 'limit' && chance(this.random, 0.2) ? { extended_hours: true } : {}),
    };
  }

  #group(): Body {
    const symbol = pick(this.random, [AAPL.symbol, MSFT.symbol]);
    const cents = this.#cents(symbol);
    const side = this.#side();
    const order_class = pick(this.random, ['bracket', 'bracket', 'oco', 'oto']);
    const up = { limit_price: money(Math.floor(cents * 1.02)) };
    const down = { limit_price: money(Math.floor(cents * 0.98)) };
    const long = order_class === 'oco' ? side === 'sell' : side === 'buy';
    const stop_loss = {
      stop_price: (long ? down : up).limit_price,
      ...(chance(this.random, 0.2) ? { limit_price: (long ? down : up).limit_price } : {}),
    };
    const limit = order_class === 'oco' || chance(this.random, 0.5);
    return {
      symbol,
      side,
      order_class,
      type: limit ? 'limit' : 'market',
      time_in_force: pick(this.random, ['day', 'gtc']),
      qty: String(1 + below(this.random, 20)),
      ...(limit && order_class !== 'oco' ? { limit_price: money(cents) } : {}),
      take_profit: long ? up : down,
      ...(order_class === 'oto' ? {} : { stop_loss }),
    };
  }

  #crypto(): Body {
    const type = pick(this.random, ['market', 'limit', 'stop_limit']);
    const money = type === 'market' && chance(this.random, 0.5);
    return {
      symbol: 'BTC/USD',
      side: this.#side(),
      type,
      time_in_force: pick(this.random, ['gtc', 'ioc']),
      ...(money ? { notional: String(10 + below(this.random, 900)) } : { qty: `0.0${1 + below(this.random, 999)}` }),
      ...(type === 'market' ? {} : { limit_price: this.#near('BTC/USD') }),
      ...(type === 'stop_limit' ? { stop_price: this.#near('BTC/USD') } : {}),
    };
  }

  #option(): Body {
    const { symbol } = pick(this.random, CONTRACTS);
    const type = pick(this.random, ['market', 'limit', 'limit', 'stop']);
    return {
      symbol,
      side: this.#side(),
      type,
      time_in_force: pick(this.random, ['day', 'gtc']),
      qty: String(1 + below(this.random, 3)),
      ...(type === 'limit' ? { limit_price: this.#near(symbol) } : {}),
      ...(type === 'stop' ? { stop_price: this.#near(symbol) } : {}),
    };
  }

  #spread(): Body {
    const [first, second] = pick(this.random, [
      [CALL_100, CALL_105],
      [CALL_105, CALL_LATER],
      [PUT_100, PUT_95],
    ] as const);
    const flip = chance(this.random, 0.5);
    const ends = pick(this.random, ['open', 'open', 'close']);
    const market = chance(this.random, 0.5);
    return {
      order_class: 'mleg',
      type: market ? 'market' : 'limit',
      time_in_force: 'day',
      qty: String(1 + below(this.random, 3)),
      ...(market ? {} : { limit_price: money(below(this.random, 600) - 300) }),
      legs: [
        { symbol: first.symbol, ratio_qty: '1', position_intent: `${flip ? 'buy' : 'sell'}_to_${ends}` },
        { symbol: second.symbol, ratio_qty: '1', position_intent: `${flip ? 'sell' : 'buy'}_to_${ends}` },
      ],
    };
  }

  #move(): void {
    const symbol = pick(this.random, [...STOCKS, 'BTC/USD', ...CONTRACTS.map((each) => each.symbol)]);
    const cents = Math.max(30, Math.round(this.#cents(symbol) * (0.97 + below(this.random, 61) / 1000)));
    this.#prices.set(symbol, cents);
    const half = Math.max(1, Math.floor(cents / 5000));
    this.market.show(symbol, money(cents - half), money(cents + half), money(cents));
    this.market.halt(symbol, chance(this.random, 0.02));
    this.engine.tick(this.at);
  }

  #touch(account: string): void {
    const ids = this.#ids.get(account) ?? [];
    const open = this.engine.orders(account, { limit: '500', status: chance(this.random, 0.9) ? 'open' : 'all' });
    assert.ok(open.ok);
    if (open.value.length === 0) return;
    const order = this.engine.order(account, pick(this.random, open.value).id, { nested: 'true' });
    assert.ok(order.ok);
    const all = [order.value, ...(order.value.legs ?? [])];
    const { id: chosen, symbol } = pick(this.random, all);
    if (chance(this.random, 0.5)) {
      this.engine.cancel(account, chosen, this.at);
      return;
    }
    const change: Body = pick(this.random, [
      { limit_price: this.#near(symbol) },
      { stop_price: this.#near(symbol) },
      { qty: String(1 + below(this.random, 30)) },
      { trail: '3' },
      { limit_price: '-1.5' },
    ]);
    const result = this.engine.replace(account, chosen, change, this.at);
    if (result.ok) ids.push(result.value.id);
  }

  #rare(account: string): void {
    const contract = pick(this.random, CONTRACTS).symbol;
    const doing = pick(this.random, [
      'close',
      'closeAll',
      'exercise',
      'skip',
      'split',
      'cash',
      'cancelAll',
      'config',
      'leap',
    ]);
    const symbol = pick(this.random, [...STOCKS, 'BTCUSD', contract]);
    if (doing === 'close') {
      const query = pick(this.random, [{}, { percentage: '33.3' }, { qty: '1' }]);
      this.engine.closePosition(account, symbol, query, this.at);
    } else if (doing === 'closeAll') this.engine.closeAll(account, chance(this.random, 0.5), this.at);
    else if (doing === 'exercise') this.engine.exercise(account, contract, this.at);
    else if (doing === 'skip') this.engine.doNotExercise(account, contract, this.at);
    else if (doing === 'split')
      this.engine.split('PENNY', pick(this.random, [2, 3]), pick(this.random, [1, 2]), this.at);
    else if (doing === 'cash') this.engine.adjustCash(account, pick(this.random, ['1000.5', '-20']), this.at);
    else if (doing === 'cancelAll') this.engine.cancelAll(account, this.at);
    else if (doing === 'config') {
      this.engine.configure(account, { no_shorting: chance(this.random, 0.3), suspend_trade: false }, this.at);
    } else {
      this.at += BigInt(1 + below(this.random, 30)) * HOUR;
      this.engine.tick(this.at);
      // Mostly on to the next morning: most of trading is done by day.
      if (chance(this.random, 0.8)) this.at = this.market.tradingDay(this.at + 12n * HOUR).open + 30n * MINUTE;
      this.engine.tick(this.at);
    }
  }

  step(): void {
    this.at += BigInt(1 + below(this.random, 2000)) * (MINUTE / 1000n);
    const account = pick(this.random, FUZZ_ACCOUNTS);
    const dice = below(this.random, 100);
    if (dice >= 82) this.#rare(account);
    else if (dice >= 68) this.#touch(account);
    else if (dice >= 45) this.#move();
    else {
      const make =
        dice < 14
          ? this.#stock()
          : dice < 22
            ? this.#group()
            : dice < 29
              ? this.#crypto()
              : dice < 38
                ? this.#option()
                : this.#spread();
      const result = this.engine.submit(account, make, this.at);
      if (!result.ok) return;
      this.accepted++;
      assert.equal(result.value.filled_qty, '0', 'an answer has nothing filled');
      this.#ids.get(account)?.push(result.value.id);
    }
  }

  /** What must always hold. */
  check(): void {
    for (const account of FUZZ_ACCOUNTS) {
      const books = this.#books.get(account);
      assert.ok(books);
      books.read(this.engine, account);
      const view = this.engine.account(account, this.at);
      assert.equal(view['cash'], text(books.cash), 'the activities explain the cash');
      const positions = this.engine.positions(account, this.at);
      const known = new Map(positions.map((each) => [each.symbol, each]));
      for (const [symbol, qty] of books.positions) {
        assert.equal(known.get(symbol.replaceAll('/', ''))?.qty ?? '0', text(qty), `the activities explain ${symbol}`);
      }
      for (const { symbol, qty, qty_available } of positions) {
        const [all, free] = [fixed(qty), fixed(qty_available)];
        const fits = all > 0n ? free >= 0n && free <= all : free <= 0n && free >= all;
        assert.ok(all !== 0n && fits, `${symbol}: ${qty_available} of ${qty} available`);
      }
    }
  }

  /** What must hold when everything has been cancelled. */
  finish(): void {
    for (const account of FUZZ_ACCOUNTS) {
      this.engine.cancelAll(account, this.at);
      const all = this.engine.orders(account, { status: 'open', limit: '500' });
      assert.ok(all.ok && all.value.length === 0, 'nothing is open after cancelling everything');
      const view = this.engine.account(account, this.at);
      const free = fixed(String(view['equity'])) - fixed(String(view['initial_margin']));
      const power = free * BigInt(String(view['multiplier']));
      assert.equal(view['buying_power'], text(power > 0n ? power : 0n), 'nothing stays reserved');
      for (const id of this.#ids.get(account) ?? []) {
        const order = this.engine.order(account, id, { nested: 'true' });
        assert.ok(order.ok);
        for (const each of [order.value, ...(order.value.legs ?? [])]) {
          const filled = this.#books.get(account)?.filled.get(each.id) ?? 0n;
          if (each.order_class !== 'mleg' || each.symbol !== '')
            assert.equal(each.filled_qty, text(filled), 'fills of an order');
          assert.ok(each.qty === null || fixed(each.filled_qty) <= fixed(each.qty), 'no order is overfilled');
        }
      }
    }
  }
}

/** Runs `steps` generated commands and checks after each. */
export function checkFuzz(seed: string, steps: number): number {
  const fuzz = new Fuzz(seed, { partialFills: seed.length % 2 === 0 ? 0 : 0.3, hours: !seed.endsWith('7') });
  for (let step = 0; step < steps; step++) {
    try {
      fuzz.step();
      fuzz.check();
    } catch (error) {
      throw new Error(`seed ${seed}, step ${step}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
  fuzz.finish();
  return fuzz.accepted;
}

/** A market that knows nothing: what a replay needs has to be in the journal. */
const nothing = new ToyMarket();

/** Brings an engine back from several snapshots and the journal after each: the same state and the same events. */
export function checkReplay(seed: string, steps: number): void {
  const fuzz = new Fuzz(seed, { partialFills: 0.2, hours: !seed.endsWith('7') });
  const journal: string[] = [];
  const events: EngineEvent[] = [];
  const saved: (readonly [snapshot: string, entries: number, events: number])[] = [[fuzz.engine.snapshot(), 0, 0]];
  fuzz.engine.onCommand((entry) => journal.push(JSON.stringify(entry)));
  fuzz.engine.onEvent((event) => events.push(event));
  for (let step = 1; step <= steps; step++) {
    fuzz.step();
    if (step % 150 === 0) saved.push([fuzz.engine.snapshot(), journal.length, events.length]);
  }
  const end = fuzz.engine.snapshot();
  for (const [snapshot, entries, heard] of saved) {
    const again = Engine.restore(snapshot, nothing, { seed });
    assert.equal(again.snapshot(), snapshot, `seed ${seed}: restoring changes nothing`);
    const replayed: EngineEvent[] = [];
    again.onEvent((event) => replayed.push(event));
    for (const line of journal.slice(entries)) again.replay(JSON.parse(line) as JournalEntry);
    assert.equal(again.snapshot() === end, true, `seed ${seed}: the replay from entry ${entries} ends elsewhere`);
    assert.deepEqual(replayed, events.slice(heard), `seed ${seed}: the replay tells something else`);
  }
}
