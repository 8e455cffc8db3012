/**
 * Generated histories of an account: what the mirror answers to a list or a look-up is what the exchange would have
 * answered, to the byte of its JSON; with a stream that loses, repeats and delays, it is what the exchange had answered
 * within the age that was promised.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { AgentId } from '../../src/order/name.ts';
import type { OrderListRequest } from '../../src/order/request.ts';
import { anybody, type MirroredAccount, mirroredAccount, SETTINGS } from './account.ts';

type Json = Readonly<Record<string, unknown>>;
/** The same histories each time, so that a mutant is caught each time; for others take the seed out. */
const RUNS = { numRuns: 60, seed: 2, endOnFailure: true };

const SYMBOLS = ['AAPL', 'MSFT', 'BTC/USD'] as const;
const AGENTS = ['alpha', 'beta'] as const;

const kinds = ['limit', 'market', 'bracket', 'mleg', 'foreign'] as const;
const action = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      kind: fc.constantFrom(...kinds),
      agent: fc.constantFrom(...AGENTS),
      symbol: fc.constantFrom(...SYMBOLS),
      side: fc.constantFrom('buy' as const, 'sell' as const),
      /** The tower hears of it by the stream or a list only. */
      isUnheard: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), nth: fc.nat(30), isOurs: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replace' as const), nth: fc.nat(30) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('price' as const),
      symbol: fc.constantFrom(...SYMBOLS),
      price: fc.constantFrom('60.00', '100.00', '140.00', '190.00'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), seconds: fc.constantFrom(1, 4, 9, 700) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const query = fc.record({
  status: fc.constantFrom('open' as const, 'closed' as const, 'all' as const),
  limit: fc.constantFrom(1, 2, 5, 500),
  direction: fc.constantFrom('asc' as const, 'desc' as const),
  symbols: fc.constantFrom([], ['AAPL'], ['BTCUSD', 'MSFT']),
  side: fc.constantFrom(null, 'buy' as const, 'sell' as const),
  ofAgent: fc.constantFrom(null, 'alpha' as AgentId),
  /** Where in the history the bounds stand; null for none. */
  after: fc.option(fc.nat(20)),
  until: fc.option(fc.nat(20)),
});
/** What most agents ask. */
const PLAIN: Query = {
  status: 'all',
  limit: 500,
  direction: 'desc',
  symbols: [],
  side: null,
  ofAgent: null,
  after: null,
  until: null,
};
type Query = typeof query extends fc.Arbitrary<infer T> ? T : never;

let count = 0;
const clientId = (agent: string): string =>
  `${agent}_20261123150000${String(count++ % 1_000_000).padStart(6, '0')}_stockbuy`;

function body({ kind, agent, symbol, side }: Extract<Action, { do: 'submit' }>, contracts: readonly string[]): Json {
  const common = { client_order_id: kind === 'foreign' ? `other-${count++}` : clientId(agent), qty: '1' };
  const limit = side === 'buy' ? '100' : '140';
  switch (kind) {
    case 'mleg': {
      const leg = (nth: number, to: string): Json => ({
        symbol: contracts[nth],
        ratio_qty: '1',
        side: to,
        position_intent: `${to}_to_open`,
      });
      const legs = [leg(0, 'buy'), leg(1, 'sell')];
      return { ...common, order_class: 'mleg', type: 'limit', limit_price: '1.00', time_in_force: 'day', legs };
    }
    case 'bracket': {
      const exits = { take_profit: { limit_price: '180' }, stop_loss: { stop_price: '70' } };
      return {
        ...common,
        symbol: 'AAPL',
        side: 'buy',
        type: 'limit',
        limit_price: '100',
        ...exits,
        order_class: 'bracket',
        time_in_force: 'gtc',
      };
    }
    case 'market':
      return { ...common, symbol, side, type: 'market', time_in_force: 'gtc' };
    default:
      return { ...common, symbol, side, type: 'limit', limit_price: limit, time_in_force: 'gtc' };
  }
}

/** Few enough for the oldest to be forgotten, or more than there are. */
const kept = fc.constantFrom(6, 1_000);

interface Seen {
  readonly ms: number;
  readonly orders: ReadonlyMap<string, Json>;
}

class History {
  readonly account: MirroredAccount;
  /** The exchange's own list after every step. */
  readonly seen: Seen[] = [];
  /** Two calls of one expiry. */
  readonly #contracts: readonly string[];

  constructor(account: MirroredAccount) {
    this.account = account;
    const { body } = account.world.call('GET', '/v2/options/contracts?underlying_symbols=AAPL&type=call&limit=2');
    this.#contracts = (body['option_contracts'] as readonly Json[]).map(({ symbol }) => String(symbol));
    for (const symbol of SYMBOLS) account.world.hold(symbol, '119.99', '120.01');
    this.#note();
  }

