/** The budget against every pattern of requests and restarts that fast-check can think of. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fraction, seededRandom } from '../lib/random.ts';
import { Budget } from './budget.ts';
import { LANES, type Lane, Lanes } from './lanes.ts';

/** The largest number of moments in any half-open window of `length` milliseconds; `moments` rise. */
function worst(moments: readonly number[], length: number): number {
  let most = 0;
  let from = 0;
  moments.forEach((moment, index) => {
    while ((moments[from] ?? 0) <= moment - length) from++;
    most = Math.max(most, index - from + 1);
  });
  return most;
}

/** Takes a slot for a request that leaves at once. */
function takeNow(budget: Budget, lane: Lane, now: number): boolean {
  const taken = budget.tryTake(lane, now);
  if (taken) budget.leaves(now);
  return taken;
}

/** Takes with `lane` until refused; returns how many were given. */
function drain(budget: Budget, lane: Lane, now: number): number {
  let count = 0;
  while (takeNow(budget, lane, now)) count++;
  return count;
}

/** Takes as fast as `waitMs` allows between two moments. */
function saturate(budget: Budget, lane: Lane, from: number, to: number): number[] {
  const taken: number[] = [];
  for (let now = from; now < to; ) {
    if (takeNow(budget, lane, now)) taken.push(now);
    else now += Math.max(1, budget.waitMs(lane, now));
  }
  return taken;
}

const lane = fc.constantFrom(...LANES);

describe('limits', () => {
  test('no pattern of requests and restarts exceeds them in any 60 s or 1 s', () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ kind: fc.constant('burst' as const), lane, count: fc.integer({ min: 1, max: 40 }) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('saturate' as const), lane, ms: fc.integer({ min: 1, max: 9000 }) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('idle' as const),
          ms: fc.double({ min: 0, max: 40_000, noNaN: true }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('restart' as const), ms: fc.integer({ min: 0, max: 2000 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('pause' as const), ms: fc.integer({ min: 0, max: 5000 }) }),
      },
    );
    const limits = fc
      .record({ perMinute: fc.integer({ min: 1, max: 300 }), perSecond: fc.integer({ min: 1, max: 30 }) })
      .filter(({ perMinute, perSecond }) => perSecond <= perMinute);
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 60 }), (limit, steps) => {
        let budget = new Budget(limit);
        let now = 0;
        // Each process has its own monotonic clock.
        let birth = 0;
        const taken: number[] = [];
        const take = (which: Lane): boolean => {
          const given = takeNow(budget, which, now - birth);
          if (given) taken.push(now);
          return given;
        };
        for (const step of steps) {
          switch (step.kind) {
            case 'burst':
              for (let i = 0; i < step.count; i++) take(step.lane);
              break;
            case 'saturate':
              for (const end = now + step.ms; now < end; ) {
                if (!take(step.lane)) now += Math.max(1, budget.waitMs(step.lane, now - birth));
              }
              break;
            case 'idle':
              now += step.ms;
              break;
            case 'pause':
              budget.pause(now - birth + step.ms);
              break;
            case 'restart':
              now += step.ms;
              birth = now - 5;
              budget = new Budget(limit);
              budget.seed(
                taken.filter((at) => at > now - 61_000).map((at) => now - at),
                now - birth,
              );
              break;
          }
        }
        assert.ok(worst(taken, 60_000) <= limit.perMinute);
        assert.ok(worst(taken, 1_000) <= limit.perSecond);
      }),
      { numRuns: 300 },
    );
  });

  for (const which of LANES) {
    test(`lane ${which} alone can use at least 97 % of the budget, and arrives within the limits with jitter`, () => {
      const budget = new Budget({ perMinute: 200, perSecond: 10 });
      const left = saturate(budget, which, 0, 20 * 60_000);
      assert.ok(left.length >= 0.97 * 200 * 20, `${left.length} of ${200 * 20}`);
      assert.ok(worst(left, 60_000) <= 200);
      const random = seededRandom(which);
      const arrive = (jitterMs: number): number[] =>
        left.map((at) => at + jitterMs * fraction(random)).sort((a, b) => a - b);
      assert.ok(worst(arrive(300), 1_000) <= 10);
      assert.ok(worst(arrive(800), 60_000) <= 200);
    });
  }

  test('what queries leave unused is there for orders at once, and what nobody urgent used is not lost', () => {
    const budget = new Budget({ perMinute: 200, perSecond: 200 });
    const queries = drain(budget, 'query', 0);
    assert.ok(queries >= 70 && queries <= 90, `${queries} queries at once`);
    assert.ok(drain(budget, 'order', 0) >= 60);
    assert.ok(drain(budget, 'resolve', 0) >= 20);
    assert.equal(drain(budget, 'cancel', 0), 21);
    const calm = new Budget({ perMinute: 200, perSecond: 200 });
    drain(calm, 'query', 0);
    assert.equal(saturate(calm, 'query', 0, 60_700).length + queries, 198);
  });

  test('the smallest budgets still move', () => {
    for (const limits of [
      { perMinute: 1, perSecond: 1 },
      { perMinute: 2, perSecond: 1 },
      { perMinute: 10, perSecond: 10 },
    ]) {
      for (const which of LANES) {
        const taken = saturate(new Budget(limits), which, 0, 305_000);
        assert.ok(
          taken.length >= 5 * Math.max(1, limits.perMinute - 3),
          `${JSON.stringify(limits)} ${which}: ${taken.length}`,
        );
      }
    }
  });

  test('limits that are no whole numbers from 1 are refused by name', () => {
    assert.throws(() => new Budget({ perMinute: 0, perSecond: 1 }), /perMinute is 0/);
    assert.throws(() => new Budget({ perMinute: 10, perSecond: 1.5 }), /perSecond is 1.5/);
  });
});

