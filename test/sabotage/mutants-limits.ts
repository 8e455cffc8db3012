/**
 * Mutants of what stands between an order and the account: limits, halts, the short way to the broker, what a start believes.
 * Must never be applied outside hook.ts.
 */
import type { Mutant } from './mutant.ts';

const LIMITS = 'src/risk/limits.ts';
const STANDING = 'src/risk/standing.ts';
const TEST = 'test/limits/limits.test.ts';
const DISPATCHER = 'src/dispatch/dispatcher.ts';
const TIP = 'src/journal/tip.ts';
const TIPPED = 'src/journal/tip.test.ts';
const AGAIN = 'test/flow/again.test.ts';

export const GUARDS: readonly Mutant[] = [
  {
    id: 'promised-twice',
    number: '111',
    name: 'what open orders sell already may be sold again',
    why: 'an agent that may not sell short sells twice what it holds',
    edits: [
      {
        file: LIMITS,
        find: 'if (promised.plus(asked).lte(held)) return null;',
        replace: 'if (asked.lte(held)) return null;',
      },
    ],
    catcher: { test: TEST, only: '90:' },
  },
  {
    id: 'reduced-twice',
    number: '112',
    name: 'two orders that close one position both count as reductions',
    why: 'after the loss of the day a position is turned round instead of closed',
    edits: [
      {
        file: 'src/risk/sums.ts',
        find: 'one.held.gt(ZERO) && one.sells.plus(one.exitSells).plus(qty).lte(one.held)',
        replace: 'one.held.gt(ZERO) && qty.lte(one.held)',
      },
    ],
    catcher: { test: TEST, only: '97:' },
  },
  {
    id: 'open-loss-ignored',
    number: '113',
    name: 'only what was realised counts as a loss',
    why: 'a position that falls and is kept never stops anybody',
    edits: [
      {
        file: 'src/risk/sums.ts',
        find: 'return ZERO.minus(standings.totals(mode, scope, now).dayProfit).minus(open);',
        replace: 'return ZERO.minus(standings.totals(mode, scope, now).dayProfit);',
      },
    ],
    catcher: { test: TEST, only: '97:' },
  },
  {
    id: 'day-turned-back',
    number: '114',
    name: 'a clock that goes back over midnight begins a day anew',
    why: 'each jump of the clock allows the orders and the loss of another day',
    edits: [{ file: STANDING, find: 'if (day <= scope.day) return;', replace: 'if (day === scope.day) return;' }],
    catcher: { test: TEST },
  },
  {
    id: 'yesterdays-profit',
    number: '115',
    name: 'the profit of yesterday counts as made today',
    why: 'who has won yesterday may lose all of it today, and the limit of a day is none',
    edits: [{ file: STANDING, find: '    scope.dayStart = scope.profit;\n', replace: '' }],
    catcher: { test: TEST },
  },
  {
    id: 'collar-of-the-other-side',
    number: '116',
    name: 'a buy is measured by the bid, a sell by the ask',
    why: 'in a wide market sound orders are refused, and prices that give money away pass',
    edits: [
      {
        file: LIMITS,
        find: 'const market = exact(isBuy ? quote.ask : quote.bid);',
        replace: 'const market = exact(isBuy ? quote.bid : quote.ask);',
      },
    ],
    catcher: { test: TEST, only: 'far from the market' },
  },
  {
    id: 'any-quote',
    number: '117',
    name: 'a price is measured by a quote of any age',
    why: 'after a gap the collar guards a price of the day before',
    edits: [{ file: LIMITS, find: 'quote.ageMs > rules.quoteSeconds * 1000 || ', replace: '' }],
    catcher: { test: TEST, only: 'far from the market' },
  },
  {
    id: 'allotment-made-whole',
    number: '118',
    name: 'what an agent has lost of its allotment is there again',
    why: 'an agent with 1,000 USD loses them again and again',
    edits: [{ file: LIMITS, find: 'exact(allotment).plus(totals.profit)', replace: 'exact(allotment)' }],
    catcher: { test: TEST, only: 'an allotment' },
  },
  {
    id: 'allotment-spent-twice',
    number: '119',
    name: 'open buys take nothing of an allotment',
    why: 'an agent orders for many times the money that it has been given',
    edits: [
      {
        file: LIMITS,
        find: 'costOf(order.mode, order.agent, standings).plus(totals.openBuys)',
        replace: 'costOf(order.mode, order.agent, standings)',
      },
    ],
    catcher: { test: TEST, only: 'an allotment' },
  },
  {
    id: 'numbers-of-others',
    number: '120',
    name: 'a limit of the account is refused with its numbers',
    why: 'an agent learns what the others hold, and trades against them',
    edits: [
      {
        file: 'src/risk/refusal.ts',
        find: 'if (side.scope === ACCOUNT)\n    return orderError(code',
        replace: 'if (side.scope === "nobody")\n    return orderError(code',
      },
    ],
    catcher: { test: TEST, only: '87 and T44' },
  },
  {
    id: 'unreadable-halts',
    number: '121',
    name: 'a folder of halts that cannot be read has none in it',
    why: 'a person halts everything on a failing disk, and orders go on leaving',
    edits: [
      {
        file: 'src/halt/halts.ts',
        find: "return state.kind === 'unreadable' ? 'unreadable' : haltAgainst(state.halts, order);",
        replace: "return state.kind === 'unreadable' ? null : haltAgainst(state.halts, order);",
      },
    ],
    catcher: { test: 'src/halt/halts.test.ts' },
  },
  {
    id: 'last-look-from-memory',
    number: '122',
    name: 'the look before the first byte is the one of this turn of the event loop',
    why: 'an order leaves after the halt that was made while its sending was journaled',
    edits: [
      {
        file: 'src/halt/halts.ts',
        find: 'return this.#against(this.state(), order);',
        replace: 'return this.lately(order);',
      },
    ],
    catcher: { test: 'src/halt/halts.test.ts' },
  },
  {
    id: 'short-way-unspent',
    number: '123',
    name: 'an order that leaves at once is not remembered as a request',
    why: 'a restart allows a minute of requests again: Alpaca locks the account out',
    edits: [
      {
        file: 'src/journal/sqlite.ts',
        find: "      this.#sql.spend.run(name.mode, sentAt, 1, 'trading');\n",
        replace: '',
      },
    ],
    catcher: { test: AGAIN, only: 'budget' },
    slow: true,
  },
  {
    id: 'short-way-uninformed',
    number: '124',
    name: 'an order leaves at once though an earlier journal may have sent it',
    why: 'a restored file is sent without a look for what it was before',
    edits: [{ file: DISPATCHER, find: '      desk.suspect() ||\n', replace: '' }],
    catcher: { test: AGAIN },
    slow: true,
  },
  {
    id: 'short-way-unready',
    number: '125',
    name: "an order leaves at once before the broker's book was read",
    why: 'what was filled while the tower was down is traded again',
    edits: [{ file: DISPATCHER, find: '      desk.readiness.obstacle !== null ||\n', replace: '' }],
    catcher: { test: 'test/flow/sweep.test.ts' },
    slow: true,
  },
  {
    id: 'short-way-past-others',
    number: '126',
    name: 'an order that just came passes those who wait for their turn',
    why: 'whoever drops most is served first, and the urgent wait behind them',
    edits: [
      {
        file: 'src/dispatch/slots.ts',
        find: 'if (this.#stopped || this.#waiters.size > 0) return null;',
        replace: 'if (this.#stopped) return null;',
      },
    ],
    catcher: { test: 'src/dispatch/slots.test.ts' },
  },
  {
    id: 'last-book-alone',
    number: '128',
    name: 'of agents that hold the same only one is counted against the account',
    why: 'books that are wrong pass for the account, and right ones for wrong',
    edits: [
      {
        file: 'src/books/proof.ts',
        find: 'held.set(symbol, (held.get(symbol) ?? ZERO).plus(qty));',
        replace: 'held.set(symbol, exact(qty));',
      },
    ],
    catcher: { test: 'src/books/proof.test.ts' },
  },
  {
    id: 'dated-by-the-newest',
    number: '129',
    name: 'a list is as new as the newest of what it is made of',
    why: 'an agent takes what is seconds old for what is now',
    edits: [
      {
        file: 'src/mirror/moment.ts',
        find: '(b.step < a.step ? b : a)',
        replace: '(b.step < a.step ? a : b)',
      },
    ],
    catcher: { test: 'src/mirror/market-data.test.ts' },
  },
  {
    id: 'shorter-journal',
    number: '130',
    name: 'a journal that is shorter than it was is taken as it is',
    why: 'orders whose sending is lost with the log are sent again',
    edits: [
      {
        file: TIP,
        find: 'if (found.events >= kept.events && found.postings >= kept.postings) return;',
        replace: 'if (found.events >= 0) return;',
      },
    ],
    catcher: { test: TIPPED, only: 'a log that was' },
  },
  {
    id: 'tip-ahead',
    number: '131',
    name: 'the sum of a closed journal stands while it is open again',
    why: 'after a power cut a sound journal is refused, and nobody can trade',
    edits: [
      {
        file: TIP,
        find: '.get() as Reach), closed: null });',
        replace: '.get() as Reach), closed: read(this.#path)?.closed ?? null });',
      },
    ],
    catcher: { test: TIPPED },
  },
  {
    id: 'poison-for-ever',
    number: '132',
    name: 'a file that ends the tower is taken up by every start',
    why: 'one file, and nobody trades or cancels until somebody finds it',
    edits: [
      {
        file: 'src/ingress/recovery.ts',
        find: 'timesOf(claimed.receipt) + 1 >= ENDS',
        replace: 'timesOf(claimed.receipt) < 0',
      },
    ],
    catcher: { test: 'src/ingress/recovery.test.ts' },
  },
  {
    id: 'one-date-believed',
    number: '133',
    name: 'a single answer with a wrong date moves the day of the limits',
    why: 'one odd answer of something in between opens the limits of another day',
    edits: [{ file: 'src/broker/alpaca/skew.ts', find: 'const ANSWERS = 3;', replace: 'const ANSWERS = 1;' }],
    catcher: { test: 'src/broker/alpaca/skew.test.ts' },
  },
];
