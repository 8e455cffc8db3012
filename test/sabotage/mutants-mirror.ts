/** Mutants of what queries are answered from. Must never be applied outside hook.ts. */
import type { Mutant } from './mutant.ts';

const HISTORIES = 'test/mirror/histories.test.ts';
const SNAPSHOTS = 'test/mirror/snapshots.test.ts';
const ORDERS = 'src/mirror/orders.ts';

export const MIRROR: readonly Mutant[] = [
  {
    id: 'positions-before-the-fill',
    number: '51',
    name: 'positions and account are answered from before a fill that was told',
    why: 'an agent that has bought sees no position, and buys again',
    edits: [
      {
        file: 'src/mirror/mirror.ts',
        find: 'mono: this.#o.clock.monotonic() - maxAgeMs, step: this.#orders.changedAt }',
        replace: 'mono: this.#o.clock.monotonic() - maxAgeMs, step: 0 }',
      },
    ],
    catcher: { test: 'test/flow/mirror.test.ts', only: 'finds it' },
  },
  {
    id: 'ageless-orders',
    number: '52',
    name: 'orders are answered however long ago the broker was read',
    why: 'a lost trade update is never noticed',
    edits: [
      { file: ORDERS, find: 'verified === null || !meets(verified, need) ||', replace: 'verified === null ||' },
      { file: ORDERS, find: 'return meets(asOf, need) ? {', replace: 'return asOf ? {' },
    ],
    catcher: { test: HISTORIES, only: 'loses' },
  },
  {
    id: 'list-without-an-end',
    number: '53',
    name: 'a list is answered also where it reaches beyond what is known',
    why: 'an agent believes that orders which are there do not exist',
    edits: [
      {
        file: ORDERS,
        find: "if (status !== 'open' && needsMore && this.#coverFrom > after) return UNSURE;",
        replace: '',
      },
    ],
    catcher: { test: HISTORIES, only: 'every trade update' },
  },
  {
    id: 'legs-as-told-before',
    number: '54',
    name: 'an order is shown with its legs as they were',
    why: 'an exit that has filled looks open',
    edits: [{ file: ORDERS, find: 'this.#legMoved(parent, order, now);', replace: '' }],
    catcher: { test: HISTORIES, only: 'every trade update' },
  },
  {
    id: 'joins-what-has-left',
    number: '55',
    name: 'whoever wants fresh data joins a request that has left already',
    why: 'what he was told a moment ago is missing in the answer',
    edits: [
      {
        file: 'src/mirror/shared.ts',
        find: 'leftAt === null || meets(leftAt, need)',
        replace: 'leftAt === null || meets(leftAt, { mono: need.mono, step: 0 })',
      },
    ],
    catcher: { test: 'src/mirror/shared.test.ts' },
  },
  {
    id: 'own-news-forgotten',
    number: '81',
    name: 'what an agent was told of its own orders does not count',
    why: 'an agent that has bought sees no position, and buys again',
    edits: [
      {
        file: 'src/mirror/told.ts',
        find: 'Math.max(this.#orders.changedFor(agent), this.#shown.get(agent) ?? 0)',
        replace: 'this.#shown.get(agent) ?? 0',
      },
    ],
    catcher: { test: SNAPSHOTS, only: 'lack nothing' },
  },
  {
    id: 'seen-fills-forgotten',
    number: '82',
    name: 'what an agent saw in the answer to a query does not count',
    why: 'an agent that hedges the others sees their fill and not their position',
    edits: [
      {
        file: 'src/mirror/told.ts',
        find: 'Math.max(this.#orders.changedFor(agent), this.#shown.get(agent) ?? 0)',
        replace: 'this.#orders.changedFor(agent)',
      },
    ],
    catcher: { test: SNAPSHOTS, only: 'has seen' },
  },
  {
    id: 'old-news-of-others',
    number: '83',
    name: 'what happened to the orders of others may be missing for as long as anything is kept',
    why: 'positions are shown that have been known to be wrong for many seconds',
    edits: [{ file: 'src/mirror/mirror.ts', find: 'Math.min(max, this.#o.settings.rereadMs)', replace: 'max' }],
    catcher: { test: SNAPSHOTS, only: 'has seen' },
  },
  {
    id: 'knocks-again',
    number: '84',
    name: 'a data stream that was refused is tried again as soon as somebody asks anew',
    why: 'whoever else has the account is thrown off, or the tower knocks all day',
    edits: [
      {
        file: 'src/broker/alpaca/data-stream.ts',
        find: 'if (this.#current !== undefined) this.#hangUp();',
        replace: 'this.#hangUp();',
      },
    ],
    catcher: { test: 'src/broker/alpaca/data-stream.test.ts', only: 'taken seat' },
  },
];
