/** Order of service in the waiting queue. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LANES, type Lane, Lanes, type Queued } from './lanes.ts';

interface Item extends Queued {
  readonly id: number;
}

function filled(items: readonly (readonly [lane: Lane, agent: string])[]): Lanes<Item> {
  const lanes = new Lanes<Item>();
  for (const [id, [lane, agent]] of items.entries()) lanes.push({ id, lane, agent });
  return lanes;
}

function next(lanes: Lanes<Item>): Item | null {
  const turn = lanes.peek();
  if (turn !== null) lanes.take(turn.item);
  return turn?.item ?? null;
}

function drained(lanes: Lanes<Item>): Item[] {
  const taken: Item[] = [];
  for (let item = next(lanes); item !== null; item = next(lanes)) taken.push(item);
  return taken;
}

test('urgent lanes first', () => {
  const lanes = filled([...LANES].reverse().map((lane) => [lane, 'a'] as const));
  assert.deepEqual(
    drained(lanes).map(({ lane }) => lane),
    ['cancel', 'resolve', 'reduce', 'order', 'query'],
  );
  assert.equal(lanes.peek(), null);
  assert.equal(next(lanes), null);
});

test('inside a lane the agents take turns, each in its own order', () => {
  const lanes = filled([
    ['order', 'a'],
    ['order', 'a'],
    ['order', 'a'],
    ['order', 'b'],
    ['order', 'c'],
    ['order', 'b'],
  ]);
  assert.deepEqual(
    drained(lanes).map(({ id }) => id),
    [0, 3, 4, 1, 5, 2],
  );
});

test('an agent that comes back queues behind those who wait', () => {
  const lanes = filled([
    ['order', 'a'],
    ['order', 'b'],
  ]);
  assert.equal(next(lanes)?.agent, 'a');
  lanes.push({ id: 10, lane: 'order', agent: 'a' });
  assert.deepEqual(
    drained(lanes).map(({ agent }) => agent),
    ['b', 'a'],
  );
});

test('a query behind an endless flow of orders has its turn; cancels never wait for it', () => {
  const lanes = filled([['query', 'q']]);
  let turns = 0;
  for (let id = 1; ; id++) {
    lanes.push({ id, lane: 'order', agent: 'a' });
    if (next(lanes)?.lane === 'query') break;
    turns++;
    assert.ok(turns <= 20);
  }
});

test('behind look-ups nobody waits for more than a quarter of a minute of a small budget; behind cancels as ever', () => {
  const turnsOf = (lane: Lane, perMinute: number): number => {
    const lanes = new Lanes<Item>(() => 1, perMinute);
    lanes.push({ id: 0, lane: 'order', agent: 'a' });
    for (let id = 1; ; id++) {
      lanes.push({ id, lane, agent: 'b' });
      if (next(lanes)?.lane === 'order') return id - 1;
    }
  };
  assert.deepEqual(
    [1, 10, 40, 200, 1000].map((perMinute) => turnsOf('resolve', perMinute)),
    [1, 2, 10, 50, 50],
  );
  assert.equal(turnsOf('cancel', 10), 50);
});

test('only a long flood of what is urgent lets others through, one of each lane in fifty', () => {
  const lanes = filled([
    ['query', 'q'],
    ['order', 'o'],
    ['resolve', 'r'],
  ]);
  const order: Lane[] = [];
  for (let id = 10; id < 130; id++) {
    lanes.push({ id, lane: 'cancel', agent: 'a' });
    const turn = lanes.peek();
    assert.equal(turn?.rank, 'cancel', 'what has aged goes with the rights of the most urgent');
    order.push(next(lanes)?.lane ?? 'query');
  }
  assert.ok(order.slice(0, 50).every((lane) => lane === 'cancel'));
  assert.deepEqual(order.slice(50, 53).sort(), ['order', 'query', 'resolve']);
});

test('agents share a lane by weight, whoever asks for more; who was away gains nothing by it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 8, maxLength: 8 }),
      (weights, burst) => {
        const lanes = new Lanes<Item>((agent) => weights[Number(agent)] ?? 1);
        const served = weights.map(() => 0);
        let id = 0;
        const fill = (agent: number): void => {
          for (let i = 0; i < (burst[agent] ?? 1); i++) lanes.push({ id: id++, lane: 'order', agent: String(agent) });
        };
        // All keep their queue filled, with more or fewer at once.
        for (const agent of weights.keys()) fill(agent);
        const turns = 40 * weights.reduce((sum, weight) => sum + weight, 0);
        for (let turn = 0; turn < turns; turn++) {
          const item = next(lanes);
          assert.ok(item !== null);
          const agent = Number(item.agent);
          served[agent] = (served[agent] ?? 0) + 1;
          if (lanes.waiting('order')[item.agent] === undefined) fill(agent);
        }
        weights.forEach((weight, agent) => {
          const got = served[agent] ?? 0;
          assert.ok(Math.abs(got - 40 * weight) <= weight + 1, `${got} turns for weight ${weight} of ${turns}`);
        });
      },
    ),
    { numRuns: 100 },
  );
});

test('who is held back is passed over, keeps its place, and does not get the time back', () => {
  const lanes = filled([
    ['order', 'a'],
    ['order', 'a'],
    ['order', 'a'],
    ['order', 'b'],
    ['order', 'b'],
    ['order', 'b'],
    ['order', 'b'],
    ['order', 'b'],
  ]);
  const isHeld = (agent: string): boolean => agent === 'a';
  for (let i = 0; i < 3; i++) {
    const turn = lanes.peek(isHeld);
    assert.equal(turn?.item.agent, 'b');
    if (turn) lanes.take(turn.item);
  }
  assert.deepEqual(
    drained(lanes).map(({ agent }) => agent),
    ['a', 'a', 'b', 'a', 'b'],
  );
});

test('what is pushed comes out exactly once, peek tells what next takes, and removal takes one out', () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant('push' as const),
      lane: fc.constantFrom(...LANES),
      agent: fc.constantFrom('a', 'b', 'c'),
    }),
    fc.record({ kind: fc.constant('next' as const) }),
    fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const lanes = new Lanes<Item>();
      const waiting = new Map<number, Item>();
      let id = 0;
      for (const step of actions) {
        if (step.kind === 'push') {
          const item = { id: id++, lane: step.lane, agent: step.agent };
          waiting.set(item.id, item);
          lanes.push(item);
        } else if (step.kind === 'next') {
          const expected = lanes.peek()?.item ?? null;
          const item = next(lanes);
          assert.equal(item, expected);
          assert.equal(item === null, waiting.size === 0);
          if (item) {
            const sameLine = [...waiting.values()].filter((it) => it.lane === item.lane && it.agent === item.agent);
            assert.equal(item.id, Math.min(...sameLine.map((it) => it.id)));
            assert.ok(waiting.delete(item.id));
          }
        } else {
          const known = [...waiting.keys()][step.which % (waiting.size || 1)];
          assert.equal(lanes.remove(known ?? -1)?.id, known);
          if (known !== undefined) waiting.delete(known);
          assert.equal(lanes.remove(known ?? -1), null);
        }
        assert.equal(lanes.size(), waiting.size);
        for (const lane of LANES) {
          assert.equal(lanes.size(lane), [...waiting.values()].filter((it) => it.lane === lane).length);
        }
      }
      assert.deepEqual(
        drained(lanes)
          .map((item) => item.id)
          .sort((a, b) => a - b),
        [...waiting.keys()].sort((a, b) => a - b),
      );
    }),
    { numRuns: 200 },
  );
});

test('a hundred thousand of one agent, half of them called off, in linear time', () => {
  const lanes = new Lanes<Item>();
  for (let id = 0; id < 100_000; id++) lanes.push({ id, lane: 'order', agent: 'a' });
  for (let id = 0; id < 100_000; id += 2) lanes.remove(id);
  const rest = drained(lanes);
  assert.equal(rest.length, 50_000);
  assert.ok(rest.every(({ id }, index) => id === 2 * index + 1));
});

test('the same id twice is a fault of the caller', () => {
  const lanes = filled([['order', 'a']]);
  assert.throws(() => lanes.push({ id: 0, lane: 'query', agent: 'b' }), /queued twice/);
});
