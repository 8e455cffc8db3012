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

function drained(lanes: Lanes<Item>): Item[] {
  const taken: Item[] = [];
  for (let item = lanes.next(); item !== null; item = lanes.next()) taken.push(item);
  return taken;
}

test('urgent lanes first', () => {
  const lanes = filled([...LANES].reverse().map((lane) => [lane, 'a'] as const));
  assert.deepEqual(
    drained(lanes).map(({ lane }) => lane),
    [...LANES],
  );
  assert.equal(lanes.peek(), null);
  assert.equal(lanes.next(), null);
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
  assert.equal(lanes.next()?.agent, 'a');
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
    if (lanes.next()?.lane === 'query') break;
    turns++;
    assert.ok(turns <= 20);
  }
  const busy = filled([['query', 'q']]);
  for (let id = 1; id <= 60; id++) {
    busy.push({ id, lane: id % 2 ? 'cancel' : 'resolve', agent: 'a' });
    assert.notEqual(busy.next()?.lane, 'query');
  }
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
          const expected = lanes.peek();
          const item = lanes.next();
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
