/** Mutants of what queries are answered from. Must never be applied outside hook.ts. */
import type { Mutant } from './mutant.ts';

const HISTORIES = 'test/mirror/histories.test.ts';
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
    edits: [{ file: ORDERS, find: 'verified === null || !meets(verified, need) ||', replace: 'verified === null ||' }],
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
];
