/** What an agent is told does not depend on what others hold or have ordered: two worlds that differ in nothing else give the same bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Harness } from './harness.ts';

const MARKET = { symbol: 'AAPL', qty: '2', order_class: 'market', time_in_force: 'day' };
const resting = (symbol: string, price: string) => ({
  symbol,
  qty: '1',
  order_class: 'limit',
  limit_price: price,
  time_in_force: 'gtc',
});
const NO_SUCH_ORDER = '00000000-0000-4000-8000-000000000000';
/** Alpaca's own ids: the order in the way may be named, and is another one in each world. */
const IDS = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

interface Others {
  /** What the other agent does first; of the shares that it holds then, 2 are free. */
  readonly before: readonly (readonly [type: string, payload: object])[];
  /** Until the account's limit of open orders is reached. */
  readonly afterwards: readonly (readonly [type: string, payload: object])[];
}

/** Answers to one agent, without the moments at which they were made, and the ids that it named itself. */
async function told(others: Others): Promise<readonly string[]> {
  const tower = new Harness({ config: { limits: { account: { open_orders: 3, position_qty: 100, order_qty: 50 } } } });
  try {
    await tower.start();
    const answers: string[] = [];
    let n = 0;
    const ask = async (type: string, payload: object, hidden: readonly string[] = []): Promise<void> => {
      const timestamp = `202602131430220000${String(n++).padStart(2, '0')}`;
      const text = tower.text('alpha', type, payload, timestamp, { request_order_id: `ask-${n}` });
      const stem = tower.dropText(`paper_alpha_${type}_${timestamp}.json`, text);
      const { timestamp: _at, ...answer } = await tower.final(stem);
      const details = { ...answer.error?.details, request_id: null };
      let shown = JSON.stringify({ ...answer, error: answer.error === null ? null : { ...answer.error, details } });
      for (const one of hidden) shown = shown.replaceAll(one, '(named)');
      shown = shown.replaceAll(IDS, '(id)');
      answers.push(shown);
    };
    for (const [type, payload] of others.before) {
      const { error } = await tower.answer(
        tower.drop('beta', type, payload),
        ({ data }) => data?.status !== 'accepted',
      );
      assert.equal(error, null);
    }
    await tower.until(
      () => (tower.events.some((event) => event.kind === 'order' && event.step === 'filled') ? true : null),
      () => 'nothing is filled',
    );
    await ask('stocksell', { ...MARKET, qty: '5' });
    let last = { clientOrderId: 'beta_20200101000000000001_stockbuy', id: NO_SUCH_ORDER };
    for (const [type, payload] of others.afterwards) {
      const { data, error } = await tower.ask('beta', type, payload);
      assert.equal(error, null);
      last = { clientOrderId: data.client_order_id, id: data.id };
    }
    await ask('stockbuy', MARKET);
    await ask('stockbuy', { ...MARKET, qty: '60' });
    await ask('cancelorder', { client_order_id: last.clientOrderId }, [last.clientOrderId]);
    await ask('cancelorder', { alpaca_order_id: last.id }, [last.id]);
    await ask('cancelorder', { alpaca_order_id: NO_SUCH_ORDER }, [NO_SUCH_ORDER]);
    return answers;
  } finally {
    await tower.end();
  }
}

test('two worlds that differ in what another agent holds and has ordered', async () => {
  const one = await told({
    before: [
      ['stockbuy', { ...MARKET, qty: '3' }],
      ['stocksell', { ...resting('AAPL', '8000.00'), qty: '1' }],
    ],
    afterwards: [1, 2].map((n) => ['stockbuy', resting('MSFT', `${n}.00`)] as const),
  });
  const other = await told({
    before: [
      ['stockbuy', { ...MARKET, qty: '7' }],
      ['stocksell', { ...resting('AAPL', '9000.00'), qty: '5' }],
    ],
    afterwards: [4, 5].map((n) => ['stockbuy', resting('SPY', `${n}.00`)] as const),
  });
  assert.deepEqual(other, one);
  const codes = one.map((text) => (JSON.parse(text) as { error: { code: string } }).error.code);
  assert.deepEqual(codes.slice(0, 3), ['insufficient_qty', 'risk_orders', 'risk_qty']);
  // The order of somebody else's, and the one that there is not.
  const withoutNumber = one.map((text) => text.replaceAll(/_2026\d+_|ask-\d/g, '_'));
  assert.equal(withoutNumber.at(-2), withoutNumber.at(-1));
});
