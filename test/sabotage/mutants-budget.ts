/** Mutants of the request budget: who may send when. Must never be applied outside hook.ts. */
import type { Mutant } from './mutant.ts';

export const BUDGET: readonly Mutant[] = [
  {
    id: 'no-reserve',
    number: '91',
    name: 'orders leave nothing of the budget to cancels and look-ups',
    why: 'a cancel waits until the burst of orders before it is a minute old',
    edits: [
      {
        file: 'src/dispatch/window.ts',
        find: 'order: { base: 0.01, overSpan: 0.25 }',
        replace: 'order: { base: 0, overSpan: 0 }',
      },
    ],
    catcher: { test: 'src/dispatch/budget.test.ts', only: 'under a full load' },
  },
  {
    id: 'orders-before-cancels',
    number: '92',
    name: 'orders go before cancels',
    why: 'a cancel waits behind everything that was dropped before it',
    edits: [
      {
        file: 'src/dispatch/lanes.ts',
        find: "['cancel', 'resolve', 'reduce', 'order', 'query'] as const",
        replace: "['order', 'resolve', 'reduce', 'cancel', 'query'] as const",
      },
    ],
    catcher: { test: 'src/dispatch/lanes.test.ts', only: 'urgent lanes first' },
  },
  {
    id: 'first-come',
    number: '93',
    name: 'agents of a lane are served as they came',
    why: 'one agent with a thousand orders holds up all others',
    edits: [
      {
        file: 'src/dispatch/lanes.ts',
        find: 'line.start = start + 1 / this.#weightOf(item.agent);',
        replace: 'line.start = start;',
      },
    ],
    catcher: { test: 'src/dispatch/lanes.test.ts', only: 'take turns' },
  },
  {
    id: 'weightless',
    number: '94',
    name: 'weights count nothing',
    why: 'the owner gives one agent more, and it gets the same',
    edits: [{ file: 'src/dispatch/lanes.ts', find: '1 / this.#weightOf(item.agent)', replace: '1' }],
    catcher: { test: 'src/dispatch/lanes.test.ts', only: 'by weight' },
  },
  {
    id: 'starved-queries',
    number: '95',
    name: 'a lane that is passed over never gets a turn',
    why: 'queries are never answered while orders wait',
    edits: [
      {
        file: 'src/dispatch/lanes.ts',
        find: 'return outranked >= patience || (!URGENT.has(first) && passedOver >= PATIENCE);',
        replace: 'return outranked + passedOver < 0 && URGENT.has(first);',
      },
    ],
    catcher: { test: 'src/dispatch/lanes.test.ts', only: 'endless flow' },
  },
  {
    id: 'deaf-to-headers',
    number: '96',
    name: 'what the broker says is left is not believed',
    why: 'another program on the account makes every request a refusal',
    edits: [{ file: 'src/dispatch/budget.ts', find: ' &&\n      this.#brokersWaitMs(lane) === 0', replace: '' }],
    catcher: { test: 'src/dispatch/budget.test.ts', only: 'low remaining' },
  },
  {
    id: 'deaf-to-429',
    number: '97',
    name: 'after a 429 the next request goes at once',
    why: 'Alpaca locks out who knocks on',
    edits: [
      {
        file: 'src/dispatch/slots.ts',
        find: 'this.#budget.pause(now + (outcome.retryAfterMs ?? Math.min(8000, 1000 * 2 ** (nth - 1))));',
        replace: 'void nth;',
      },
    ],
    catcher: { test: 'src/dispatch/slots.test.ts', only: 'a 429 pauses' },
  },
  {
    id: 'no-circuit',
    number: '98',
    name: 'a dead host is sent everything that waits',
    why: 'the budget is spent on a dead line, and orders lose their place',
    edits: [
      {
        file: 'src/dispatch/circuit.ts',
        find: 'const opens = this.#probeAt === null && failures + 1 >= OPENS_AFTER;',
        replace: 'const opens = failures + 1 > OPENS_AFTER ** 9;',
      },
    ],
    catcher: { test: 'src/dispatch/slots.test.ts', only: 'a dead host' },
  },
  {
    id: 'capless',
    number: '99',
    name: 'caps of agents are not kept',
    why: 'one noisy agent spends what its owner wanted to keep from it',
    edits: [
      {
        file: 'src/dispatch/slots.ts',
        find: 'if (NEVER_CAPPED.has(lane) && !isOwnLook) return 0;',
        replace: "if (NEVER_CAPPED.has(lane) || agent !== '') return 0;",
      },
    ],
    catcher: { test: 'src/dispatch/slots.test.ts', only: 'with a cap' },
  },
  {
    id: 'capped-cancels',
    number: '100',
    name: 'the cap of an agent holds its cancels up, too',
    why: 'an agent that asked too much cannot cancel',
    edits: [
      {
        file: 'src/dispatch/slots.ts',
        find: "new Set(['cancel', 'resolve']);\nconst CAP_SPAN_MS",
        replace: 'new Set([]);\nconst CAP_SPAN_MS',
      },
    ],
    catcher: { test: 'src/dispatch/slots.test.ts', only: 'with a cap' },
  },
  {
    id: 'counted-too-early',
    number: '101',
    name: 'a request counts from when it was allowed, not from when it left',
    why: 'after a slow commit 200 requests leave within a minute of 200 others',
    edits: [
      {
        file: 'src/dispatch/budget.ts',
        find: 'for (const window of this.#windows) window.hold();\n    if (this.#left !== null) this.#left.count--;',
        replace:
          'for (const window of this.#windows) window.hold();\n    this.#enter(this.#now);\n    if (this.#left !== null) this.#left.count--;',
      },
      {
        file: 'src/dispatch/budget.ts',
        find: '    this.#advance(nowMs);\n    this.#enter(this.#now);',
        replace: '    this.#advance(nowMs);',
      },
    ],
    catcher: { test: 'src/dispatch/budget.test.ts', only: 'leaves late' },
  },
  {
    id: 'bare-minute',
    number: '102',
    name: 'the window is a minute and no more',
    why: 'requests that leave a minute apart arrive within one',
    edits: [
      { file: 'src/dispatch/budget.ts', find: 'const MINUTE_MS = 60_800;', replace: 'const MINUTE_MS = 60_000;' },
    ],
    catcher: { test: 'src/dispatch/budget.test.ts', only: 'with jitter' },
  },
  {
    id: 'silent-foreigner',
    number: '103',
    name: 'nobody is told of another program that spends the requests',
    why: 'orders wait and nobody knows why',
    edits: [
      {
        file: 'src/dispatch/foreign.ts',
        find: 'if (count <= Math.max(LEAST, SHARE * perMinute)) return;',
        replace: 'if (count + LEAST + SHARE * perMinute > 0) return;',
      },
    ],
    catcher: { test: 'test/budget/budget.test.ts', only: 'yields to another' },
  },
  {
    id: 'one-purse',
    number: '104',
    name: 'market data is paid with the requests for trading, and held up with them',
    why: 'a 429 for quotes stops orders and cancels',
    edits: [
      {
        file: 'src/pipeline.ts',
        find: "const hosts = { trading: this.#slots('trading'), data: this.#slots('data') };",
        replace: "const purse = this.#slots('trading');\n    const hosts = { trading: purse, data: purse };",
      },
    ],
    catcher: { test: 'test/flow/data.test.ts', only: 'data host' },
  },
];
