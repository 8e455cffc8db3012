/**
 * What any journal must do, as one suite: every store runs it. Must never know a store's inside.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Book, postTo } from '../books/book.ts';
import { fill, moneyFee, split } from '../books/postings.ts';
import { defined } from '../lib/assert.ts';
import { type Micros, micros } from '../lib/clock.ts';
import { below, chance, pick, seededRandom } from '../lib/random.ts';
import { canonical } from '../order/decimal.ts';
import { orderError } from '../order/errors.ts';
import { orderName } from '../order/name.ts';
import type { Measured } from '../risk/measure.ts';
import {
  type Answer,
  type Arrival,
  type BookEntry,
  type BookedEntry,
  type Booking,
  type Change,
  type Entry,
  followUp,
  type Journal,
  type Patch,
  sendingEvent,
  unwantedEvent,
} from './journal.ts';

export interface JournalUnderTest {
  readonly journal: Journal;
  /** Opens the same journal as a new process would. */
  reopen(): Journal;
  close(): Promise<void>;
}

const AT: Micros = micros(1_770_000_000_000_000);
const name = (n: number, agent = 'alpha') =>
  defined(orderName('paper', agent, 'stockbuy', `20260213143022${String(n).padStart(6, '0')}`), 'a valid name');

const arrival = (n: number, more: Partial<Arrival> = {}): Arrival => ({
  receipt: `r${n}`,
  name: name(n),
  raw: Buffer.from(`{"n":${n}}`),
  sha256: 'ab',
  receivedAt: AT,
  requestOrderId: null,
  sendBy: micros(AT + 1e6),
  wire: `{"client_order_id":"x${n}"}`,
  state: 'admitted',
  doubted: false,
  answer: null,
  ...more,
});

const change = (entry: Entry, more: Partial<Change>): Change => ({
  seq: entry.seq,
  rev: entry.rev,
  at: AT,
  patch: {},
  events: [],
  stage: 'd5',
  ...more,
});

const entry = (key: string, agent: string, side: 'buy' | 'sell', qty: string, price: string): BookEntry => ({
  key,
  agent: name(1, agent).agent,
  posting: fill({ symbol: 'AAPL', side, qty: canonical(qty), price: canonical(price), at: AT }),
  orderId: 'o1',
  seq: 1,
});

const booking = (activity: string | null, ...entries: readonly BookEntry[]): Booking => ({
  account: 'PA1',
  activity,
  entries,
});

const measured = (n: number): Measured => ({
  mode: 'paper',
  agent: 'alpha',
  type: 'stockbuy',
  parts: [],
  qty: null,
  value: null,
  limit: null,
  meeting: null,
  isUnsized: true,
  isPriced: false,
  coin: null,
  session: 'regular',
  content: String(n),
});

async function admitted(journal: Journal, n: number, more: Partial<Arrival> = {}): Promise<Entry> {
  const [admission] = await journal.admit([arrival(n, more)]);
  assert.equal(admission?.kind, 'new');
  return admission.entry;
}

