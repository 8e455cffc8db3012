/**
 * The faults that the tests must catch: each is one way of building a tower that loses orders, doubles them or says what
 * it does not know, as an edit of the source, with the test that catches it. Must never be applied outside hook.ts.
 */

export interface Edit {
  /** From the project's folder. */
  readonly file: string;
  /** Source text; must occur exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A test file, and the tests of it that are enough (a pattern of their names; all when absent). */
export interface Catcher {
  readonly test: string;
  readonly only?: string;
  /** Needs this program on the machine. */
  readonly needs?: string;
}

export interface Mutant {
  readonly id: string;
  /** Number in the catalogue of sabotage; a letter for a second way of doing the same. */
  readonly number: string;
  readonly name: string;
  /** What it would do to somebody's account. */
  readonly why: string;
  /** Where more than one: the fault, and the check that would show it at once. */
  readonly edits: readonly Edit[];
  readonly catcher: Catcher;
  /** True: its catcher takes seconds, so `npm test` leaves it to `npm run sabotage`. */
  readonly slow?: true;
  /** True: the storm must find it as well. */
  readonly storm?: true;
}

const SEND = 'src/dispatch/send.ts';
const RESOLVE = 'src/dispatch/resolve.ts';
const FILES = 'src/lib/files.ts';
const FOLDER = 'src/ingress/folder.ts';
const RESPOND = 'src/respond/respond.ts';
const SQLITE = 'src/journal/sqlite.ts';
const PARSE = 'src/order/parse.ts';
const NETWORK = 'src/broker/alpaca/network-system.ts';

const DOUBT = 'test/flow/doubt.test.ts';
const AGAIN = 'test/flow/again.test.ts';

/** The comparison that would show another id in the very answer. */
const BLIND_TO_IDS: Edit = {
  file: 'src/broker/alpaca/encode.ts',
  find: "note('client_order_id', asked['client_order_id'] !== order.clientOrderId);",
  replace: '',
};
const CLAIM = `this.#o.files.claim(INCOMING, entry, \`\${PROCESSING}/\${claimedAs}\`)`;
const READ_CLAIMED = 'return this.#read(dirEntry(claimedAs), receipt, entry.name);';
const TAKE_AS_SEEN = 'return this.#received(dirEntry(claimedAs), receipt, entry.name, look, this.#o.clock.now());';
const SUBMIT = 'const answer = desk.broker.submit(wireOf(applied.entry));';
const submitAs = (suffix: string): string =>
  `const made = wireOf(applied.entry);
  const answer = desk.broker.submit({ ...made, body: made.body.replace(/("client_order_id":"[^"]*)/, (id) => id + ${suffix}) });`;

export const MUTANTS: readonly Mutant[] = [
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
    edits: [{ file: SEND, find: SUBMIT, replace: submitAs("(n === 1 ? '' : '_' + n)") }, BLIND_TO_IDS],
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
        replace: 'const n = entry.attempts + 1;\n  const early = desk.broker.submit(wireOf(entry));',
      },
      { file: SEND, find: SUBMIT, replace: 'const answer = early;' },
    ],
    catcher: { test: AGAIN, only: 'not journaled is not sent' },
    storm: true,
  },
  {
    id: 'synchronous-normal',
    number: '4',
    name: 'synchronous=NORMAL',
    why: 'a power cut takes what was acknowledged',
    edits: [{ file: SQLITE, find: "'synchronous = FULL'", replace: "'synchronous = NORMAL'" }],
    catcher: { test: 'src/journal/sqlite.test.ts', only: 'keeps every byte' },
  },
  {
    id: 'synchronous-normal-unchecked',
    number: '4b',
    name: 'synchronous=NORMAL, and the check agrees',
    why: 'a power cut takes what was acknowledged',
    edits: [
      { file: SQLITE, find: "'synchronous = FULL'", replace: "'synchronous = NORMAL'" },
      {
        file: SQLITE,
        find: "Number(db.pragma('synchronous', { simple: true })) !== 2",
        replace: "Number(db.pragma('synchronous', { simple: true })) !== 1",
      },
    ],
    catcher: { test: 'test/flow/durable.test.ts', needs: 'strace' },
  },
  {
    id: 'no-fsync-before-rename',
    number: '5',
    name: 'no fsync before the rename',
    why: 'a power cut leaves an answer of the right size with nothing in it',
    edits: [{ file: FILES, find: "await fsync(fd);\n      point?.('synced');", replace: "point?.('synced');" }],
    catcher: { test: 'src/lib/files.test.ts', only: 'synced before' },
  },
  {
    id: 'no-folder-fsync',
    number: '6',
    name: 'no fsync of the folder',
    why: 'a power cut takes an answer that the journal calls published',
    edits: [{ file: FILES, find: 'try {\n      await fsync(fd);\n    } finally {', replace: 'try {\n    } finally {' }],
    catcher: { test: 'src/lib/files.test.ts', only: 'syncs a folder' },
  },
  {
    id: 'no-folder-sync-asked',
    number: '6b',
    name: 'the folder is not synced before the answer counts as published',
    why: 'a power cut takes an answer that the journal calls published',
    edits: [{ file: RESPOND, find: '() => files.syncFolder(folder)', replace: '() => {}' }],
    catcher: { test: 'src/respond/respond.test.ts', only: 'durable before' },
    storm: true,
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
    storm: true,
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
    id: 'marked-before-published',
    number: '11',
    name: 'an answer is marked as published before it is',
    why: 'a crash or a full disk in between, and the agent never hears of its order',
    edits: [
      {
        file: RESPOND,
        find: 'const marks = await this.#publish(entries, strays);',
        replace: `await this.#o.journal.mark([
        ...entries.map((one) => ({ seq: one.seq, published: one.version, archived: mayArchive(one) || one.archived })),
        ...strays.map(({ receipt }) => ({ receipt, archived: true })),
      ]);
      const marks = await this.#publish(entries, strays);`,
      },
    ],
    catcher: { test: 'src/respond/respond.test.ts', only: 'durable before' },
    storm: true,
  },
  {
    id: 'read-then-unlink',
    number: '12',
    name: 'an order file is read and then deleted',
    why: 'an order that replaced it in between is destroyed unread',
    edits: [
      {
        file: FOLDER,
        find: CLAIM,
        replace: `this.#o.files.remove(\`\${INCOMING}/\${entry.name}\`)`,
      },
      { file: FOLDER, find: READ_CLAIMED, replace: TAKE_AS_SEEN },
    ],
    catcher: { test: 'src/ingress/folder.test.ts', only: 'replaced' },
    storm: true,
  },
  {
    id: 'watch-only',
    number: '13',
    name: 'the folder is looked at only when the watch rings',
    why: 'the watch loses events, and the order lies there for ever',
    edits: [
      {
        file: FOLDER,
        find: 'this.#stopPoll = this.#o.clock.after(this.#o.pollMs, () => this.#poll());',
        replace: 'this.#stopPoll = () => {};',
      },
    ],
    catcher: { test: 'src/ingress/folder.test.ts', only: 'never rings' },
    slow: true,
    storm: true,
  },
  {
    id: 'no-claim',
    number: '13b',
    name: 'an order file is taken without being claimed',
    why: 'a change of the file after it was judged changes what is archived, and every look takes it again',
    edits: [
      { file: FOLDER, find: CLAIM, replace: 'true' },
      { file: FOLDER, find: READ_CLAIMED, replace: TAKE_AS_SEEN },
    ],
    catcher: { test: 'src/ingress/folder.test.ts', only: 'replaced' },
    storm: true,
  },
  {
    id: 'plain-read',
    number: '14',
    name: 'order files are opened without a second thought',
    why: 'a link leads out of the home, and four FIFOs stop every file operation of the process',
    edits: [
      { file: FILES, find: "if (!look.isFile()) return { kind: 'foreign', what: foreignKind(look) };", replace: '' },
      {
        file: FILES,
        find: 'fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);',
        replace: 'fd = fs.openSync(file, O_RDONLY);',
      },
    ],
    catcher: { test: 'src/lib/files.test.ts', only: 'symbolic link' },
  },
  {
    id: 'open-without-guards',
    number: '14b',
    name: 'the kind of a file is looked at, and then it is opened without guards',
    why: 'what is put in its place between look and opening is opened',
    edits: [
      {
        file: FILES,
        find: 'fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);',
        replace: 'fd = fs.openSync(file, O_RDONLY);',
      },
    ],
    catcher: { test: 'src/lib/files.test.ts', only: 'swapped' },
  },
  {
    id: 'plain-json',
    number: '15',
    name: 'JSON.parse is all that reads an order file',
    why: '"side" twice is a sale instead of a purchase',
    edits: [
      {
        file: 'src/lib/json.ts',
        find: 'return new StrictParser(text, limits).parse();',
        replace: `try {
    const value = JSON.parse(text, (_key, inner, context) =>
      typeof inner === 'number' ? new JsonNumber(context.source ?? '') : inner,
    ) as JsonValue;
    if (isJsonObject(value)) return { ok: true, value };
  } catch {}
  return new StrictParser(text, limits).parse();`,
      },
    ],
    catcher: { test: 'src/lib/json.test.ts' },
  },
  {
    id: 'floating-quantity',
    number: '16',
    name: 'quantities and prices are numbers',
    why: 'other digits are sent than were ordered',
    edits: [
      {
        file: 'src/order/fields.ts',
        find: "const source = raw instanceof JsonNumber ? raw.text : raw;\n    if (typeof source !== 'string') return notA('a number or a decimal string', raw);",
        replace:
          "const source = raw instanceof JsonNumber || typeof raw === 'string' ? String(Number(raw instanceof JsonNumber ? raw.text : raw)) : raw;\n    if (typeof source !== 'string') return notA('a number or a decimal string', raw);",
      },
    ],
    catcher: { test: 'src/order/parse.test.ts', only: 'every digit' },
  },
  {
    id: 'forgetful-budget',
    number: '17',
    name: 'the request budget lives in memory only',
    why: 'every restart allows a minute of requests again: Alpaca locks the account out',
    edits: [{ file: 'src/pipeline.ts', find: 'line.desk.budget.seed(ages, clock.monotonic());', replace: '' }],
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
        file: 'src/dispatch/budget.ts',
        find: 'while (window.total > 0 && this.#oldest(window) <= this.#now - window.lengthMs) {',
        replace: `const bucket = window as Window & { at?: number };
      if (bucket.at === undefined || window.total === 0) bucket.at = this.#now;
      while (window.total > 0 && bucket.at + window.lengthMs / window.limit <= this.#now) {
        bucket.at += window.lengthMs / window.limit;`,
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
        find: 'const now = this.#clock.monotonic();',
        replace: 'const now = this.#clock.now() / 1000;',
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
    id: 'agent-of-the-body',
    number: '27',
    name: 'the agent is who the content says',
    why: "an agent cancels another one's orders",
    edits: [
      { file: PARSE, find: "check('agent_mismatch', 'agent_id', name.agent);", replace: '' },
      {
        file: PARSE,
        find: 'agent: name.agent,',
        replace: "agent: typeof raw['agent_id'] === 'string' ? (raw['agent_id'] as OrderName['agent']) : name.agent,",
      },
    ],
    catcher: { test: 'test/bad-input.test.ts' },
  },
  {
    id: 'on-after-a-failed-commit',
    number: '28',
    name: 'the journal goes on after a failed commit',
    why: 'what the commit left on disk and what the tower believes are two things from then on',
    edits: [{ file: SQLITE, find: '} catch (error) {\n      this.#fault = error;', replace: '} catch (error) {' }],
    catcher: { test: 'src/journal/sqlite.test.ts', only: 'failed commit' },
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
    edits: [{ file: RESOLVE, find: 'doubt.resend && entry.attempts', replace: 'entry.attempts' }],
    catcher: { test: DOUBT, only: 'switched off' },
    slow: true,
    storm: true,
  },
  {
    id: 'archive-by-rename',
    number: '31',
    name: 'the archive overwrites what is there',
    why: 'the record of another order is gone',
    edits: [{ file: FILES, find: 'fs.linkSync(temp, at(to));', replace: 'fs.renameSync(temp, at(to));' }],
    catcher: { test: 'src/lib/files.test.ts', only: 'never over' },
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
          "if (judged !== null) return 'reason' in judged ? { ...judged, reason: judged.reason + JSON.stringify(this.#headers) } : judged;",
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
    storm: true,
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
];

/** Of the catalogue, what has nothing to sabotage: the feature is not there. */
export const NOT_APPLICABLE: readonly { readonly number: string; readonly name: string; readonly reason: string }[] = [
  { number: '19', name: 'risk check outside the journal', reason: 'there are no limits on size or exposure yet' },
  { number: '20', name: 'doubt not counted in exposure', reason: 'there are no limits on size or exposure yet' },
  {
    number: '21',
    name: 'epoch not checked',
    reason: 'one tower per account and machine, held by a lock; no leases yet',
  },
  { number: '26', name: 'Host not checked', reason: 'the tower takes orders as files only and serves no HTTP' },
  { number: '29', name: 'halt checked in memory only', reason: 'there is no halt yet' },
];
