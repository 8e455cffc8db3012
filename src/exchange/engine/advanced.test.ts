/** Brackets, oco and oto as a trader meets them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCOUNT, Desk } from './testing/harness.ts';
import type { OrderJson } from './types.ts';

const BRACKET = {
  qty: '10',
  order_class: 'bracket',
  take_profit: { limit_price: '110' },
  stop_loss: { stop_price: '90' },
};

/** The take profit and the stop of an order. */
function exits(order: OrderJson): readonly [OrderJson, OrderJson] {
  const [profit, stop] = order.legs ?? [];
  assert.ok(profit && stop);
  return [profit, stop];
}

test('the exits of a bracket wait until the entry has filled; the take profit ends the stop', () => {
  const desk = new Desk();
  const entry = desk.place({ ...BRACKET, type: 'limit', limit_price: '95' });
  const [profit, stop] = exits(entry);
  assert.deepEqual([profit.status, stop.status, profit.side, stop.type], ['held', 'held', 'sell', 'stop']);
  desk.price('AAPL', '94.98', '95');
  assert.deepEqual([desk.state(entry)[0], desk.state(profit)[0], desk.state(stop)[0]], ['filled', 'new', 'held']);
  assert.deepEqual(desk.position('AAPL'), ['10', '0'], 'the shares are held once');
  desk.price('AAPL', '111', '111.02');
  assert.deepEqual([desk.state(profit)[0], desk.state(stop)[0]], ['filled', 'canceled']);
  assert.deepEqual(desk.position('AAPL'), ['0', '0']);
  assert.deepEqual(desk.heard(), ['new', 'fill', 'new', 'fill', 'canceled']);
});

test('the stop of a bracket ends the take profit and sells', () => {
  const desk = new Desk();
  const entry = desk.place(BRACKET);
  const [profit, stop] = exits(entry);
  desk.price('AAPL', '89', '89.02');
  assert.deepEqual([desk.state(profit)[0], desk.state(stop)], ['canceled', ['filled', '10', '89']]);
  assert.deepEqual(desk.position('AAPL'), ['0', '0']);
});

test('a short bracket mirrors a long one', () => {
  const desk = new Desk();
  const entry = desk.place({
    ...BRACKET,
    side: 'sell',
    take_profit: { limit_price: '90' },
    stop_loss: { stop_price: '110' },
  });
  const [profit, stop] = exits(entry);
  assert.equal(profit.side, 'buy');
  desk.price('AAPL', '110.5', '110.52');
  assert.deepEqual([desk.state(profit)[0], desk.state(stop)[0]], ['canceled', 'filled']);
  assert.deepEqual(desk.position('AAPL'), ['0', '0']);
});

test('cancelling one member cancels the rest', () => {
  const desk = new Desk();
  const waiting = desk.place({ ...BRACKET, type: 'limit', limit_price: '95' });
  assert.ok(desk.cancel(exits(waiting)[1]).ok);
  assert.deepEqual([desk.state(waiting)[0], desk.state(exits(waiting)[0])[0]], ['canceled', 'canceled']);
  const filled = desk.place(BRACKET);
  assert.ok(desk.cancel(exits(filled)[0]).ok);
  assert.deepEqual([desk.state(filled)[0], desk.state(exits(filled)[1])[0]], ['filled', 'canceled']);
  assert.deepEqual(desk.position('AAPL'), ['10', '10']);
});

test('a partly filled take profit shrinks the stop', () => {
  const desk = new Desk();
  const entry = desk.place({ ...BRACKET, qty: '100' });
  const [profit, stop] = exits(entry);
  desk.engine.setFaults({ partialFills: 1 }, desk.now);
  desk.price('AAPL', '111', '111.02');
  const { status, filled_qty } = desk.order(profit);
  assert.equal(status, 'partially_filled');
  assert.equal(Number(desk.order(stop).qty), 100 - Number(filled_qty));
  desk.engine.setFaults({ partialFills: 0 }, desk.now);
  desk.price('AAPL', '80', '80.02');
  assert.equal(desk.state(stop)[0], 'filled');
  assert.deepEqual(desk.position('AAPL'), ['0', '0']);
});

