/** Mutants of the limits: what counts, for how long, and what is looked at again. Must never be applied outside hook.ts. */
import type { Mutant } from './mutant.ts';

const HOLES = 'test/limits/holes.test.ts';
const KEPT = 'test/limits/kept.test.ts';

export const COUNTING: readonly Mutant[] = [
  {
    id: 'ended-forgotten-by-age',
    number: '20b',
    name: 'an order that has ended is forgotten after three days, booked or not',
    why: 'fills of an old order count in no limit after a restart',
    edits: [
      {
        file: 'src/journal/sqlite-risk.ts',
        find: 'DELETE FROM risks WHERE at < ? AND open = 0',
        replace: 'DELETE FROM risks WHERE at < ? AND open < 2',
      },
    ],
    catcher: { test: KEPT, only: 'counts until it is booked' },
  },
  {
    id: 'ended-counted-for-ever',
    number: '20c',
    name: 'what has ended and is never booked counts for ever',
    why: 'an agent cannot trade any more, and nobody knows why',
    edits: [
      {
        file: 'src/journal/sqlite-risk.ts',
        find: 'if (row !== undefined && modes.includes(row.mode)) this.#set(row, { ...row, open: 0 });',
        replace: 'if (row !== undefined && modes.length > 9) this.#set(row, { ...row, open: 0 });',
      },
    ],
    catcher: { test: KEPT, only: 'counts no more once the books' },
  },
  {
    id: 'exits-sold-twice',
    number: '20d',
    name: 'what live exits hold may be sold once more',
    why: 'an agent sells the shares of another',
    edits: [
      {
        file: 'src/risk/limits.ts',
        find: 'const promised = one.sells.plus(one.exitSells);',
        replace: 'const promised = one.sells;',
      },
    ],
    catcher: { test: HOLES, only: 'hold what they close' },
  },
  {
    id: 'coins-for-dollars',
    number: '20e',
    name: 'the price of a pair in coins is taken for dollars',
    why: 'a purchase of a hundred thousand dollars passes a limit of ten',
    edits: [
      {
        file: 'src/risk/measure.ts',
        find: 'price.times(rate).times(multiplier)',
        replace: 'price.times(multiplier)',
      },
    ],
    catcher: { test: HOLES, only: 'are worth dollars' },
  },
  {
    id: 'money-without-quote',
    number: '20f',
    name: 'a sum of money without a quote is one share',
    why: 'an agent buys any number of a cheap share',
    edits: [
      {
        file: 'src/risk/limits.ts',
        find: 'if (limits.position_qty !== null && order.isUnsized) return noPrice(order);',
        replace: '',
      },
    ],
    catcher: { test: HOLES, only: 'is no share where nobody knows' },
  },
  {
    id: 'no-second-look',
    number: '20g',
    name: 'an order that has waited is not judged again',
    why: 'after the loss of the day hundreds of orders that wait still leave',
    edits: [
      {
        file: 'src/pipeline.ts',
        find: 'refused: async (seq, trade) => refusedNow(seq, trade, this.#o.limits, await journal.ground(clock.now())),',
        replace: `refused: async (seq, trade) =>
        seq < 0 ? refusedNow(seq, trade, this.#o.limits, await journal.ground(clock.now())) : null,`,
      },
    ],
    catcher: { test: 'test/flow/limits.test.ts', only: 'the moment in which they would leave' },
  },
  {
    id: 'second-look-against-itself',
    number: '20h',
    name: 'the second look counts the order against itself',
    why: 'an order at the edge of a limit is taken in and never sent',
    edits: [
      {
        file: 'src/risk/standing.ts',
        find: 'for (const index of parts.keys()) this.leave(seq, index, ZERO);',
        replace: '',
      },
    ],
    catcher: { test: 'test/limits/again.test.ts', only: 'does not count against itself' },
  },
  {
    id: 'many-on-their-way',
    number: '29c',
    name: 'any number of orders may be without an answer',
    why: 'when Alpaca hangs, dozens of orders arrive after a halt has returned',
    edits: [
      {
        file: 'src/dispatch/slots.ts',
        find: 'if (ORDERS.has(lane) && this.#orders >= this.#maxOrders) return true;',
        replace: '',
      },
    ],
    catcher: { test: 'src/dispatch/slots.test.ts', only: 'so many orders are without an answer' },
  },
];
