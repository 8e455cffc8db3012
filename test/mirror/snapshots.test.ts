/**
 * Generated histories of several agents that trade and look at positions and account: none is shown less than it was told
 * of its own orders or saw in an answer before, a controller no less than anybody, and nobody less than everything once
 * the time between two readings has passed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OrderListRequest } from '../../src/order/request.ts';
import { type MirroredAccount, mirroredAccount } from './account.ts';

/** The same histories each time, so that a mutant is caught each time; for others take the seed out. */
const RUNS = { numRuns: 60, seed: 3, endOnFailure: true };
const REREAD_MS = 2_000;
const AGENTS = ['alpha', 'beta', 'gamma', 'boss'] as const;
type Agent = (typeof AGENTS)[number];
const CONTROLLER: Agent = 'boss';

const agent = fc.constantFrom(...AGENTS);
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('trade' as const), agent, isMarket: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('foreign' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('price' as const), price: fc.constantFrom('90.00', '110.00') }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance' as const), seconds: fc.constantFrom(0.3, 1, 1.8, 3) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('look' as const), agent, isMoney: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('list' as const), agent, isOpen: fc.boolean() }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

/** What the account was like after a step. */
interface State {
  readonly ms: number;
  /** Shares held, and the money left. */
  readonly qty: string;
  readonly cash: string;
  /** Order id → its owner and how much of it has filled. */
  readonly orders: ReadonlyMap<string, { readonly owner: string; readonly status: string; readonly filled: string }>;
}

const listOf = (status: 'open' | 'all'): OrderListRequest =>
  ({
    type: 'allorders',
    status,
    limit: 500,
    symbols: [],
    ofAgent: null,
    after: null,
    until: null,
    direction: 'desc',
    side: null,
    maxAgeMs: null,
  }) as Partial<OrderListRequest> as OrderListRequest;

class History {
  readonly account: MirroredAccount;
  readonly states: State[] = [];
  /** Agent → the newest state of which it was shown something. */
  readonly #told = new Map<Agent, number>();
  /** Agent → the ids of open orders in its last list of them. */
  readonly #open = new Map<Agent, ReadonlySet<string>>();
  #count = 0;
  relaxed = 0;

  constructor(account: MirroredAccount) {
    this.account = account;
    account.world.hold('AAPL', '100.00');
    this.#note();
  }

