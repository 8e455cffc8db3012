/**
 * Doubt from outside: what leaves, how often, and what the agent is told meanwhile. The exchange's own ledger is the
 * witness. Must never rest on what the tower says of itself.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type RunningExchange, startExchange } from '../../src/exchange/server.ts';
import { type Answered, Harness, keysAt } from './harness.ts';

const RESTING = { symbol: 'AAPL', qty: 1, order_class: 'limit', limit_price: 20, time_in_force: 'gtc' };

interface Posted {
  readonly method: string;
  readonly body: string;
  readonly accepted: boolean;
}

interface Scene {
  readonly tower: Harness;
  readonly exchange: RunningExchange;
  /** Orders that were sent to the exchange, whatever became of them. */
  posts(): readonly Posted[];
  /** Ids of the orders that the exchange has. */
  orders(): Promise<readonly string[]>;
}

/** One tower at an exchange with these faults; the stream says nothing, so that only look-ups can end a doubt. */
async function scene(faults: object, env: Readonly<Record<string, string>>, play: (scene: Scene) => Promise<void>) {
  const exchange = await startExchange({ control: true });
  const tower = new Harness({
    env: {
      ...keysAt(exchange.url),
      ...env,
    },
  });
  try {
    await tower.start();
    const set = await fetch(`${exchange.url}/_control/faults`, {
      method: 'PUT',
      body: JSON.stringify({ stream: [{ fault: { kind: 'drop' } }], ...faults }),
    });
    assert.ok(set.ok, await set.text());
    await play({
      tower,
      exchange,
      posts: () => exchange.exchange.ledger.after(0).filter(({ method }) => method === 'POST'),
      async orders() {
        await fetch(`${exchange.url}/_control/faults`, { method: 'DELETE' });
        const listed = await fetch(`${exchange.url}/v2/orders?status=all&limit=500`, {
          headers: { 'APCA-API-KEY-ID': 'K', 'APCA-API-SECRET-KEY': 'S' },
        });
        return ((await listed.json()) as { client_order_id: string }[]).map((order) => order.client_order_id);
      },
    });
  } finally {
    await tower.end();
    await exchange.close();
  }
}

/** A rule for the n-th order that is sent. */
const nth = (on: number, fault: object) => ({ method: 'POST', path: '/v2/orders', on: [on], fault });
const LOST = { kind: 'lose', how: 'reset' };
/** The order cannot be seen yet: the first look-up does not find it, and the list is not to be had at all. */
const UNSEEN = [
  {
    method: 'GET',
    path: '/v2/orders:by_client_order_id',
    on: [1],
    fault: { kind: 'status', status: 404, body: '{"code":40410000,"message":"order not found"}' },
  },
  { method: 'GET', path: '/v2/orders', fault: { kind: 'status', status: 503 } },
];
const AT_ONCE = { TOWER_DOUBT_SETTLE_MS: '0' };

const isKnown = ({ sent }: Answered): boolean => sent !== 'unknown';

/** The first answer that claims to know, which must be the truth. */
async function comesOutWell({ tower }: Scene, stem: string): Promise<Answered> {
  const answer = await tower.answer(stem, isKnown);
  assert.deepEqual([answer.status, answer.sent], ['success', 'yes'], JSON.stringify(answer));
  return answer;
}

describe('an order in doubt', { concurrency: true }, () => {
  it('that never arrived is sent again: the same id and the same bytes', () =>
    scene({ requests: [nth(1, { kind: 'refuse', how: 'reset' })] }, AT_ONCE, async (on) => {
      const answer = await comesOutWell(on, on.tower.drop('one', 'stockbuy', RESTING));
      const posts = on.posts();
      assert.deepEqual(
        posts.map(({ accepted }) => accepted),
        [false, true],
      );
      assert.equal(posts[1]?.body, posts[0]?.body);
      assert.deepEqual(await on.orders(), [answer.client_order_id]);
    }));

  it('that arrived and cannot be seen yet: two copies, one order', () =>
    scene({ requests: [nth(1, LOST), ...UNSEEN] }, AT_ONCE, async (on) => {
      const answer = await comesOutWell(on, on.tower.drop('two', 'stockbuy', RESTING));
      assert.equal(on.posts().length, 2);
      assert.deepEqual(await on.orders(), [answer.client_order_id]);
    }));

  it('whose second copy is refused with 403 is not called refused: the first copy stands', () => {
    const poor = { kind: 'status', status: 403, body: '{"code":40310000,"message":"insufficient buying power"}' };
    return scene({ requests: [nth(1, LOST), nth(2, poor), ...UNSEEN] }, AT_ONCE, async (on) => {
      const answer = await comesOutWell(on, on.tower.drop('three', 'stockbuy', RESTING));
      assert.equal(on.posts().length, 2);
      assert.deepEqual(await on.orders(), [answer.client_order_id]);
    });
  });

  it('after a 504 is looked up before anything else: one POST', () =>
    scene({ requests: [nth(1, { kind: 'status', status: 504, accept: true }), ...UNSEEN] }, {}, async (on) => {
      const answer = await comesOutWell(on, on.tower.drop('four', 'stockbuy', RESTING));
      assert.equal(on.posts().length, 1);
      assert.deepEqual(await on.orders(), [answer.client_order_id]);
    }));

  it('is not sent again before the settle time, at an exchange that takes equal ids twice', () =>
    scene({ requests: [nth(1, LOST), ...UNSEEN], unique_client_order_ids: false }, {}, async (on) => {
      const answer = await comesOutWell(on, on.tower.drop('five', 'stockbuy', RESTING));
      assert.equal(on.posts().length, 1);
      assert.deepEqual(await on.orders(), [answer.client_order_id]);
    }));

  it('is never sent again when that is switched off, and the agent is told that it is looked up', () => {
    const never = { ...AT_ONCE, TOWER_DOUBT_RESEND: 'false' };
    return scene({ requests: [nth(1, LOST), ...UNSEEN], unique_client_order_ids: false }, never, async (on) => {
      const answer = await on.tower.answer(on.tower.drop('six', 'stockbuy', RESTING), ({ version }) => version > 1);
      assert.deepEqual([answer.error?.code, answer.sent, answer.final], ['in_doubt', 'unknown', false]);
      assert.match(String(answer.error?.details['hint']), /looked up again/);
      assert.equal(on.posts().length, 1);
      assert.deepEqual(await on.orders(), [answer.client_order_id]);
    });
  });
});