export function journalConformance(title: string, open: () => JournalUnderTest): void {
  const test = (what: string, body: (one: JournalUnderTest) => Promise<void>): void => {
    it(what, async () => {
      const one = open();
      try {
        await body(one);
      } finally {
        await one.close();
      }
    });
  };

  describe(`journal: ${title}`, () => {
    test('keeps every byte and field of a request', async ({ journal, reopen }) => {
      const raw = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      await admitted(journal, 1, { raw, requestOrderId: 'ref', doubted: true });
      const kept = await reopen().find({ clientOrderId: 'alpha_20260213143022000001_stockbuy' });
      assert.deepEqual(Uint8Array.from(kept?.raw ?? []), raw);
      assert.equal(kept?.requestOrderId, 'ref');
      assert.equal(kept?.doubted, true);
      assert.equal(kept?.state, 'admitted');
      assert.deepEqual(kept?.name, name(1));
    });

    test('takes an identity once, whatever the receipt, and a receipt once', async ({ journal }) => {
      const first = await admitted(journal, 1);
      const again = await journal.admit([arrival(1, { receipt: 'other' }), arrival(1)]);
      assert.deepEqual(again[0], { kind: 'duplicate', first });
      assert.deepEqual(again[1], { kind: 'known' });
    });

    test('numbers strays and keeps them until they are archived', async ({ journal, reopen }) => {
      const stray = {
        receipt: 's1',
        raw: Buffer.from('x'),
        receivedAt: AT,
        claimedAs: 's1__x',
        responsePath: 'responses/a',
        responseText: '{}',
        archivePath: 'orders/failed/a',
      };
      await journal.addStray(stray, 'of');
      await journal.addStray(stray, 'of');
      assert.equal(await journal.strays('of'), 1);
      assert.equal(await journal.receipt('s1'), 'known');
      assert.deepEqual(
        (await reopen().outgoing(9)).strays.map(({ receipt, responsePath }) => [receipt, responsePath]),
        [['s1', 'responses/a']],
      );
      await journal.mark([{ receipt: 's1', archived: true }]);
      assert.equal(await journal.receipt('s1'), 'archived');
      assert.deepEqual((await journal.outgoing(9)).strays, []);
    });

    test('refuses a change that was decided on an older entry', async ({ journal }) => {
      const entry = await admitted(journal, 1);
      const [first, second] = await journal.apply([
        change(entry, { patch: { state: 'sending', attempts: 1 }, stage: 'd4' }),
        change(entry, { patch: { state: 'cancelled_unsent' } }),
      ]);
      assert.equal(first?.kind, 'applied');
      assert.deepEqual(second, { kind: 'stale' });
      assert.equal((await journal.find({ seq: entry.seq }))?.state, 'sending');
    });

    test('applies an event with a key once, and with it the whole change', async ({ journal }) => {
      const entry = await admitted(journal, 1);
      const fill = { kind: 'fill', key: 'execution-1', detail: '{"qty":"3"}' };
      const [one] = await journal.apply([change(entry, { patch: { filledQty: '3' }, events: [fill] })]);
      assert.ok(one?.kind === 'applied');
      const [two] = await journal.apply([change(one.entry, { patch: { filledQty: '6' }, events: [fill] })]);
      assert.deepEqual(two, { kind: 'seen' });
      assert.equal((await journal.find({ seq: entry.seq }))?.filledQty, '3');
      assert.deepEqual(await journal.fills(entry.seq), ['3']);
    });

    test('makes a new version with each answer, and publishes the newest', async ({ journal, reopen }) => {
      const entry = await admitted(journal, 1);
      assert.deepEqual((await journal.outgoing(9)).entries, []);
      const [one] = await journal.apply([
        change(entry, { patch: { state: 'working', brokerId: 'b', answer: { dataJson: '{"a":1}' } } }),
      ]);
      assert.ok(one?.kind === 'applied');
      assert.equal(one.entry.version, 1);
      await journal.mark([{ seq: entry.seq, published: 1, archived: true }]);
      assert.deepEqual((await journal.outgoing(9)).entries, []);
      const newest = defined(await journal.find({ brokerId: 'b' }), 'the entry');
      const error = orderError('internal', 'x');
      await journal.apply([change(newest, { patch: { state: 'closed', answer: { error } } })]);
      const [outgoing] = (await reopen().outgoing(9)).entries;
      assert.equal(outgoing?.version, 2);
      assert.deepEqual(outgoing?.answer, { error });
      assert.equal(outgoing?.archived, true);
    });

    test('journals the first sending with the order that may leave at once, as of the moment it is told', async ({
      journal,
      reopen,
    }) => {
      const at = micros(AT + 5);
      const verdicts = [{ sentAt: at }, 'admit', orderError('internal', 'no'), { sentAt: at }] as const;
      const admissions = await journal.admit(
        verdicts.map((_, n) => arrival(n, { measured: measured(n) })),
        ({ content }) => verdicts[Number(content)] ?? 'admit',
      );
      const entries = admissions.flatMap((admission) => (admission.kind === 'new' ? [admission.entry] : []));
      assert.deepEqual(
        entries.map(({ state, attempts }) => [state, attempts]),
        [
          ['sending', 1],
          ['admitted', 0],
          ['refused', 0],
          ['sending', 1],
        ],
      );
      const later = reopen();
      assert.deepEqual(await later.spentSince('paper', micros(0), 'trading'), [at, at]);
      assert.deepEqual(
        (await later.unfinished(['sending'])).map(({ seq }) => seq),
        [entries[0]?.seq, entries[3]?.seq],
      );
      const again = change(defined(entries[0], 'the first'), { events: [sendingEvent(entries[0]?.seq ?? 0, 1)] });
      assert.deepEqual(await journal.apply([again]), [{ kind: 'seen' }]);
    });

    test('reads a request by its number as by its id, whatever was done to it', async ({ journal }) => {
      const random = seededRandom('by number as by id');
      const taken: Entry[] = [];
      const texts = ['{}', '{"a":"\\ud800"}', '{"ü":"\u{1f5fc}"}'];
      for (let step = 0; step < 150; step++) {
        const known = taken.length === 0 || below(random, 6) === 0 ? undefined : pick(random, taken);
        if (known === undefined) {
          taken.push(await admitted(journal, step, { raw: chance(random, 0.2) ? null : Buffer.from(`${step}`) }));
          continue;
        }
        const entry = defined(await journal.find({ seq: known.seq }), 'the entry');
        const origin = { asOf: micros(AT + step), source: 'mirror' } as const;
        const answer = pick<Answer>(random, [
          { dataJson: pick(random, texts), ...(chance(random, 0.5) ? { origin } : {}) },
          { error: orderError('internal', pick(random, texts)) },
        ]);
        const patch: Patch = {
          state: pick(random, ['sending', 'in_doubt', 'working', 'closed']),
          ...(chance(random, 0.5) ? { answer } : {}),
          ...(chance(random, 0.3) ? { doubted: chance(random, 0.5), attempts: step } : {}),
          ...(chance(random, 0.3) ? { brokerId: `b${step}`, brokerStatus: 'new', filledQty: '0.5' } : {}),
        };
        const isArchived = chance(random, 0.5);
        const asked = [journal.apply([change(entry, { patch })]), journal.apply([change(entry, { patch })])];
        // In one commit with them, or after it.
        if (chance(random, 0.5)) await asked[1];
        if (chance(random, 0.5))
          await journal.mark([{ seq: entry.seq, published: entry.version, archived: isArchived }]);
        if (chance(random, 0.1)) await journal.unpublish(chance(random, 0.5) ? null : 'alpha', AT);
        assert.deepEqual(
          (await Promise.all(asked)).map(([one]) => one?.kind),
          ['applied', 'stale'],
        );
        // What was just written is remembered by its number, and looked up by its id.
        const found = await journal.find({ seq: entry.seq });
        assert.deepEqual(found, await journal.find({ clientOrderId: entry.clientOrderId }), `step ${step}`);
        for (const one of (await journal.outgoing(99)).entries)
          assert.deepEqual(one, await journal.find({ clientOrderId: one.clientOrderId }), `step ${step}`);
      }
    });

    test('has answers published again: what is not done, and what is new', async ({ journal }) => {
      const [old, young, open] = [await admitted(journal, 1), await admitted(journal, 2), await admitted(journal, 3)];
      for (const [entry, state] of [
        [old, 'closed'],
        [young, 'closed'],
        [open, 'working'],
      ] as const) {
        await journal.apply([
          change(entry, { patch: { state, brokerId: `b${entry.seq}`, answer: { dataJson: '{}' } } }),
        ]);
        await journal.mark([{ seq: entry.seq, published: 1, archived: true }]);
      }
      const answeredAt = defined((await journal.find({ seq: young.seq }))?.answeredAt, 'the time of the answer');
      const again = async (owner: string | null, since: number): Promise<readonly number[]> => {
        await journal.unpublish(owner, micros(since));
        const { entries } = await journal.outgoing(9);
        await journal.mark(entries.map(({ seq }) => ({ seq, published: 1 })));
        return entries.map(({ seq }) => seq);
      };
      assert.deepEqual(await again(null, answeredAt + 1), [open.seq]);
      assert.deepEqual(await again(open.agent, answeredAt), [old.seq, young.seq, open.seq]);
      assert.deepEqual(await again('other', 0), []);
    });

    test('holds back the archive while the outcome is unknown', async ({ journal }) => {
      const entry = await admitted(journal, 1);
      const error = orderError('in_doubt', 'x');
      const [one] = await journal.apply([
        change(entry, { patch: { state: 'in_doubt', doubted: true, answer: { error } } }),
      ]);
      assert.ok(one?.kind === 'applied');
      await journal.mark([{ seq: entry.seq, published: 1 }]);
      assert.deepEqual((await journal.outgoing(9)).entries, []);
      await journal.apply([
        change(defined(await journal.find({ seq: entry.seq }), 'it'), { patch: { state: 'working' } }),
      ]);
      assert.equal((await journal.outgoing(9)).entries.length, 1);
    });

    test('finds an order by its legs', async ({ journal }) => {
      const entry = await admitted(journal, 1);
      await journal.apply([change(entry, { patch: { brokerId: 'parent' }, legs: ['leg-1', 'leg-2'] })]);
      assert.equal((await journal.find({ brokerId: 'leg-2' }))?.seq, entry.seq);
      assert.equal(await journal.find({ brokerId: 'leg-3' }), null);
    });

    test('lists what is unfinished, oldest first, and nothing else', async ({ journal, reopen }) => {
      for (let n = 1; n <= 3; n++) await admitted(journal, n);
      const second = defined(await journal.find({ seq: 2 }), 'it');
      await journal.apply([
        change(second, { patch: { state: 'expired_unsent', answer: { error: orderError('send_by_passed', 'x') } } }),
      ]);
      assert.deepEqual(
        (await reopen().unfinished()).map(({ seq }) => seq),
        [1, 3],
      );
    });

    test('lists what works and is not wanted, until it has ended', async ({ journal, reopen }) => {
      for (let n = 1; n <= 3; n++) await admitted(journal, n);
      const at = async (seq: number): Promise<Entry> => defined(await journal.find({ seq }), 'it');
      const events = [unwantedEvent('b2')];
      await journal.apply([change(await at(1), { patch: { state: 'working', brokerId: 'b1' } })]);
      await journal.apply([change(await at(2), { patch: { state: 'working', brokerId: 'b2' }, events })]);
      const seqs = (entries: readonly Entry[]): readonly number[] => entries.map(({ seq }) => seq);
      assert.deepEqual(seqs(await reopen().unwanted('paper')), [2]);
      assert.deepEqual(await journal.unwanted('live'), []);
      await journal.apply([change(await at(2), { patch: { state: 'closed' } })]);
      assert.deepEqual(await journal.unwanted('paper'), []);
    });

    test('lists the unfinished of some states, and the newest orders of them', async ({ journal }) => {
      for (let n = 1; n <= 4; n++) await admitted(journal, n, n === 4 ? { wire: null } : {});
      const second = defined(await journal.find({ seq: 2 }), 'it');
      await journal.apply([change(second, { patch: { state: 'working' } })]);
      const seqs = (entries: readonly Entry[]): readonly number[] => entries.map(({ seq }) => seq);
      assert.deepEqual(seqs(await journal.unfinished(['working'])), [2]);
      assert.deepEqual(seqs(await journal.unfinished(['admitted', 'in_doubt'])), [1, 3, 4]);
      assert.deepEqual(seqs(await journal.newestOrders(['admitted', 'working'], 2)), [3, 2]);
      assert.deepEqual(seqs(await journal.newestOrders(['closed'], 2)), []);
    });

    test('remembers what was spent, by a change or alone', async ({ journal, reopen }) => {
      const entry = await admitted(journal, 1);
      await journal.apply([change(entry, { at: micros(AT + 5), patch: { state: 'sending' }, spends: 1, stage: 'd4' })]);
      await journal.spend('paper', micros(AT + 7), 2, 'trading');
      await journal.spend('live', micros(AT + 8), 1, 'trading');
      await journal.spend('paper', micros(AT + 9), 1, 'data');
      assert.deepEqual(await reopen().spentSince('paper', micros(AT + 1), 'trading'), [AT + 5, AT + 7, AT + 7]);
      assert.deepEqual(await journal.spentSince('paper', micros(AT + 6), 'trading'), [AT + 7, AT + 7]);
      assert.deepEqual(await journal.spentSince('paper', micros(AT + 1), 'data'), [AT + 9]);
    });

    test('books each entry once, by its key and by its activity', async ({ journal, reopen }) => {
      const [first] = await journal.book([booking('a1', entry('k1', 'alpha', 'buy', '3', '10'))]);
      assert.equal(first?.[0]?.after.qty, '3');
      const again = await reopen().book([
        booking('a1', entry('k2', 'alpha', 'buy', '3', '10')),
        booking('a2', entry('k1', 'beta', 'buy', '3', '10'), entry('k3', 'beta', 'sell', '1', '12')),
        { ...booking('a1', entry('k4', 'alpha', 'buy', '5', '1')), account: 'PA2' },
      ]);
      assert.deepEqual(again[0], [null]);
      assert.deepEqual(
        again[1]?.map((booked) => booked?.after.qty ?? null),
        [null, '-1'],
      );
      assert.equal(again[2]?.[0]?.after.qty, '5');
      const books = await reopen().books('PA1');
      assert.deepEqual(
        books.map(({ agent, sums, holdings }) => [agent, sums.cash, holdings.map(({ symbol, qty }) => [symbol, qty])]),
        [
          ['alpha', '-30', [['AAPL', '3']]],
          ['beta', '12', [['AAPL', '-1']]],
        ],
      );
      assert.deepEqual(await journal.books('PA3'), []);
    });

    test('keeps books as they would be in memory, lot by lot', async ({ journal, reopen }) => {
      const random = seededRandom('books');
      const draw = (n: number): number => random.uint32() % n;
      let memory: Book = new Map();
      let one = journal;
      for (let n = 0; n < 400; n++) {
        const held = memory.get('AAPL')?.holding.qty ?? '0';
        const posting =
          draw(40) === 0 && held !== '0'
            ? split('AAPL', canonical(held), AT)
            : fill({
                symbol: 'AAPL',
                side: draw(2) === 0 ? 'buy' : 'sell',
                qty: canonical(String(1 + draw(9))),
                price: canonical(`${1 + draw(99)}.${1 + draw(9)}`),
                at: micros(AT + n),
              });
        memory = postTo(memory, posting).book;
        const [booked] = await one.book([
          { account: 'PA1', activity: null, entries: [{ ...entry(`k${n}`, 'alpha', 'buy', '1', '1'), posting }] },
        ]);
        assert.deepEqual(booked?.[0]?.after, memory.get('AAPL')?.holding);
        if (n % 100 === 99) one = reopen();
      }
      const [alpha] = await journal.books('PA1');
      assert.deepEqual(
        alpha?.holdings,
        [memory.get('AAPL')?.holding].filter((it) => it?.qty !== '0'),
      );
    });

    test('lists what was booked, and whether something followed from it', async ({ journal }) => {
      const one = canonical('1');
      const later = entry('k2', 'beta', 'sell', '1', '5');
      await journal.book([
        booking(null, entry('k1', 'alpha', 'buy', '3', '10')),
        booking(null, { ...later, posting: { ...later.posting, at: micros(AT + 9) } }),
        booking(null, {
          ...entry(followUp('k1'), 'alpha', 'buy', '0', '1'),
          posting: moneyFee('AAPL', canonical('0.02'), AT),
        }),
      ]);
      const brief = (found: readonly BookedEntry[]) => found.map(({ key, followed }) => [key, followed]);
      assert.deepEqual(
        brief(await journal.booked('PA1', { kinds: ['fill'], of: { symbol: 'AAPL' }, since: AT, most: 9 })),
        [
          ['k1', true],
          ['k2', false],
        ],
      );
      assert.deepEqual(
        brief(await journal.booked('PA1', { kinds: ['fill', 'fee'], of: 'all', since: micros(AT + 1), most: 9 })),
        [['k2', false]],
      );
      const newest = await journal.booked('PA1', { kinds: ['fill'], of: 'all', since: AT, most: 1 });
      assert.deepEqual(brief(newest), [['k2', false]]);
      for (const other of [{ symbol: 'AAP' }, { symbol: 'AAPLX' }, { contractsOn: 'AAPL' }])
        assert.deepEqual(await journal.booked('PA1', { kinds: ['fill'], of: other, since: AT, most: 9 }), []);
      const contract = fill({ symbol: 'AAPL250321C00150000', side: 'buy', qty: one, price: one, at: AT });
      await journal.book([booking(null, { ...entry('k3', 'alpha', 'buy', '1', '1'), posting: contract })]);
      const contracts = await journal.booked('PA1', {
        kinds: ['fill'],
        of: { contractsOn: 'AAPL' },
        since: AT,
        most: 9,
      });
      assert.deepEqual(brief(contracts), [['k3', false]]);
      assert.equal((await journal.books('PA1'))[0]?.sums.fees, '0.02');
    });

    test('keeps facts and its generation', async ({ journal, reopen }) => {
      assert.equal(journal.isNew, true);
      await journal.setFact('account:paper', 'PA1');
      const later = reopen();
      assert.equal(later.isNew, false);
      assert.equal(later.generation, journal.generation);
      assert.equal(await later.fact('account:paper'), 'PA1');
      assert.equal(await later.fact('account:live'), null);
    });
  });
}
