/** Mutants of the books: who made what, and the proof that it is all. Must never be applied outside hook.ts. */
import type { Mutant } from './mutant.ts';

const HOLDING = 'src/books/holding.ts';
const BOOKS = 'src/books/books.test.ts';
const PROOF = 'src/books/proof.ts';
const BOOKING = 'src/follow/booking.ts';
const BOOKED = 'src/follow/booking.test.ts';
const TABLES = 'src/journal/sqlite-books.ts';
const JOURNAL = 'src/journal/sqlite.test.ts';

export const BOOKKEEPING: readonly Mutant[] = [
  {
    id: 'fee-ignored',
    number: '71',
    name: 'fees are not counted',
    why: 'a strategy that loses to its fees looks like one that wins',
    edits: [
      { file: HOLDING, find: 'fees: decimal(exact(before.fees).plus(posting.fee)),', replace: 'fees: before.fees,' },
    ],
    catcher: { test: BOOKS, only: 'takes crypto fees' },
  },
  {
    id: 'rest-of-lot-forgotten',
    number: '72',
    name: 'what is left of a lot keeps the cost of all of it',
    why: 'what is left of a lot has lost its cost, and profit is made up',
    edits: [{ file: HOLDING, find: 'if (change.rest !== null) left[0] = change.rest;', replace: '' }],
    catcher: { test: BOOKS, only: 'agree over' },
  },
  {
    id: 'contract-counts-one',
    number: '73',
    name: 'a contract counts one share',
    why: 'profit and loss of options are a hundredth of what they are',
    edits: [{ file: HOLDING, find: "const CONTRACT = exact('100');", replace: "const CONTRACT = exact('1');" }],
    catcher: { test: BOOKS, only: 'counts a contract' },
  },
  {
    id: 'fill-counted-twice',
    number: '74',
    name: 'an execution that is told twice is booked twice',
    why: 'the book of an agent holds what nobody has bought',
    edits: [
      {
        file: TABLES,
        find: 'if (this.#sql.posted.get(key) !== undefined) return null;',
        replace: '',
      },
      { file: TABLES, find: '(key, account, agent, symbol, kind', replace: '(activity, account, agent, symbol, kind' },
      {
        file: TABLES,
        find: '(@key, @account, @agent, @symbol, @kind',
        replace: '(NULL, @account, @agent, @symbol, @kind',
      },
      {
        file: TABLES,
        find: 'held, basis, order_id, seq, activity) VALUES',
        replace: 'held, basis, order_id, seq, key) VALUES',
      },
      { file: TABLES, find: '@seq,\n      @activity)', replace: '@seq,\n      @key || random())' },
    ],
    catcher: { test: JOURNAL, only: 'books each entry once' },
  },
  {
    id: 'activity-booked-twice',
    number: '75',
    name: 'a row of the history that was dealt with is dealt with again',
    why: 'a split or a fee that is read twice counts twice',
    edits: [
      {
        file: TABLES,
        find: 'if (activity !== null && this.#sql.activity.run(account, activity).changes === 0) return entries.map(() => null);',
        replace: '',
      },
    ],
    catcher: { test: JOURNAL, only: 'books each entry once' },
  },
  {
    id: 'leg-to-nobody',
    number: '76',
    name: 'the execution of a leg is nobody’s',
    why: 'the exit of a bracket is missing in the book of the agent whose entry it closes',
    edits: [
      {
        file: 'src/follow/bookkeeper.ts',
        find: 'return entry !== null && entry.mode === this.#o.broker.mode ? { agent: entry.agent, seq: entry.seq } : NOBODY;',
        replace: 'return NOBODY;',
      },
      {
        file: 'src/follow/follow.ts',
        find: 'if (owner !== null) await this.#o.books.executed(update, owner);',
        replace: '',
      },
    ],
    catcher: { test: 'test/flow/books.test.ts', only: 'keep two agents apart|give the legs' },
    slow: true,
    storm: true,
  },
  {
    id: 'fee-to-the-first',
    number: '77',
    name: 'a fee is charged to the oldest fill, whoever’s it is',
    why: 'one agent pays what another owes',
    edits: [{ file: BOOKING, find: "candidates.find(({ off }) => off.lt('0.000001'))", replace: 'candidates[0]' }],
    catcher: { test: BOOKED, only: 'in coins' },
  },
  {
    id: 'opening-certain-too-soon',
    number: '77b',
    name: 'what the books began with is certain a minute after the start, whatever was corrected meanwhile',
    why: 'an execution that the broker tells late is counted twice',
    edits: [
      {
        file: 'src/follow/bookkeeper.ts',
        find: 'this.#settlingSince = this.#o.clock.monotonic();',
        replace: '',
      },
    ],
    catcher: { test: 'test/flow/opening.test.ts' },
  },
  {
    id: 'expiry-of-the-net',
    number: '78',
    name: 'books that cancel out keep their contracts when those end',
    why: 'an agent believes to hold a contract that is gone',
    edits: [{ file: BOOKING, find: 'const isWhole = net.eq(left);', replace: 'const isWhole = false;' }],
    catcher: { test: BOOKED, only: 'closes every book' },
  },
  {
    id: 'difference-of-a-dollar',
    number: '79',
    name: 'cash that is off by less than a dollar counts as equal',
    why: 'a wrong fee goes unnoticed for ever',
    edits: [{ file: PROOF, find: "const CENT = exact('0.01');", replace: "const CENT = exact('1');" }],
    catcher: { test: 'src/books/proof.test.ts', only: 'cash may be off' },
  },
  {
    id: 'difference-absorbed',
    number: '80',
    name: 'a difference is booked as what was there before',
    why: 'whatever is wrong becomes nobody’s, and nobody hears of it',
    edits: [
      {
        file: 'src/follow/bookkeeper.ts',
        find: 'return isSettling ? this.#open(account, snapshot, differences) : this.#raise(account, differences);',
        replace: 'return this.#open(account, snapshot, differences);',
      },
    ],
    catcher: { test: 'test/flow/books.test.ts', only: 'a difference is confirmed' },
    slow: true,
  },
];
