/** A trade whose sending was journaled when it was taken in: who may go so, how its first attempt may end, and that its turn is given back. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type HandClock, NOT_FOUND, ORDER, said, stand } from '../../test/dispatch/stand.ts';
import type { HttpResult } from '../broker/alpaca/network.ts';
import { HALT_FOLDER } from '../halt/halt.ts';
import type { Entry } from '../journal/journal.ts';
import { Writer } from '../journal/writer.ts';
import { defined } from '../lib/assert.ts';
import { noFailpoints } from '../lib/failpoint.ts';
import { systemFiles } from '../lib/files.ts';
import { STATES } from '../order/states.ts';
import { measure } from '../risk/measure.ts';
import { Budget } from './budget.ts';
import type { Desk } from './desk.ts';
import { Dispatcher } from './dispatcher.ts';
import { Slots } from './slots.ts';

const home = mkdtempSync(join(tmpdir(), 'at-once-'));
after(() => rmSync(home, { recursive: true }));
const files = systemFiles(home);
files.makeFolder(HALT_FOLDER);
const HALT = join(home, HALT_FOLDER, 'all');

const TAKEN = said(200, ORDER);
const REFUSED = said(422, '{"code":42210000,"message":"no"}');
const LIMITED = said(429, '{"message":"too many requests."}', { 'retry-after': '2' });
const UNREACHABLE: HttpResult = { kind: 'unsent', reason: 'connection refused' };
const LOST: HttpResult = { kind: 'lost', reason: 'reset' };

interface Scene {
  readonly clock: HandClock;
  readonly slots: Slots;
  readonly dispatcher: Dispatcher;
  /** When orders left. */
  readonly posts: readonly number[];
  /** What the tower is, from now on. */
  readonly is: { stopped: boolean; failed: boolean; suspect: boolean; ready: boolean };
  atOnce(): ((entry: Entry) => void) | null;
  /** Takes the order in with its sending, `before` its start, and runs until its job has ended, or for an hour. */
  send(before?: () => void): Promise<Entry>;
}

/** The broker answers posts with these, one after the other, and look-ups with 404 until it has taken one. */
function scene(answers: readonly HttpResult[], more: Partial<Desk> = {}): Scene {
  const posts: number[] = [];
  let isTaken = false;
  const is = { stopped: false, failed: false, suspect: false, ready: true };
  const { clock, journal, trade, readiness, desk, arrival } = stand(
    'at once',
    files,
    (clock) => async (request) => {
      if (request.mayLeave?.() === false) return { kind: 'unsent', reason: 'held back', held: true };
      if (request.method !== 'POST') return isTaken ? TAKEN : NOT_FOUND;
      const answer = answers[posts.length] ?? REFUSED;
      posts.push(clock.ms);
      isTaken ||= answer === TAKEN;
      return answer;
    },
    ({ clock, random, journal }) => {
      const slots = new Slots({ clock, random, budget: new Budget({ perMinute: 200, perSecond: 10 }), maxOrders: 1 });
      return {
        hosts: { trading: slots, data: slots },
        writer: new Writer(journal, clock, noFailpoints, {
          upcoming() {},
          changed: (entry) => dispatcher.noticed(entry),
        }),
        suspect: () => is.suspect,
        isStopped: () => is.stopped,
        hasFailed: () => is.failed,
        ...more,
      };
    },
  );
  const slots = desk.hosts.trading;
  const dispatcher: Dispatcher = new Dispatcher(desk, { may: () => true }, assert.ifError);
  const atOnce = (): ((entry: Entry) => void) | null => {
    if (is.ready) readiness.clear('not_swept');
    else readiness.block('not_swept', 'nobody has looked');
    return dispatcher.atOnce(trade);
  };
  return {
    clock,
    slots,
    dispatcher,
    posts,
    is,
    atOnce,
    async send(before = () => {}) {
      const start = defined(atOnce(), 'a turn');
      const order = { ...arrival(), measured: measure(trade, new Map()) };
      const admitted = journal.admit([order], () => ({ sentAt: clock.now() }));
      await clock.run(0, () => false);
      const [admission] = await admitted;
      assert.ok(admission?.kind === 'new' && admission.entry.state === 'sending');
      before();
      start(admission.entry);
      assert.equal(dispatcher.busy, 1);
      // As the pipeline does with every entry that it is told of: it has its job.
      dispatcher.take(admission.entry);
      assert.equal(dispatcher.busy, 1);
      await clock.run(3_600_000, () => dispatcher.busy === 0);
      return defined(await journal.find({ seq: admission.entry.seq }), 'the entry');
    },
  };
}

