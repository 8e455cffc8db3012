/** Slots on a clock that jumps: what may leave is decided by time that passed, not by what the wall says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../broker/broker.ts';
import { type Clock, micros } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import { Budget } from './budget.ts';
import type { Lane } from './lanes.ts';
import { mostOnTheirWay, Slots, type SlotsOptions, type Waiting } from './slots.ts';

const slotsOf = (clock: Clock, more: Partial<SlotsOptions>): Slots =>
  new Slots({ clock, random: seededRandom(1), budget: new Budget({ perMinute: 200, perSecond: 10 }), ...more });

/** Time in the hands of the test: `pass` moves both clocks and runs timers, `jump` moves the wall alone. */
class HandClock implements Clock {
  #wallMs = Date.UTC(2026, 1, 13, 14, 30);
  #ms = 1000;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now() {
    return micros(this.#wallMs * 1000);
  }

  monotonic(): number {
    return this.#ms;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#ms + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  jump(ms: number): void {
    this.#wallMs += ms;
  }

  /** Waiting promises settle in between. */
  async pass(ms: number): Promise<void> {
    for (const end = this.#ms + ms; ; ) {
      await Promise.resolve();
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      const to = Math.max(this.#ms, next?.at ?? end);
      this.#wallMs += to - this.#ms;
      this.#ms = to;
      if (next === undefined) return;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.run();
    }
  }
}

/** A saturated queue whose requests end at once; the moments at which they were let go. */
function saturated(clock: HandClock): { readonly slots: Slots; readonly at: number[] } {
  const slots = slotsOf(clock, {});
  const at: number[] = [];
  for (let n = 0; n < 600; n++) {
    void slots.take('order', 'agent').granted.then((grant) => {
      if (grant === null) return;
      at.push(clock.monotonic());
      grant.release();
    });
  }
  return { slots, at };
}

for (const [name, jumpMs] of [
  ['set forward', 3_600_000],
  ['set back', -7_200_000],
] as const) {
  test(`a wall clock that is ${name} neither frees a spent budget nor stops it`, async () => {
    const clock = new HandClock();
    const { slots, at } = saturated(clock);
    for (let second = 0; second < 125; second++) {
      await clock.pass(1000);
      if (second % 5 === 2) clock.jump(jumpMs);
      void slots.take('order', 'agent');
    }
    const worst = (length: number): number =>
      Math.max(...at.map((from) => at.filter((other) => other >= from && other < from + length).length));
    assert.ok(worst(60_000) <= 200, `${worst(60_000)} in a minute`);
    assert.ok(worst(1000) <= 10, `${worst(1000)} in a second`);
    assert.ok(at.length >= 300, `only ${at.length} in two minutes`);
    slots.stop();
  });
}

test('a request that is called off frees nobody and is not granted', async () => {
  const clock = new HandClock();
  const slots = slotsOf(clock, { maxInFlight: 1 });
  const [first, second, third] = [slots.take('order', 'a'), slots.take('order', 'a'), slots.take('order', 'b')];
  const grant = await first.granted;
  second.callOff();
  assert.equal(await second.granted, null);
  assert.equal(slots.waiting, 1);
  grant?.release();
  grant?.release();
  assert.notEqual(await third.granted, null);
});

test('so many orders are without an answer at once, whatever else goes on', async () => {
  const slots = slotsOf(new HandClock(), { maxOrders: 2, budget: new Budget({ perMinute: 200, perSecond: 100 }) });
  const granted: Lane[] = [];
  const ask = (lane: Lane) => {
    const { granted: promise } = slots.take(lane, 'a');
    void promise.then(() => granted.push(lane));
    return promise;
  };
  const [first, second] = [await ask('reduce'), await ask('order')];
  const third = ask('order');
  await Promise.all([ask('query'), ask('resolve'), ask('cancel')]);
  assert.deepEqual(granted, ['reduce', 'order', 'query', 'resolve', 'cancel']);
  assert.equal(slots.again(), null, 'nor is one sent again');
  first?.heard(FINE);
  await third;
  first?.release();
  assert.equal(slots.again(), null, 'its place was given on once');
  second?.release();
  const answered = slots.again();
  assert.notEqual(answered, null);
  const fourth = ask('order');
  await Promise.resolve();
  assert.equal(slots.waiting, 1);
  answered?.();
  await fourth;
});

test('what does not leave gives its place back', async () => {
  const clock = new HandClock();
  const shares = { weightOf: () => 1, perMinuteOf: () => 2 };
  const slots = slotsOf(clock, { shares, budget: new Budget({ perMinute: 2, perSecond: 2 }) });
  for (let n = 0; n < 5; n++) {
    const grant = await slots.take('order', 'a').granted;
    grant?.unused();
    grant?.release();
  }
  assert.deepEqual([slots.report().spending.spent, slots.waiting], [0, 0]);
  const grant = await slots.take('order', 'a').granted;
  grant?.leaves();
  grant?.unused();
  grant?.release();
  assert.equal(slots.report().spending.spent, 1, 'what has left has left');
});

test('at once is only who would be next: nobody who waits is passed, and what is taken is used', async () => {
  const clock = new HandClock();
  const slots = slotsOf(clock, { budget: new Budget({ perMinute: 200, perSecond: 10 }) });
  // One place of the second is a cancel's.
  const taken = Array.from({ length: 9 }, () => slots.takeNow('order', 'a'));
  assert.ok(taken.every((grant) => grant !== null));
  assert.equal(slots.takeNow('order', 'b'), null, 'the second is spent');
  assert.equal(slots.waiting, 0, 'whoever is not served at once does not wait');
  const waiting = slots.take('order', 'a');
  for (const grant of taken) grant?.leaves();
  assert.equal(slots.takeNow('cancel', 'b'), null, 'somebody waits');
  await clock.pass(1_400);
  assert.notEqual(await waiting.granted, null);
  assert.notEqual(slots.takeNow('order', 'b'), null);
});

test('with the limits of Alpaca four orders may be on their way, of two accounts together', () => {
  assert.equal(mostOnTheirWay(10, 1), 4);
  assert.equal(mostOnTheirWay(10, 2) * 2, 4);
  assert.equal(mostOnTheirWay(1, 2), 2);
  assert.equal(mostOnTheirWay(40, 1), 16);
  assert.equal(mostOnTheirWay(100_000, 2), 64);
});

test('after the stop nobody waits any more, however long the budget is paused', async () => {
  const clock = new HandClock();
  const budget = new Budget({ perMinute: 200, perSecond: 10 });
  budget.pause(clock.monotonic() + 60_000);
  const slots = slotsOf(clock, { budget });
  const before = slots.take('cancel', 'a');
  slots.stop();
  assert.equal(await before.granted, null);
  assert.equal(await slots.take('resolve', 'a').granted, null);
  assert.equal(slots.waiting, 0);
});

test("the tower's own looks get half of a minute's requests at most, whatever else waits", async () => {
  const clock = new HandClock();
  const slots = slotsOf(clock, { budget: new Budget({ perMinute: 10, perSecond: 10 }), ownShare: 0.5 });
  const { sent, ask } = asking(clock, slots, () => FINE);
  for (let n = 0; n < 100; n++) ask('resolve', '');
  for (let n = 0; n < 100; n++) ask('order', 'a');
  for (let second = 0; second < 240; second++) await clock.pass(1000);
  const looks = sent.filter(({ agent }) => agent === '');
  assert.ok(looks.length >= 10 && looks.length <= 20, `${looks.length} looks in four minutes`);
  assert.ok(sent.length - looks.length >= 18, `${sent.length - looks.length} orders`);
});

const LOST: Outcome<never> = {
  kind: 'not_sent',
  why: 'unreachable',
  reason: 'connection refused',
  retryAfterMs: null,
};
const FINE: Outcome<null> = { kind: 'done', value: null };

/** Asks, and ends each request with what `answer` says at that moment. */
function asking(clock: HandClock, slots: Slots, answer: () => Outcome<unknown>) {
  const sent: { readonly at: number; readonly lane: Lane; readonly agent: string }[] = [];
  const ask = (lane: Lane, agent: string): Waiting => {
    const waiting = slots.take(lane, agent);
    void waiting.granted.then((grant) => {
      if (grant === null) return;
      grant.leaves();
      sent.push({ at: clock.monotonic(), lane, agent });
      grant.heard(answer());
      grant.release();
    });
    return waiting;
  };
  return { sent, ask };
}

test('a dead host is probed with one request after growing pauses, and everything goes on when it answers', async () => {
  const clock = new HandClock();
  const slots = slotsOf(clock, {});
  let isUp = false;
  const { sent, ask } = asking(clock, slots, () => (isUp ? FINE : LOST));
  for (let n = 0; n < 40; n++) ask('order', `agent${n}`);
  await clock.pass(50);
  assert.equal(slots.unreachable?.reason, 'connection refused');
  const before = sent.length;
  assert.ok(before <= 9, `${before} were sent into the dark`);
  await clock.pass(30_000);
  const probes = sent.slice(before).map(({ at }) => at);
  assert.ok(probes.length >= 4 && probes.length <= 12, `${probes.length} probes in 30 s`);
  const gaps = probes.slice(1).map((at, index) => at - (probes[index] ?? 0));
  assert.ok((gaps[0] ?? 0) < 1001 && Math.max(...gaps) > 4000 && Math.max(...gaps) <= 8001, `gaps ${gaps}`);
  const cancelled = ask('cancel', 'risk');
  isUp = true;
  await clock.pass(8_001);
  assert.equal(sent[before + probes.length]?.lane, 'cancel', 'the most urgent is the probe');
  assert.notEqual(await cancelled.granted, null);
  assert.equal(slots.unreachable, null);
  assert.equal(slots.waiting, 0);
});

test('while the host is dead a cancel goes out at once, beside a probe that hangs, and others like it once a second', async () => {
  const clock = new HandClock();
  const slots = slotsOf(clock, {});
  const { sent, ask } = asking(clock, slots, () => LOST);
  for (let n = 0; n < 3; n++) ask('order', 'a');
  await clock.pass(10);
  assert.notEqual(slots.unreachable, null);
  // The next probe gets no answer.
  const hanging = slots.take('order', 'a');
  await clock.pass(3_000);
  assert.notEqual(await hanging.granted, null);
  ask('order', 'b');
  const before = sent.length;
  const askedAt = clock.monotonic();
  for (let n = 0; n < 5; n++) ask('cancel', 'risk');
  await clock.pass(20_000);
  const cancels = sent.slice(before).filter(({ lane }) => lane === 'cancel');
  assert.equal(cancels.length, 5);
  assert.equal(cancels[0]?.at, askedAt);
  const gaps = cancels.slice(1).map(({ at }, index) => at - (cancels[index]?.at ?? 0));
  assert.ok(Math.max(...gaps) <= 1_001 && Math.min(...gaps) > 100, `gaps ${gaps}`);
});

test('a probe that is never used does not keep the host shut', async () => {
  const clock = new HandClock();
  const slots = slotsOf(clock, {});
  const { ask } = asking(clock, slots, () => LOST);
  for (let n = 0; n < 3; n++) ask('order', 'a');
  await clock.pass(10);
  assert.notEqual(slots.unreachable, null);
  let probes = 0;
  for (let n = 0; n < 2; n++) {
    void slots.take('query', 'a').granted.then((grant) => {
      probes++;
      grant?.release();
    });
  }
  await clock.pass(501);
  assert.equal(probes, 2);
});

test('answers of the broker, also refusals, keep a host open; a 429 pauses all for 1, 2, 4, 8, 8 s or as it says', async () => {
  for (const [retryAfterMs, expected] of [
    [null, [1000, 2000, 4000, 8000, 8000]],
    [3000, [3000, 3000]],
  ] as const) {
    const clock = new HandClock();
    const slots = slotsOf(clock, {});
    for (const [index, pauseMs] of expected.entries()) {
      const grant = await slots.take('order', 'a').granted;
      grant?.leaves();
      grant?.heard({ kind: 'not_sent', why: 'rate_limited', reason: '429', retryAfterMs }, index + 1);
      grant?.release();
      let isFree = false;
      const next = slots.take('cancel', 'b');
      void next.granted.then((free) => {
        isFree = true;
        free?.heard(FINE);
        free?.release();
      });
      await clock.pass(pauseMs - 1);
      assert.equal(isFree, false);
      await clock.pass(2);
      assert.equal(isFree, true);
      assert.equal(slots.unreachable, null);
    }
  }
});

test('an agent with a cap has that much in any minute, others are not held up by it, its cancels neither', async () => {
  const clock = new HandClock();
  const shares = { weightOf: () => 1, perMinuteOf: (agent: string) => (agent === 'noisy' ? 12 : null) };
  const slots = slotsOf(clock, { shares });
  const { sent, ask } = asking(clock, slots, () => FINE);
  for (let n = 0; n < 100; n++) ask('query', 'noisy');
  for (let n = 0; n < 60; n++) ask('query', 'quiet');
  await clock.pass(60_000);
  const of = (agent: string): number => sent.filter((one) => one.agent === agent).length;
  assert.equal(of('quiet'), 60);
  assert.ok(of('noisy') >= 11 && of('noisy') <= 12, `${of('noisy')} of 12`);
  let isCancelled = false;
  void ask('cancel', 'noisy').granted.then(() => {
    isCancelled = true;
  });
  await clock.pass(1);
  assert.ok(isCancelled, 'a cancel is held up by the cap');
  await clock.pass(60_000);
  assert.ok(of('noisy') <= 25, `${of('noisy')} in two minutes`);
  assert.ok(of('noisy') >= 20);
  slots.stop();
});

test('slow answers to others do not hold up a cancel', async () => {
  const clock = new HandClock();
  const slots = slotsOf(clock, { maxInFlight: 2, budget: new Budget({ perMinute: 200, perSecond: 100 }) });
  for (let n = 0; n < 5; n++) void slots.take('order', 'a').granted;
  await clock.pass(10_000);
  assert.equal(slots.waiting, 3);
  assert.notEqual(await slots.take('cancel', 'b').granted, null);
  assert.notEqual(await slots.take('resolve', '').granted, null);
  assert.equal(slots.waiting, 3);
  slots.stop();
});
