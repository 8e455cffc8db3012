import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, micros } from '../lib/clock.ts';
import { ExchangeClock, isoNanos, parseNanos, stepsBetween } from './clock.ts';

/** A base clock that the test moves: `ms` since its start, wall time 1,000 s after 1970. */
function handClock(): { clock: Clock; ms: number } {
  const hand = { ms: 0, clock: undefined as unknown as Clock };
  hand.clock = {
    now: () => micros(1_000_000_000 + hand.ms * 1000),
    monotonic: () => hand.ms,
    after: () => () => {},
  };
  return hand;
}

const SECOND = 1_000_000_000n;

test('real time by default', () => {
  const hand = handClock();
  const clock = new ExchangeClock(hand.clock);
  assert.equal(clock.nanos(), 1000n * SECOND);
  hand.ms = 1500;
  assert.equal(clock.nanos(), 1000n * SECOND + (3n * SECOND) / 2n);
});

test('runs faster, stops and jumps, and never goes back', () => {
  const hand = handClock();
  const clock = new ExchangeClock(hand.clock, { startAt: 5n * SECOND, speed: 60 });
  hand.ms = 1000;
  assert.equal(clock.nanos(), 65n * SECOND);
  clock.setSpeed(0);
  hand.ms = 9000;
  assert.equal(clock.nanos(), 65n * SECOND);
  clock.forwardTo(100n * SECOND);
  assert.equal(clock.nanos(), 100n * SECOND);
  clock.forwardTo(1n);
  assert.equal(clock.nanos(), 100n * SECOND);
  assert.throws(() => clock.setSpeed(-1), /speed must be a number of at least 0/);
});

test('no two stamps are equal, even while time stands still', () => {
  const clock = new ExchangeClock(handClock().clock, { startAt: SECOND, speed: 0 });
  const stamps = [clock.stamp(), clock.stamp(), clock.stamp()];
  assert.equal(new Set(stamps).size, 3);
  assert.deepEqual(
    stamps,
    [...stamps].sort((a, b) => Number(a - b)),
  );
});

test('RFC 3339 to nanoseconds and back', () => {
  const text = '2026-02-13T14:30:25.789012345Z';
  assert.equal(isoNanos(parseNanos(text) ?? 0n), text);
  assert.equal(parseNanos('2026-02-13T09:30:25.5-05:00'), parseNanos('2026-02-13T14:30:25.5Z'));
  assert.equal(isoNanos(parseNanos('2026-02-13') ?? 0n), '2026-02-13T00:00:00Z');
  for (const wrong of ['', 'yesterday', '2026-13-40', '2026-02-13T14:30:25']) assert.equal(parseNanos(wrong), null);
});

test('a jump is walked in steps that land on every session boundary', () => {
  const day = { preOpen: 10n * SECOND, open: 20n * SECOND + 1n, close: 30n * SECOND, postClose: 40n * SECOND };
  const steps = [...stepsBetween(0n, 45n * SECOND, () => day)];
  for (const boundary of Object.values(day)) assert.ok(steps.includes(boundary));
  assert.equal(steps.at(-1), 45n * SECOND);
  const long = [...stepsBetween(0n, 1_000_000n * SECOND, null)];
  assert.ok(long.length <= 2_001 && long.at(-1) === 1_000_000n * SECOND);
  assert.deepEqual([...stepsBetween(5n, 5n, null)], []);
});