  #note(): void {
    const { world, frames, deliver, nowMs } = this.account;
    while (frames.length > 0) deliver();
    const { list } = world.call('GET', '/v2/orders?status=all&limit=500');
    const position = world.call('GET', '/v2/positions').list[0];
    const orders = new Map(
      list.map((order) => {
        const [owner = ''] = String(order['client_order_id']).split('_');
        return [
          String(order['id']),
          { owner, status: String(order['status']), filled: String(order['filled_qty']) },
        ] as const;
      }),
    );
    const cash = String(world.call('GET', '/v2/account').body['cash']);
    const before = this.states.at(-1);
    this.states.push({ ms: nowMs(), qty: String(position?.['qty'] ?? '0'), cash, orders });
    // Its own order's news: the tower has told it.
    for (const name of AGENTS)
      for (const [id, { owner, status, filled }] of orders) {
        const known = before?.orders.get(id);
        if (owner === name && (known?.status !== status || known.filled !== filled))
          this.#tell(name, this.states.length - 1);
      }
  }

  #tell(name: Agent, index: number): void {
    this.#told.set(name, Math.max(index, this.#told.get(name) ?? 0));
  }

  async act(step: Action): Promise<void> {
    const { world, mirror } = this.account;
    const order = { symbol: 'AAPL', qty: '1', side: 'buy', time_in_force: 'gtc' };
    switch (step.do) {
      case 'trade': {
        const n = String(this.#count++).padStart(6, '0');
        const how = step.isMarket ? { type: 'market' } : { type: 'limit', limit_price: '95' };
        const body = JSON.stringify({ ...order, ...how, client_order_id: `${step.agent}_20261123150000${n}_stockbuy` });
        await mirror.broker.submit({ method: 'POST', path: '/v2/orders', body }, () => true);
        break;
      }
      case 'foreign':
        world.order({ ...order, type: 'market', client_order_id: `other-${this.#count++}` });
        break;
      case 'price':
        world.hold('AAPL', step.price);
        this.account.advance(0.1);
        break;
      case 'advance':
        this.account.advance(step.seconds);
        break;
      case 'look':
        return this.#look(step.agent, step.isMoney);
      case 'list':
        return this.#list(step.agent, step.isOpen ? 'open' : 'all');
    }
    this.#note();
  }

  async #list(name: Agent, status: 'open' | 'all'): Promise<void> {
    const { mirror } = this.account;
    const answer = await mirror.orders(listOf(status), {
      agent: name,
      deadline: Number.POSITIVE_INFINITY,
      maxAgeMs: null,
    });
    assert.ok(answer?.kind === 'done' && answer.value !== null);
    const shown = new Set(answer.value.map((row) => String((JSON.parse(row) as { id: string }).id)));
    const now = this.states.at(-1);
    for (const [id, { filled }] of now?.orders ?? []) {
      const wasOpen = status === 'open' && this.#open.get(name)?.has(id);
      if (filled === '0' || !(shown.has(id) || wasOpen)) continue;
      this.#tell(
        name,
        this.states.findIndex(({ orders }) => orders.get(id)?.filled === filled),
      );
    }
    if (status === 'open') this.#open.set(name, shown);
  }

  async #look(name: Agent, isMoney: boolean): Promise<void> {
    const { mirror, nowMs } = this.account;
    const asker = { agent: name, deadline: Number.POSITIVE_INFINITY, maxAgeMs: null };
    let got: string;
    let source: string;
    if (isMoney) {
      const answer = await mirror.account(asker);
      assert.ok(answer?.kind === 'done');
      got = String((JSON.parse(answer.value.json) as Record<string, unknown>)['cash']);
      source = answer.source;
    } else {
      const answer = await mirror.positions(asker);
      assert.ok(answer?.kind === 'done');
      const [first] = answer.value.map(({ json }) => JSON.parse(json) as { qty: string });
      got = first?.qty ?? '0';
      source = answer.source;
    }
    const last = this.states.length - 1;
    const aged = this.states.findIndex(({ ms }) => nowMs() - ms <= REREAD_MS);
    const from = name === CONTROLLER ? last : Math.max(this.#told.get(name) ?? 0, aged === -1 ? last : aged - 1, 0);
    const shown = (state: State): string => (isMoney ? state.cash : state.qty);
    const match = this.states.findLastIndex((state, index) => index >= from && shown(state) === got);
    assert.notEqual(
      match,
      -1,
      `${name} is shown ${got} from ${source}; since it was told it was ${this.states.slice(from).map(shown).join(', ')}`,
    );
    if (shown(this.states[last] as State) !== got) this.relaxed++;
  }
}

test('positions and account lack nothing that their asker was told, and for two seconds what others were', async () => {
  let relaxed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 80, size: 'max' }), async (steps) => {
      const history = new History(await mirroredAccount({ rereadMs: REREAD_MS }));
      await history.account.sweep();
      for (const step of steps) await history.act(step);
      relaxed += history.relaxed;
    }),
    RUNS,
  );
  assert.ok(relaxed > 10, `only ${relaxed} answers had the age that others' news allow`);
});