  #note(): void {
    const { list } = this.account.world.call('GET', '/v2/orders?status=all&limit=500&nested=true&direction=asc');
    this.seen.push({ ms: this.account.nowMs(), orders: new Map(list.map((order) => [String(order['id']), order])) });
  }

  async act(action: Action): Promise<void> {
    const { world, mirror } = this.account;
    switch (action.do) {
      case 'submit': {
        const text = JSON.stringify(body(action, this.#contracts));
        if (action.kind === 'foreign' || action.isUnheard) world.call('POST', '/v2/orders', text);
        else await mirror.broker.submit({ method: 'POST', path: '/v2/orders', body: text }, () => true);
        break;
      }
      case 'cancel': {
        const id = this.#pick(action.nth);
        if (id !== null && action.isOurs) await mirror.broker.cancel(id);
        else if (id !== null) world.call('DELETE', `/v2/orders/${id}`);
        break;
      }
      case 'replace': {
        const id = this.#pick(action.nth);
        if (id !== null) world.call('PATCH', `/v2/orders/${id}`, { qty: '2' });
        break;
      }
      case 'price':
        world.hold(action.symbol, action.price);
        this.account.advance(1);
        break;
      case 'advance':
        this.account.advance(action.seconds);
        break;
      case 'sweep':
        await this.account.sweep();
    }
    this.#note();
  }

  #pick(nth: number): string | null {
    const ids = [...(this.seen.at(-1)?.orders.keys() ?? [])];
    return ids[nth % Math.max(1, ids.length)] ?? null;
  }

  /** The exchange's answer at this moment. */
  truth(request: OrderListRequest): readonly Json[] {
    const { status, direction, symbols, side, after, until, ofAgent, limit } = request;
    const query = new URLSearchParams({
      status,
      direction,
      nested: 'true',
      limit: String(ofAgent === null ? limit : 500),
    });
    if (symbols.length > 0) query.set('symbols', symbols.join());
    if (side !== null) query.set('side', side);
    if (after !== null) query.set('after', after);
    if (until !== null) query.set('until', until);
    const { list, status: code } = this.account.world.call('GET', `/v2/orders?${query}`);
    assert.equal(code, 200);
    return list
      .filter((order) => ofAgent === null || String(order['client_order_id']).startsWith(`${ofAgent}_`))
      .slice(0, limit);
  }

  request(query: Query): OrderListRequest {
    const orders = [...(this.seen.at(-1)?.orders.values() ?? [])];
    const at = (n: number | null): string | null =>
      n === null || orders.length === 0 ? null : String(orders[n % orders.length]?.['submitted_at']);
    return {
      ...query,
      type: 'allorders',
      after: at(query.after),
      until: at(query.until),
    } as Partial<OrderListRequest> as OrderListRequest;
  }
}

const parsed = (rows: readonly string[]): readonly Json[] => rows.map((row) => JSON.parse(row) as Json);

test('with every trade update heard, an answer of the mirror is the exchange’s answer', async () => {
  const counted = { mirrored: 0, asked: 0, single: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(action, fc.array(query, { maxLength: 2 })), { minLength: 10, maxLength: 40, size: 'max' }),
      kept,
      async (steps, ordersKept) => {
        const history = new History(await mirroredAccount({ ordersKept }));
        const { mirror, frames, deliver, sweep } = history.account;
        await sweep();
        for (const [step, queries] of steps) {
          await history.act(step);
          while (frames.length > 0) deliver();
          for (const each of [PLAIN, { ...PLAIN, status: 'open' as const }, ...queries]) {
            const request = history.request(each);
            const answer = await mirror.orders(request, anybody);
            assert.ok(answer?.kind === 'done');
            counted[answer.value === null ? 'asked' : 'mirrored']++;
            if (answer.value !== null) assert.deepEqual(parsed(answer.value), history.truth(request));
          }
          for (const [id, order] of history.seen.at(-1)?.orders ?? []) {
            const answer = await mirror.order({ clientOrderId: String(order['client_order_id']) }, anybody);
            assert.ok(answer?.kind === 'done', id);
            counted.single++;
            assert.deepEqual(JSON.parse(answer.value.json), order);
          }
        }
      },
    ),
    RUNS,
  );
  const share = counted.mirrored / (counted.mirrored + counted.asked);
  assert.ok(share > 0.5, `the mirror answered only ${Math.round(100 * share)} % of the lists`);
});

test('with a stream that loses, repeats and delays, an answer was true within the promised age', async () => {
  const delivery = fc.constantFrom('deliver', 'lose', 'swap', 'repeat', 'keep');
  const steps = fc.array(fc.tuple(action, fc.array(delivery, { maxLength: 4 }), fc.array(query, { maxLength: 2 })), {
    minLength: 10,
    maxLength: 40,
    size: 'max',
  });
  let rowsSeen = 0;
  await fc.assert(
    fc.asyncProperty(steps, kept, async (all, ordersKept) => {
      const history = new History(await mirroredAccount({ ordersKept }));
      const { mirror, frames, told, deliver, sweep, nowMs } = history.account;
      await sweep();
      for (const [step, deliveries, queries] of all) {
        await history.act(step);
        for (const how of deliveries) {
          const [first, second] = frames;
          if (how === 'lose') frames.shift();
          if (how === 'swap' && first !== undefined && second !== undefined) frames.splice(0, 2, second, first);
          if (how === 'repeat' && first !== undefined) frames.unshift(first);
          if (how !== 'keep' && how !== 'lose') deliver();
        }
        for (const each of [PLAIN, { ...PLAIN, status: 'open' as const }, ...queries]) {
          const request = history.request(each);
          const answer = await mirror.orders(request, anybody);
          assert.ok(answer?.kind === 'done');
          if (answer.value === null) continue;
          const since = history.seen.filter(({ ms }) => nowMs() - ms <= SETTINGS.ordersMaxAgeMs);
          // What held when the oldest of these steps ended held until then, too.
          const before = history.seen[history.seen.length - since.length - 1];
          const within = before === undefined ? since : [before, ...since];
          for (const row of parsed(answer.value)) {
            rowsSeen++;
            const id = String(row['id']);
            assert.ok(
              within.some(({ orders }) => isDeepStrictEqual(orders.get(id), row)) ||
                told.some(({ ms, order }) => ms >= nowMs() - SETTINGS.ordersMaxAgeMs && isDeepStrictEqual(order, row)),
              `${id} was not ${JSON.stringify(row)} within the age; it is ${JSON.stringify(within.at(-1)?.orders.get(id))}`,
            );
          }
        }
      }
    }),
    RUNS,
  );
  assert.ok(rowsSeen > 1000, `only ${rowsSeen} rows were judged`);
});