/** Nothing is held of what an order needs: one at a time may be without an answer. */
function assertGivenBack({ slots, clock }: Scene): void {
  clock.ms += 61_000;
  const next = defined(slots.takeNow('order', 'beta'), 'a turn for the next order');
  assert.deepEqual(slots.report().spending.spent, 1);
  next.release();
}

describe('an order that may leave at once', () => {
  test('is none while anything is in its way, and then no turn is taken', () => {
    for (const [what, hindered] of Object.entries({
      stopped: { stopped: true },
      failed: { failed: true },
      suspect: { suspect: true },
      'not ready': { ready: false },
    })) {
      const one = scene([]);
      Object.assign(one.is, hindered);
      assert.equal(one.atOnce(), null, what);
      assert.equal(one.slots.report().spending.spent, 0, what);
    }
    assert.equal(scene([], { holdsConflicts: true }).atOnce(), null);
    const one = scene([]);
    void one.slots.take('order', 'beta');
    assert.equal(one.atOnce(), null, 'another order has no answer yet');
  });

  test('is none while a halt stands', () => {
    writeFileSync(HALT, '');
    try {
      assert.equal(scene([]).atOnce(), null);
    } finally {
      rmSync(HALT);
    }
  });

  for (const [what, answers, state, attempts] of [
    ['taken', [TAKEN], 'working', 1],
    ['refused', [REFUSED], 'rejected', 1],
    ['one too many', [LIMITED, TAKEN], 'working', 2],
    ['one too many again and again', Array<HttpResult>(9).fill(LIMITED), 'expired_unsent', 6],
    ['without a connection', [UNREACHABLE, UNREACHABLE, TAKEN], 'working', 3],
    ['without an end that is known', [LOST, TAKEN], 'working', 2],
  ] as const) {
    test(`that is ${what} is journaled so, and gives its turn back`, async () => {
      const one = scene(answers);
      const entry = await one.send();
      assert.deepEqual([entry.state, entry.attempts, one.posts.length], [state, attempts, attempts]);
      if (answers[0] === LIMITED) assert.ok((one.posts[1] ?? 0) >= 2000, one.posts.join());
      if (answers[0] === LOST) assert.ok((one.posts[1] ?? 0) >= 20_000, one.posts.join());
      assertGivenBack(one);
    });
  }

  test('that a halt meets before its first byte is refused, and nothing was sent', async () => {
    const one = scene([TAKEN]);
    try {
      const entry = await one.send(() => writeFileSync(HALT, ''));
      assert.deepEqual([entry.state, STATES[entry.state].sent, one.posts.length], ['refused', 'no', 0]);
    } finally {
      rmSync(HALT);
    }
    assertGivenBack(one);
  });

  test('does not leave after a fault, and stays journaled as being sent: the next start looks it up', async () => {
    const one = scene([TAKEN]);
    const entry = await one.send(() => {
      one.is.failed = true;
      one.is.stopped = true;
    });
    assert.deepEqual([entry.state, one.posts.length], ['sending', 0]);
    assertGivenBack(one);
  });

  test('is tried no second time while the tower stops, and waits for the next start', async () => {
    const one = scene([LIMITED, TAKEN]);
    const entry = await one.send(() => {
      one.is.stopped = true;
      one.slots.stop();
    });
    assert.deepEqual([entry.state, one.posts.length], ['admitted', 1]);
  });
});