/** An account with an order of alpha's at 95, and what beta was shown of everything a moment ago. */
async function scene() {
  const account = await mirroredAccount({ rereadMs: REREAD_MS });
  const { world, mirror, frames, deliver } = account;
  const beta = { agent: 'beta', deadline: Number.POSITIVE_INFINITY, maxAgeMs: null };
  world.hold('AAPL', '100.00');
  const order = { symbol: 'AAPL', qty: '1', side: 'buy', type: 'limit', limit_price: '95', time_in_force: 'gtc' };
  const id = 'alpha_20261123150000000001_stockbuy';
  await account.sweep();
  await mirror.broker.submit(
    {
      method: 'POST',
      path: '/v2/orders',
      body: JSON.stringify({ ...order, client_order_id: id }),
    },
    () => true,
  );
  while (frames.length > 0) deliver();
  const held = async (): Promise<number> => {
    const answer = await mirror.positions(beta);
    assert.ok(answer?.kind === 'done');
    return answer.value.length;
  };
  const spent = async (): Promise<boolean> => {
    const answer = await mirror.account(beta);
    assert.ok(answer?.kind === 'done');
    return (JSON.parse(answer.value.json) as { cash: string }).cash !== '100000';
  };
  const listed = async (status: 'open' | 'all'): Promise<number> => {
    const answer = await mirror.orders(listOf(status), beta);
    assert.ok(answer?.kind === 'done' && answer.value !== null);
    return answer.value.length;
  };
  return {
    ...account,
    beta,
    clientOrderId: id,
    held,
    spent,
    listed,
    fill() {
      world.hold('AAPL', '90.00');
      account.advance(0.1);
      while (frames.length > 0) deliver();
    },
  };
}

test('what an agent has seen of the order of another it finds in positions and account', async (t) => {
  await t.test('nothing seen: for a moment it is shown what was', async () => {
    const { held, spent, fill, advance } = await scene();
    assert.deepEqual([await held(), await spent()], [0, false]);
    fill();
    assert.deepEqual([await held(), await spent()], [0, false]);
    advance(2);
    assert.deepEqual([await held(), await spent()], [1, true]);
  });
  await t.test('the fill in a list', async () => {
    const { held, spent, fill, listed } = await scene();
    assert.deepEqual([await held(), await spent()], [0, false]);
    fill();
    assert.equal(await listed('all'), 1);
    assert.deepEqual([await held(), await spent()], [1, true]);
  });
  await t.test('the order itself', async () => {
    const { held, spent, fill, mirror, beta, clientOrderId } = await scene();
    assert.deepEqual([await held(), await spent()], [0, false]);
    fill();
    assert.equal((await mirror.order({ clientOrderId }, beta))?.kind, 'done');
    assert.deepEqual([await held(), await spent()], [1, true]);
  });
  await t.test('its absence among the open ones', async () => {
    const { held, spent, fill, listed } = await scene();
    assert.deepEqual([await held(), await spent(), await listed('open')], [0, false, 1]);
    fill();
    assert.equal(await listed('open'), 0);
    assert.deepEqual([await held(), await spent()], [1, true]);
  });
  await t.test('a page that was asked of the broker', async () => {
    const { held, spent, fill, mirror, beta } = await scene();
    assert.deepEqual([await held(), await spent()], [0, false]);
    fill();
    await mirror.page({ status: 'all', nested: true, limit: 500, direction: 'desc' }, { ...beta, maxAgeMs: 0 });
    assert.deepEqual([await held(), await spent()], [1, true]);
  });
  await t.test('the position: then the money, too', async () => {
    const { held, spent, fill, mirror, beta } = await scene();
    assert.equal(await spent(), false);
    fill();
    assert.equal((await mirror.positions({ ...beta, maxAgeMs: 0 }))?.kind, 'done');
    assert.deepEqual([await spent(), await held()], [true, 1]);
  });
  await t.test('the order of nobody in particular is everybody’s', async () => {
    const { held, world, frames, deliver } = await scene();
    assert.equal(await held(), 0);
    world.order({ symbol: 'AAPL', qty: '1', side: 'buy', type: 'market', time_in_force: 'day' });
    while (frames.length > 0) deliver();
    assert.equal(await held(), 1);
  });
});