test('the exits must lie on the right sides of the entry, and the body says of which price', () => {
  const desk = new Desk();
  const refuse = (body: object): readonly [string, unknown] => {
    const { message, extra } = desk.refusal({ ...BRACKET, ...body });
    return [message, extra?.['base_price']];
  };
  assert.deepEqual(refuse({ take_profit: { limit_price: '89' } }), [
    'take_profit.limit_price must be > stop_loss.stop_price',
    undefined,
  ]);
  assert.deepEqual(refuse({ stop_loss: { stop_price: '105' } }), [
    'stop_loss.stop_price must be <= base_price - 0.01',
    '100',
  ]);
  assert.deepEqual(refuse({ take_profit: { limit_price: '99' } }), [
    'take_profit.limit_price must be >= base_price + 0.01',
    '100',
  ]);
  assert.deepEqual(refuse({ type: 'limit', limit_price: '90' }), [
    'stop_loss.stop_price must be <= base_price - 0.01',
    '90',
  ]);
  const { status, code, message } = desk.refusal({ qty: '1', order_class: 'bracket', stop_loss: { stop_price: '90' } });
  assert.deepEqual([status, code, message], [400, 40010001, 'bracket orders require take_profit.limit_price']);
});

test('an oco closes a position: one exit fills, the other goes', () => {
  const desk = new Desk();
  const oco = { ...BRACKET, order_class: 'oco', side: 'sell', type: 'limit' };
  assert.equal(desk.refusal(oco).message, 'oco orders must be exit orders');
  desk.place({ qty: '10' });
  const first = desk.place(oco);
  assert.deepEqual([first.limit_price, first.legs?.length], ['110', 1]);
  assert.deepEqual(desk.position('AAPL'), ['10', '0']);
  desk.price('AAPL', '89', '89.02');
  assert.equal(desk.state(first)[0], 'canceled');
  assert.equal(desk.order(first).legs?.[0]?.status, 'filled');
  desk.price('AAPL', '99.99', '100.01');
  desk.place({ qty: '10' });
  const second = desk.place(oco);
  desk.price('AAPL', '110', '110.02');
  assert.equal(desk.state(second)[0], 'filled');
  assert.equal(desk.order(second).legs?.[0]?.status, 'canceled');
});

test('an oto has one exit', () => {
  const desk = new Desk();
  const { take_profit, stop_loss } = BRACKET;
  assert.equal(
    desk.refusal({ qty: '1', order_class: 'oto', take_profit, stop_loss }).message,
    'oto orders require one of take_profit or stop_loss',
  );
  const entry = desk.place({ qty: '1', order_class: 'oto', stop_loss });
  const [stop] = entry.legs ?? [];
  assert.ok(stop);
  assert.equal(desk.state(stop)[0], 'new');
  assert.deepEqual(desk.position('AAPL'), ['1', '0']);
  desk.price('AAPL', '89', '89.02');
  assert.equal(desk.state(stop)[0], 'filled');
});

test('exits can be moved, their quantity cannot be changed', () => {
  const desk = new Desk();
  const entry = desk.place(BRACKET);
  const [profit, stop] = exits(entry);
  const quantity = desk.replace(profit, { qty: '5' });
  assert.ok(!quantity.ok);
  assert.equal(quantity.error.message, 'qty cannot be changed for advanced orders');
  const moved = desk.replace(stop, { stop_price: '95' });
  assert.ok(moved.ok);
  assert.deepEqual([moved.value.status, moved.value.replaces], ['held', stop.id]);
  assert.deepEqual(
    desk.order(entry).legs?.map((leg) => leg.id),
    [profit.id, moved.value.id],
  );
  const higher = desk.replace(profit, { limit_price: '120' });
  assert.ok(higher.ok);
  assert.deepEqual(desk.position('AAPL'), ['10', '0']);
  desk.price('AAPL', '94', '94.02');
  assert.deepEqual([desk.state(higher.value)[0], desk.state(moved.value)[0]], ['canceled', 'filled']);
  assert.deepEqual(desk.position('AAPL'), ['0', '0']);
});

test('lists are flat unless nested is asked for', () => {
  const desk = new Desk();
  desk.place(BRACKET);
  const count = (query: Record<string, string>): number => {
    const result = desk.engine.orders(ACCOUNT, query);
    assert.ok(result.ok);
    return result.value.length;
  };
  assert.equal(count({ status: 'all' }), 3);
  assert.equal(count({ status: 'all', nested: 'True' }), 1);
  assert.equal(count({ status: 'open' }), 2);
  assert.equal(count({ status: 'open', nested: 'true' }), 1);
});
