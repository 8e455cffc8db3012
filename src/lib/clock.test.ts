/** The wall clock of microseconds: as fine as the steady clock, as right as the wall. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemClock, wallClock } from './clock.ts';

/** A machine whose clocks are set by the test: true wall and steady time, in microseconds. */
function machine() {
  const START_US = 1_700_000_000_123_456;
  let steady = 0;
  let wall = START_US;
  const now = wallClock({
    wallMs: () => Math.floor(wall / 1000),
    steadyMs: () => steady / 1000,
    originMs: START_US / 1000,
  });
  return {
    now,
    wall: () => wall,
    /** `rate`: how fast the wall goes while it is slewed. */
    pass: (us: number, rate = 1) => {
      steady += us;
      wall += Math.round(us * rate);
    },
    jump: (us: number) => {
      wall += us;
    },
  };
}

test('it is the wall to the microsecond, within a millisecond too', () => {
  const { now, wall, pass } = machine();
  for (let n = 0; n < 5000; n++) {
    pass(7);
    assert.ok(Math.abs(now() - wall()) <= 1, `${now()} at ${wall()}`);
  }
});

test('it follows a jump of the wall in both directions, and a machine that slept', () => {
  const { now, wall, pass, jump } = machine();
  now();
  for (const us of [3_600_000_000, -7_200_000_000, 1_500, -50_000]) {
    jump(us);
    pass(10);
    assert.ok(Math.abs(now() - wall()) < 1000, `after a jump by ${us}`);
  }
});

test('it never goes back while the wall does not jump, and is never off by a millisecond', () => {
  const step = fc.record({
    us: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 100_000 })),
    rate: fc.constantFrom(1, 0.9995, 1.0005),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const { now, wall, pass } = machine();
      let last = now();
      for (const { us, rate } of steps) {
        pass(us, rate);
        const at = now();
        assert.ok(at >= last, `${at} after ${last}`);
        assert.ok(Math.abs(at - wall()) <= 1000, `${at} at ${wall()}`);
        last = at;
      }
    }),
  );
});

test('where the wall is set back by a little it waits, and does not go back', () => {
  const { now, wall, pass, jump } = machine();
  const before = now();
  jump(-4_000);
  pass(100);
  assert.equal(now(), before);
  pass(5_000);
  assert.ok(now() > before && Math.abs(now() - wall()) <= 1000);
});

test('it follows a jump also when the wall comes to its next millisecond while it is read', () => {
  let wallMs = 1_700_000_000_000;
  const now = wallClock({ wallMs: () => wallMs++, steadyMs: () => 0, originMs: wallMs });
  now();
  wallMs -= 3_600_000;
  assert.ok(Math.abs(now() - wallMs * 1000) < 5000);
});

test("the system's never goes back and agrees with its wall", () => {
  let last = systemClock.now();
  for (let n = 0; n < 200_000; n++) {
    const at = systemClock.now();
    assert.ok(at >= last, `${at} after ${last}`);
    last = at;
  }
  const wall = Date.now() * 1000;
  assert.ok(Math.abs(systemClock.now() - wall) < 50_000);
});
