/** As of when a list is: no later than what it shows is known to have been so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BrokerOrder } from '../broker/broker.ts';
import { micros } from '../lib/clock.ts';
import type { OrderListRequest } from '../order/request.ts';
import type { Moment } from './moment.ts';
import { OrderBook } from './orders.ts';

const at = (step: number): Moment => ({ at: micros(step * 1000), mono: step, step });
const ANY_AGE = { mono: 0, step: 0 };
const ALL = {
  type: 'allorders',
  status: 'all',
  limit: 50,
  symbols: [],
  ofAgent: null,
  after: null,
  until: null,
  direction: 'desc',
  side: null,
  maxAgeMs: null,
} as Partial<OrderListRequest> as OrderListRequest;

function order(status: string, updated: number): BrokerOrder {
  const wire = {
    id: 'x',
    client_order_id: 'alpha_20260213143016208018_stocksell',
    status,
    filled_qty: status === 'filled' ? '1' : '0',
    submitted_at: '2026-02-13T14:30:16.5Z',
    updated_at: `2026-02-13T14:30:17.${updated}Z`,
    symbol: 'TSLA',
    side: 'sell',
    order_class: '',
    legs: null,
  };
  return {
    id: wire.id,
    clientOrderId: wire.client_order_id,
    status,
    filledQty: wire.filled_qty,
    submittedAt: wire.submitted_at,
    updatedAt: wire.updated_at,
    legs: [],
    replacedBy: null,
    json: JSON.stringify(wire),
  };
}

/** A book whose list left at step 5 and did not show the order that it is told of afterwards. */
function lagging(): OrderBook {
  const book = new OrderBook(100);
  book.verified(at(5), null, null, true);
  return book;
}

const asOf = (book: OrderBook): unknown => {
  const listed = book.list(ALL, ANY_AGE);
  return listed.kind === 'rows' ? listed.asOf.step : listed.kind;
};
const REF = { id: 'x' };

test('an order that the list did not show yet is as old as the request that told of it', () => {
  const book = lagging();
  book.hear(order('accepted', 1), 'nested', at(3), at(8));
  assert.equal(asOf(book), 3);
  assert.equal(book.one(REF, ANY_AGE)?.asOf.step, 3);
  assert.equal(book.open()?.asOf.step, 3);
  assert.deepEqual(book.list(ALL, { mono: 4, step: 0 }), { kind: 'stale' }, 'too old for who wants it younger');
  // Its end is the last that happens to it.
  book.hear(order('filled', 2), 'nested', at(4), at(9));
  assert.deepEqual([asOf(book), book.one(REF, ANY_AGE)?.asOf.step], [5, 5]);
});

test('of an order that the stream alone has told, nobody knows since when it has been so', () => {
  const book = lagging();
  book.hear(order('new', 2), 'event', null, at(7));
  assert.equal(asOf(book), 'stale');
  assert.equal(book.one(REF, ANY_AGE), null);
  // The answer to its placing is older news, and all that happened before it left is in what is held.
  book.hear(order('accepted', 1), 'nested', at(6), at(8));
  assert.deepEqual([asOf(book), book.one(REF, ANY_AGE)?.asOf.step], [5, 6]);
});
