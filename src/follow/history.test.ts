/** Rows of the account's history, put in the order of the books. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Activity } from '../broker/broker.ts';
import { asBooked } from './history.ts';

const row = (id: string, type: string, second: number, more: Partial<Activity> = {}): Activity => ({
  id,
  type,
  at: `2026-02-13T14:30:${String(second).padStart(2, '0')}Z`,
  date: '2026-02-13',
  status: 'executed',
  execution: null,
  symbol: 'NVDA',
  qty: null,
  price: null,
  netAmount: null,
  description: '',
  ...more,
});

it('fills come first, contracts before their shares, each row once', () => {
  const rows = [
    row('shares', 'OPTRD', 1),
    row('fee', 'CFEE', 0),
    row('end', 'OPEXC', 1),
    row('late', 'FILL', 9),
    row('fee', 'CFEE', 0),
    row('early', 'FILL', 2),
  ];
  assert.deepEqual(
    asBooked(rows).map(({ id }) => id),
    ['early', 'late', 'fee', 'end', 'shares'],
  );
});

it('a split that is told as old units that go and new ones that come is one change', () => {
  const rows = [
    row('old', 'SPLIT', 1, { qty: '-10' }),
    row('new', 'SPLIT', 1, { qty: '40' }),
    row('other', 'SPLIT', 1, { qty: '7', symbol: 'IBM' }),
  ];
  assert.deepEqual(
    asBooked(rows).map(({ id, qty }) => [id, qty]),
    [
      ['old', '30'],
      ['new', '0'],
      ['other', '7'],
    ],
  );
});
