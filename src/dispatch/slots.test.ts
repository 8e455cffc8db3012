/** Slots on a clock that jumps: what may leave is decided by time that passed, not by what the wall says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, micros } from '../lib/clock.ts';
import { seededRandom } from '../lib/random.ts';
import { Budget } from './budget.ts';
import { Slots, type SlotsOptions } from './slots.ts';

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
