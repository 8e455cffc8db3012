/** Mutants of what goes to the broker and comes back: ids, repeats, doubt, the budget, the book. Must never be applied outside hook.ts. */
import type { Edit, Mutant } from './mutant.ts';

const SEND = 'src/dispatch/send.ts';
const RESOLVE = 'src/dispatch/resolve.ts';
const NETWORK = 'src/broker/alpaca/network-system.ts';
const DOUBT = 'test/flow/doubt.test.ts';
const AGAIN = 'test/flow/again.test.ts';
/** The comparison that would show another id in the very answer. */
const BLIND_TO_IDS: Edit = {
  file: 'src/broker/alpaca/encode.ts',
  find: "note('client_order_id', asked['client_order_id'] !== order.clientOrderId);",
  replace: '',
};
const SUBMIT = 'const answer = desk.broker.submit(wireOf(entry), () => mayLeave(desk, entry, trade));';
const submitAs = (suffix: string): string =>
  `const made = wireOf(entry);
  const answer = desk.broker.submit({ ...made, body: made.body.replace(/("client_order_id":"[^"]*)/, (id) => id + ${suffix}) });`;

export const SENDING: readonly Mutant[] = [
  {
    id: 'random-id',
    number: '1',
    name: 'a random client_order_id for each attempt',
    why: 'a repeat becomes a second order',
    edits: [{ file: SEND, find: SUBMIT, replace: submitAs("'_' + Math.floor(Math.random() * 1e9)") }, BLIND_TO_IDS],
    catcher: { test: DOUBT, only: 'the same id and the same bytes' },
    storm: true,
  },
  {
    id: 'numbered-id',
    number: '2',
    name: 'a client_order_id with the number of the attempt',
    why: 'a repeat becomes a second order',
    edits: [
      { file: SEND, find: SUBMIT, replace: submitAs("(entry.attempts === 1 ? '' : '_' + entry.attempts)") },
      BLIND_TO_IDS,
    ],
    catcher: { test: DOUBT, only: 'two copies, one order' },
    storm: true,
  },
  {
    id: 'send-before-journal',
    number: '3',
    name: 'the sending is journaled after it',
    why: 'a crash in between forgets that it was sent',
    edits: [
      {
        file: SEND,
        find: 'const n = entry.attempts + 1;',
        replace: 'const n = entry.attempts + 1;\n  await desk.broker.submit(wireOf(entry));',
      },
    ],
    catcher: { test: AGAIN, only: 'not sent in its turn' },
    storm: true,
  },
  {
    id: 'send-before-taken-in',
    number: '3b',
    name: 'an order that may leave at once leaves before it is journaled',
    why: 'a crash in between forgets that it was sent',
    edits: [
      {
        file: 'src/dispatch/dispatcher.ts',
        find: 'if (turn === null) return null;',
        replace:
          "if (turn === null) return null;\n    void desk.broker.submit({ method: 'POST', path: '/v2/orders', body: desk.broker.encode(trade).body });",
      },
    ],
    catcher: { test: AGAIN, only: 'not sent at once' },
  },
  {
    id: 'retry-on-504',
    number: '7',
    name: 'a POST is repeated on 504 without a look-up',
    why: 'the copy that arrived and the repeat are two orders where ids are not unique',
    edits: [
      {
        file: 'src/broker/alpaca/outcome.ts',
        find: 'if (status === 429) {',
        replace: 'if (status === 429 || status === 504) {',
      },
    ],
    catcher: { test: DOUBT, only: '504' },
    slow: true,
    storm: true,
  },
  {
    id: 'not-found-is-rejected',
    number: '8',
    name: 'a look-up that finds nothing means rejected',
    why: 'the agent orders again, and the first copy arrives',
    edits: [
      {
        file: RESOLVE,
        find: 'const now = clock.monotonic();\n    if (now >= lastByteAt',
        replace: `await desk.writer.revise(seq, () => ({
      patch: { state: 'rejected', answer: { error: orderError('not_executed', 'Alpaca does not have it') } },
      events: [],
      stage: 'd5',
    }));
    if (seq > 0) return;
    const now = clock.monotonic();
    if (now >= lastByteAt`,
      },
    ],
    catcher: { test: DOUBT, only: 'two copies, one order' },
    storm: true,
  },
  {
    id: 'refusal-after-doubt-is-final',
    number: '9',
    name: 'a 403 after doubt means rejected',
    why: 'the first copy, which used the buying power, is called refused',
    edits: [
      {
        file: SEND,
        find: "? { patch: stillInDoubt(entry, 'a copy was refused, an earlier one may stand'), events, stage: 'd5' }",
        replace: "? { patch: { state: 'rejected', answer: refusedByBroker(outcome.rejection) }, events, stage: 'd5' }",
      },
    ],
    catcher: { test: DOUBT, only: '403' },
  },
  {
    id: 'duplicate-by-code',
    number: '10',
    name: 'the code 40010001 means a duplicate id',
    why: 'a refusal of another kind leaves the agent in doubt for a quarter of an hour',
    edits: [
      {
        file: 'src/broker/alpaca/outcome.ts',
        find: "if (call === 'order' && saysDuplicate(status, rejection.message)) {",
        replace: "if (call === 'order' && (rejection.code === 40010001 || saysDuplicate(status, rejection.message))) {",
      },
    ],
    catcher: { test: 'src/broker/alpaca/client.test.ts', only: '40010001' },
  },
  {
    id: 'forgetful-budget',
    number: '17',
    name: 'the request budget lives in memory only',
    why: 'every restart allows a minute of requests again: Alpaca locks the account out',
    edits: [
      {
        file: 'src/pipeline.ts',
        find: 'line.desk.hosts[host].seed(spent.map((at) => (now - at) / 1000));',
        replace: 'void spent;',
      },
    ],
    catcher: { test: AGAIN, only: 'budget' },
    slow: true,
    storm: true,
  },
  {
    id: 'token-bucket',
    number: '18',
    name: 'the request budget is a token bucket',
    why: '399 requests in the worst minute of 200',
    edits: [
      {
        file: 'src/dispatch/window.ts',
        find: 'while (this.#total > 0 && this.#oldest(0) <= now - this.spanMs) {',
        replace: `const bucket = this as Window & { filledAt?: number };
    if (bucket.filledAt === undefined || this.#total === 0) bucket.filledAt = now;
    while (this.#total > 0 && bucket.filledAt + this.spanMs / this.limit <= now) {
      bucket.filledAt += this.spanMs / this.limit;`,
      },
    ],
    catcher: { test: 'src/dispatch/budget.test.ts', only: 'no pattern' },
    storm: true,
  },
  {
    id: 'wall-clock-budget',
    number: '22',
    name: 'the request budget goes by the wall clock',
    why: 'a clock that is set forward frees a budget that is spent; one that is set back stops the tower',
    edits: [
      {
        file: 'src/dispatch/slots.ts',
        find: 'return this.#clock.monotonic();',
        replace: 'return this.#clock.now() / 1000;',
      },
    ],
    catcher: { test: 'src/dispatch/slots.test.ts' },
    storm: true,
  },
  {
    id: 'arrival-order',
    number: '23',
    name: 'trade updates are believed in the order in which they arrive',
    why: 'a filled order is told as open again',
    edits: [
      { file: 'src/broker/absorb.ts', find: 'if (isOlder(entry, order)) return null;', replace: '' },
      {
        file: 'src/broker/absorb.ts',
        find: 'if (wasOver && !hasEnded(order.status)) return null;',
        replace: '',
      },
    ],
    catcher: { test: 'src/broker/absorb.test.ts' },
    storm: true,
  },
  {
    id: 'first-page-only',
    number: '24',
    name: 'the list of orders is read one page far',
    why: 'what lies on the second page is never seen',
    edits: [
      {
        file: 'src/follow/follow.ts',
        find: 'page.value.length < PAGE ||',
        replace: 'page.value.length > 0 ||',
      },
    ],
    catcher: { test: AGAIN, only: 'page' },
  },
  {
    id: 'absence-by-first-page',
    number: '24b',
    name: 'absence is proved by the first page of the list',
    why: 'an order on the second page is called not executed',
    edits: [
      {
        file: RESOLVE,
        find: 'if (page.value.length < 500 || last === undefined) break;',
        replace: 'if (seen.size >= 0) break;',
      },
    ],
    catcher: { test: 'src/dispatch/resolve.test.ts', only: 'second page' },
  },
  {
    id: 'redirects-followed',
    number: '25',
    name: 'redirects are followed',
    why: 'the order and the secret go to another host',
    edits: [
      {
        file: NETWORK,
        find: "import { buildConnector, type Dispatcher, errors, Pool } from 'undici';",
        replace: "import { buildConnector, type Dispatcher, errors, interceptors, Pool } from 'undici';",
      },
      {
        file: NETWORK,
        find: 'pool.dispatch(',
        replace: 'pool.compose(interceptors.redirect({ maxRedirections: 3 })).dispatch(',
      },
    ],
    catcher: { test: 'src/broker/alpaca/network-system.test.ts', only: 'redirect' },
  },
  {
    id: 'no-settle-time',
    number: '30',
    name: 'an order that is not found is sent again at once',
    why: 'where equal ids are taken twice, the copy under way and the repeat are two orders',
    edits: [
      {
        file: RESOLVE,
        find: "if (now < lastByteAt + doubt.settleMs || entry.state === 'unresolved') continue;",
        replace: "if (entry.state === 'unresolved') continue;",
      },
    ],
    catcher: { test: DOUBT, only: 'settle time' },
    slow: true,
  },
  {
    id: 'resend-against-orders',
    number: '30b',
    name: 'an order in doubt is sent again though that is switched off',
    why: 'where equal ids are taken twice, it becomes two orders',
    edits: [{ file: RESOLVE, find: 'doubt.resend &&\n      // What', replace: '// What' }],
    catcher: { test: DOUBT, only: 'switched off' },
    slow: true,
    storm: true,
  },
  {
    id: 'secret-in-reason',
    number: '32',
    name: 'the reason of a fault tells the request with its headers',
    why: 'the secret key stands in answers, archive and log',
    edits: [
      {
        file: 'src/broker/alpaca/client.ts',
        find: 'if (judged !== null) return judged;',
        replace:
          "if (judged !== null) return 'reason' in judged ? { ...judged, reason: judged.reason + JSON.stringify(this.#headers()) } : judged;",
      },
    ],
    catcher: { test: 'src/broker/alpaca/client.test.ts' },
  },
  {
    id: 'new-journal-starts-clean',
    number: '33',
    name: 'a journal made anew believes that nothing was ever sent',
    why: 'a file dropped again is sent again, or called never sent though its order exists',
    edits: [
      {
        file: 'src/pipeline.ts',
        find: 'suspect: () => this.#suspects.has(mode) || !this.#informed.has(mode),',
        replace: 'suspect: () => false,',
      },
    ],
    catcher: { test: AGAIN, only: 'journal is gone' },
    slow: true,
  },
  {
    id: 'not-executed-at-settle',
    number: '34',
    name: 'an order is called not executed after the settle time',
    why: 'a copy that took longer arrives after the agent has ordered again',
    edits: [
      {
        file: RESOLVE,
        find: 'if (now >= lastByteAt + doubt.maxDelayMs) {',
        replace: 'if (now >= lastByteAt + doubt.settleMs) {',
      },
    ],
    catcher: { test: 'src/dispatch/resolve.test.ts' },
    storm: true,
  },
  {
    id: 'halt-in-memory',
    number: '29',
    name: 'halts are looked up once, and then remembered',
    why: 'a person halts everything, and orders go on leaving',
    edits: [
      {
        file: 'src/halt/halts.ts',
        find: "#against(state: HaltState, order: Haltable): Halt | 'unreadable' | null {",
        replace:
          "#against(seen: HaltState, order: Haltable): Halt | 'unreadable' | null {\n    const own = this as unknown as { first?: HaltState };\n    own.first ??= seen;\n    const state = own.first;",
      },
      {
        file: 'src/dispatch/dispatcher.ts',
        find: 'if (halt !== null) await refuseHalted(desk, entry, halt);',
        replace: '',
      },
    ],
    catcher: { test: 'test/flow/halt.test.ts', only: 'an empty file halts' },
    storm: true,
  },
  {
    id: 'halt-forgotten-on-the-way',
    number: '29b',
    name: 'nobody asks in the moment before the first byte whether the order may leave',
    why: 'a halt is there, and an order that was journaled before it leaves after it',
    edits: [
      {
        file: 'src/mirror/observed.ts',
        find: 'broker.submit(wire, mayLeave)',
        replace: 'broker.submit(wire, () => mayLeave !== null)',
      },
    ],
    catcher: { test: 'test/mirror/known.test.ts' },
  },
  {
    id: 'risk-outside-journal',
    number: '19',
    name: 'limits are judged before the transaction that takes an order in',
    why: 'two agents that ask at once both get what only one of them may have',
    edits: [
      {
        file: 'src/journal/sqlite.ts',
        find: '  admit(arrivals: readonly Arrival[], judge?: Judge): Promise<readonly Admission[]> {\n    return this.#commit(() => {',
        replace: `  admit(arrivals: readonly Arrival[], asked?: Judge): Promise<readonly Admission[]> {
    const early = new Map(arrivals.map(({ measured }) => [
      measured,
      measured === undefined ? null : (asked?.(measured, this.#risk.ground(this.#clock.now())) ?? null),
    ]));
    const judge: Judge = (order) => early.get(order) ?? null;
    return this.#commit(() => {`,
      },
    ],
    catcher: { test: 'test/limits/limits.test.ts', only: '64 agents' },
  },
  {
    id: 'doubt-not-counted',
    number: '20',
    name: 'an order in doubt does not count in the exposure',
    why: 'an agent makes time-outs, and trades twice what it may',
    edits: [
      {
        file: 'src/journal/sqlite-risk.ts',
        find: 'const isEnd = STATES[to].final;',
        replace: 'const isEnd = STATES[to].final || isDoubtful(to);',
      },
    ],
    catcher: { test: 'test/limits/limits.test.ts', only: '64 agents' },
    storm: true,
  },
];
