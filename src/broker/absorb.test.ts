/** News of an order in every order of arrival: it ends where the newest says, and never goes back on the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry } from '../journal/journal.ts';
import { exact } from '../order/decimal.ts';
import { absorb } from './absorb.ts';
import type { BrokerOrder } from './broker.ts';

const sent = { state: 'sending', brokerId: null, brokerStatus: null, filledQty: null, brokerUpdatedAt: null };
const SENT = { ...sent, answer: null, clientOrderId: 'c', wire: '{}' } as Partial<Entry> as Entry;

const news = (status: string, filledQty: string, updatedAt: string): BrokerOrder => ({
  json: JSON.stringify({ id: 'o', status, filled_qty: filledQty, updated_at: updatedAt }),
  id: 'o',
  clientOrderId: 'c',
  status,
  filledQty,
  updatedAt,
  submittedAt: '2026-02-13T14:30:00Z',
  legs: [],
  replacedBy: null,
});

/** Lives as Alpaca tells them; the first two steps share a moment, and its nanoseconds are cut of their zeros. */
const LIVES: readonly (readonly BrokerOrder[])[] = [
  [
    news('pending_new', '0', '2026-02-13T14:30:00.1Z'),
    news('new', '0', '2026-02-13T14:30:00.1Z'),
    news('partially_filled', '3', '2026-02-13T14:30:00.12Z'),
    news('partially_filled', '9.5', '2026-02-13T14:30:00.120000001Z'),
    news('filled', '10', '2026-02-13T14:30:01Z'),
  ],
  [
    news('accepted', '0', '2026-02-13T14:30:00Z'),
    news('new', '0', '2026-02-13T14:30:00.000000001Z'),
    news('pending_cancel', '0', '2026-02-13T14:30:02Z'),
    news('partially_filled', '4', '2026-02-13T14:30:02.5Z'),
    news('canceled', '4', '2026-02-13T14:30:03Z'),
  ],
];

const heard = (entry: Entry, order: BrokerOrder): Entry => {
  const absorbed = absorb(entry, order);
  return absorbed === null ? entry : { ...entry, ...absorbed.patch };
};

test('whatever arrives in whatever order, twice or not at all before the last: the newest stands', () => {
  for (const life of LIVES) {
    const last = life.at(-1);
    assert.ok(last !== undefined);
    const order = fc.shuffledSubarray([...life, ...life], { minLength: life.length });
    fc.assert(
      fc.property(order, (heardOf) => {
        let entry = SENT;
        for (const one of [...heardOf, last]) {
          const before = entry;
          entry = heard(entry, one);
          assert.ok(
            before.filledQty === null || exact(entry.filledQty ?? '0').gte(exact(before.filledQty)),
            'what was filled stays filled',
          );
          if (before.state === 'closed') assert.equal(entry, before, 'what has ended stays as it ended');
        }
        assert.deepEqual([entry.state, entry.brokerStatus, entry.filledQty], ['closed', last.status, last.filledQty]);
        assert.deepEqual(entry.answer, { dataJson: last.json });
      }),
    );
  }
});

test('an order has ended when its legs have', () => {
  const leg = { ...news('new', '0', '2026-02-13T14:30:00Z'), id: 'l' };
  const parent = { ...news('filled', '10', '2026-02-13T14:30:00Z'), legs: [leg] };
  assert.equal(absorb(SENT, parent)?.patch.state, 'working');
  assert.deepEqual(absorb(SENT, parent)?.legs, ['l']);
  assert.equal(absorb(SENT, { ...parent, legs: [{ ...leg, status: 'canceled' }] })?.patch.state, 'closed');
});

test('a rejection after acceptance is told as an error with the whole order', () => {
  const patch = absorb(SENT, news('rejected', '0', '2026-02-13T14:30:00Z'))?.patch;
  assert.ok(patch?.answer !== undefined && 'error' in patch.answer);
  assert.equal(patch.answer.error.code, 'rejected_after_acceptance');
});
