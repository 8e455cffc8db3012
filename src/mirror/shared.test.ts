/** The same question is on its way once, and nobody gets an answer that left before his need. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../broker/broker.ts';
import { type Clock, micros } from '../lib/clock.ts';
import { type Moment, Steps } from './moment.ts';
import { Shared } from './shared.ts';

function scene() {
  let ms = 0;
  const clock: Clock = { now: () => micros(ms * 1000), monotonic: () => ms, after: () => () => {} };
  const steps = new Steps(clock);
  const shared = new Shared<number>(() => steps.next(), 2);
  /** Requests that were asked for, in order: each leaves and is answered by hand. */
  const asked: { leave(): void; answer(outcome: Outcome<number> | null): void }[] = [];
  const question = async (leaves: () => Moment): Promise<Outcome<number> | null> => {
    const left = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<Outcome<number> | null>();
    asked.push({ leave: left.resolve, answer: answered.resolve });
    await left.promise;
    leaves();
    return answered.promise;
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    asked,
    settle,
    later: (by: number) => {
      ms += by;
    },
    ask: (maxAgeMs: number, step = 0) => shared.ask('q', { mono: ms - maxAgeMs, step }, question),
    fresh: () => shared.ask('q', { mono: Number.NEGATIVE_INFINITY, step: steps.next().step }, question),
  };
}

const done = (value: number): Outcome<number> => ({ kind: 'done', value });
const told = (shown: Awaited<ReturnType<ReturnType<typeof scene>['ask']>>): unknown =>
  'said' in shown ? [shown.said.value, shown.effort] : shown.failed;

test('whoever asks while a request waits for the budget is served by it, whatever he needs', async () => {
  const { asked, settle, ask, fresh } = scene();
  const all = [ask(0), fresh(), fresh(), ask(1000)];
  await settle();
  assert.equal(asked.length, 1);
  asked[0]?.leave();
  await settle();
  asked[0]?.answer(done(1));
  assert.deepEqual((await Promise.all(all)).map(told), [
    [1, 'asked'],
    [1, 'joined'],
    [1, 'joined'],
    [1, 'joined'],
  ]);
});

test('a request that has left serves those alone who accept its moment', async () => {
  const { asked, settle, later, ask, fresh } = scene();
  const first = ask(0);
  await settle();
  asked[0]?.leave();
  await settle();
  later(50);
  const [patient, strict] = [ask(100), fresh()];
  await settle();
  assert.equal(asked.length, 2, 'what is wanted fresh leaves anew');
  asked[1]?.leave();
  await settle();
  asked[1]?.answer(done(2));
  assert.deepEqual(told(await strict), [2, 'asked']);
  // The slow answer is older than what is held by now, and changes nothing.
  asked[0]?.answer(done(1));
  assert.deepEqual(
    [told(await first), told(await patient)],
    [
      [1, 'asked'],
      [1, 'joined'],
    ],
  );
  assert.deepEqual(told(await ask(100)), [2, 'held']);
  later(60);
  const renewed = ask(50);
  await settle();
  assert.equal(asked.length, 3, 'what is held is too old by now');
  asked[2]?.leave();
  asked[2]?.answer(null);
  assert.equal(told(await renewed), null);
});

test('what failed is told to all who waited, and not kept', async () => {
  const { asked, settle, ask } = scene();
  const both = [ask(100), ask(100)];
  await settle();
  asked[0]?.leave();
  asked[0]?.answer({ kind: 'unknown', reason: 'reset' });
  for (const shown of await Promise.all(both))
    assert.deepEqual(shown, { failed: { kind: 'unknown', reason: 'reset' } });
  void ask(100);
  await settle();
  assert.equal(asked.length, 2);
});