describe('lanes', () => {
  test('under a full load of orders a cancel leaves within 1.3 s, a look-up within 1.3 s more', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            after: fc.integer({ min: 0, max: 6_000 }),
            lane: fc.constantFrom('cancel' as const, 'resolve' as const),
          }),
          {
            maxLength: 15,
          },
        ),
        fc.constantFrom('reduce' as const, 'order' as const, 'query' as const),
        (urgent, flood) => {
          const budget = new Budget({ perMinute: 200, perSecond: 10 });
          saturate(budget, flood, 0, 30_000);
          let now = 30_000;
          for (const { after, lane: which } of urgent) {
            saturate(budget, flood, now, now + after);
            now += after;
            const asked = now;
            while (!takeNow(budget, which, now)) now += Math.max(1, budget.waitMs(which, now));
            assert.ok(now - asked <= 2_600, `${which} waited ${now - asked} ms`);
            if (which === 'cancel') assert.ok(now - asked <= 1_300);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test('everything queued is sent in the end, whatever comes first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ lane, agent: fc.constantFrom('a', 'b', 'c') }), { maxLength: 400 }),
        (wanted) => {
          const budget = new Budget({ perMinute: 200, perSecond: 10 });
          const queue = new Lanes<{ id: number; lane: Lane; agent: string }>();
          for (const [id, item] of wanted.entries()) queue.push({ ...item, id });
          let now = 0;
          for (let turn = queue.peek(); turn !== null; turn = queue.peek()) {
            if (takeNow(budget, turn.rank, now)) queue.take(turn.item);
            else now += Math.max(1, budget.waitMs(turn.rank, now));
          }
          assert.ok(now <= (Math.ceil(wanted.length / 160) + 1) * 61_000);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('waitMs is 0 exactly when a slot is free, and never later than the moment one is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ lane, gap: fc.integer({ min: 0, max: 400 }) }), { maxLength: 300 }),
        lane,
        (load, which) => {
          const budget = new Budget({ perMinute: 40, perSecond: 6 });
          let now = 0;
          for (const { lane: other, gap } of load) {
            now += gap;
            takeNow(budget, other, now);
          }
          const wait = budget.waitMs(which, now);
          if (wait > 0) {
            assert.equal(takeNow(budget, which, now), false);
            assert.equal(takeNow(budget, which, now + wait - 1), false);
          } else assert.equal(takeNow(budget, which, now), true);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('what the broker says', () => {
  const WALL = 1_770_000_000_000;
  const RESET = WALL / 1000 + 30;
  const fresh = (): Budget => new Budget({ perMinute: 200, perSecond: 200 });

  test('a low remaining is believed until the reset, and orders leave the urgent lanes their share of it', () => {
    const budget = fresh();
    budget.learn({ remaining: 200, resetAt: RESET - 60 + 1 }, 0, WALL);
    budget.learn({ remaining: 200, resetAt: RESET }, 0, WALL);
    budget.learn({ remaining: 40, resetAt: RESET }, 0, WALL);
    assert.equal(drain(budget, 'order', 0), 14);
    assert.ok(budget.waitMs('order', 0) > 0 && budget.waitMs('order', 0) < 10_000);
    assert.equal(drain(budget, 'order', 10_000), 8);
    assert.equal(drain(budget, 'cancel', 10_000), 18);
    assert.equal(drain(budget, 'cancel', 29_999), 0);
    assert.ok(drain(budget, 'order', 30_000) > 50);
  });

  test('an owner who sets more than the broker tells of is believed', () => {
    const budget = new Budget({ perMinute: 1000, perSecond: 1000 });
    budget.learn({ remaining: 0, resetAt: RESET, limit: 200 }, 0, WALL);
    assert.ok(drain(budget, 'order', 0) > 500);
    budget.learn({ remaining: 0, resetAt: RESET, limit: 1000 }, 10_000, WALL + 10_000);
    assert.equal(drain(budget, 'cancel', 10_000), 0);
    const refused = new Budget({ perMinute: 1000, perSecond: 1000 });
    refused.pause(0);
    refused.learn({ remaining: 0, resetAt: RESET, limit: 200 }, 0, WALL);
    assert.equal(drain(refused, 'cancel', 0), 0, 'a refusal shows that the broker means it');
  });

  test('answers that overtake each other cannot raise what is left', () => {
    const budget = fresh();
    budget.learn({ remaining: 3, resetAt: RESET }, 0, WALL);
    budget.learn({ remaining: 90, resetAt: RESET }, 0, WALL);
    assert.equal(drain(budget, 'cancel', 0), 3);
    budget.learn({ remaining: 90, resetAt: RESET - 60 }, 0, WALL);
    budget.learn({ remaining: 80, resetAt: RESET - 5 }, 0, WALL);
    assert.equal(drain(budget, 'cancel', 0), 0);
  });

  test('a broker with a far smaller limit than configured still gets orders', () => {
    const budget = fresh();
    let sent = 0;
    for (let minute = 0; minute < 5; minute++) {
      const now = minute * 60_000;
      budget.learn({ remaining: 20, resetAt: WALL / 1000 + (minute + 1) * 60 }, now, WALL + now);
      sent += drain(budget, 'order', now);
      assert.equal(sent, minute * 20 + 16, 'a few are kept for a cancel');
      sent += drain(budget, 'order', now + 59_000);
    }
    assert.equal(sent, 5 * 20);
  });

  test('a wrong clock, a silent broker and nonsense stop nothing for longer than a minute', () => {
    const budget = fresh();
    budget.learn({ remaining: null, resetAt: RESET }, 0, WALL);
    budget.learn({ remaining: -5, resetAt: RESET }, 0, WALL);
    budget.learn({ remaining: 0, resetAt: WALL / 1000 - 100 }, 0, WALL);
    assert.equal(budget.waitMs('order', 0), 0);
    budget.learn({ remaining: 0, resetAt: WALL / 1000 + 1e9 }, 0, WALL);
    assert.equal(budget.waitMs('cancel', 0), 61_000);
    assert.equal(budget.waitMs('cancel', 61_000), 0);
    budget.learn({ remaining: 0, resetAt: null }, 61_000, WALL);
    assert.equal(budget.waitMs('cancel', 61_000), 61_000);
  });

  test('requests of another program are told', () => {
    const budget = fresh();
    assert.equal(budget.learn({ remaining: 190, resetAt: RESET }, 0, WALL), 0);
    for (let i = 0; i < 10; i++) takeNow(budget, 'order', i);
    assert.equal(budget.learn({ remaining: 180, resetAt: RESET }, 20, WALL), 0);
    assert.equal(budget.learn({ remaining: 120, resetAt: RESET }, 30, WALL), 60);
    assert.equal(budget.report(30).foreign, 60);
    const busy = fresh();
    busy.learn({ remaining: 190, resetAt: RESET }, 0, WALL, 30);
    assert.equal(busy.learn({ remaining: 160, resetAt: RESET }, 10, WALL), 0, 'they may have been under way');
  });

  test('a pause holds every lane, is never shortened, and forgets nothing', () => {
    const budget = new Budget({ perMinute: 5, perSecond: 5 });
    assert.equal(drain(budget, 'order', 0), 4);
    budget.pause(70_000);
    budget.pause(10);
    assert.equal(budget.waitMs('cancel', 69_000), 1_000);
    for (const which of LANES) assert.equal(takeNow(budget, which, 69_999), false);
    assert.equal(drain(budget, 'order', 70_000), 4);
    budget.pause(71_000);
    assert.equal(drain(budget, 'order', 80_000), 0);
  });
});

test('a seed of more requests than the budget holds, in any order and from the future', () => {
  const budget = new Budget({ perMinute: 10, perSecond: 10 });
  budget.seed([...Array.from({ length: 50 }, (_, i) => i * 1_000), -5, 200_000], 5);
  assert.equal(takeNow(budget, 'cancel', 5), false);
  // The ten newest are taken to be 0 to 7 seconds old, a second younger than the journal dates them.
  assert.equal(budget.waitMs('cancel', 5), 60_800 - 7_000);
});

test('a clock that goes back frees nothing', () => {
  const budget = new Budget({ perMinute: 1, perSecond: 1 });
  assert.equal(takeNow(budget, 'order', 100_000), true);
  assert.equal(takeNow(budget, 'order', 0), false);
  assert.equal(takeNow(budget, 'order', 160_799), false);
  assert.equal(takeNow(budget, 'order', 160_800), true);
});

test('a request that leaves late is counted from when it leaves', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(900), { minLength: 40, maxLength: 120 }),
      fc.integer({ min: 1, max: 40 }),
      (delays, step) => {
        const budget = new Budget({ perMinute: 200, perSecond: 10 });
        const pending: number[] = [];
        const left: number[] = [];
        const due = [...delays];
        for (let now = 0; due.length > 0 || pending.length > 0; now += step) {
          for (const at of pending.splice(0)) {
            if (at > now) pending.push(at);
            else {
              budget.leaves(now);
              left.push(now);
            }
          }
          while (due.length > 0 && budget.tryTake('order', now)) pending.push(now + (due.pop() ?? 0));
        }
        assert.ok(worst(left, 1000) <= 10);
        assert.ok(worst(left, 60_000) <= 200);
        return left.length === delays.length;
      },
    ),
  );
});

test('what is taken and has not left keeps its place for as long as it takes', () => {
  const budget = new Budget({ perMinute: 200, perSecond: 10 });
  const taken = Array.from({ length: 20 }, () => budget.tryTake('order', 0)).filter(Boolean).length;
  assert.equal(budget.tryTake('order', 30_000), false);
  assert.ok(budget.waitMs('order', 30_000) > 0);
  for (let n = 0; n < taken; n++) budget.leaves(30_000);
  assert.equal(budget.tryTake('order', 31_299), false);
  assert.equal(budget.tryTake('order', 31_300), true);
});
