/** Who has a line of his own: the listed, and those who were there before the others came. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, micros } from '../lib/clock.ts';
import type { AgentId } from '../order/name.ts';
import { Regulars } from './regulars.ts';

const name = (n: number): AgentId => `fake${n}` as AgentId;
const CALM = 'calm' as AgentId;

function scene() {
  let ms = 0;
  const clock: Clock = { now: () => micros(0), monotonic: () => ms, after: () => () => {} };
  return {
    regulars: new Regulars(clock, (agent) => agent === 'listed'),
    later: (by: number) => {
      ms += by;
    },
  };
}

test('a listed agent has its line at once, another once it has come back', () => {
  const { regulars, later } = scene();
  assert.ok(regulars.has('listed' as AgentId));
  regulars.served(CALM);
  regulars.served(CALM);
  assert.ok(!regulars.has(CALM), 'twice in one moment is not for a while');
  later(10_000);
  regulars.served(CALM);
  assert.ok(regulars.has(CALM));
});

test('no crowd of names drives out one that uses its place, and an idle place is given on', () => {
  const { regulars, later } = scene();
  const crowd = Array.from({ length: 3000 }, (_, n) => name(n));
  regulars.served(CALM);
  later(10_000);
  regulars.served(CALM);
  for (let round = 0; round < 3; round++) {
    for (const one of crowd) regulars.served(one);
    later(20_000);
  }
  assert.ok(regulars.has(CALM));
  const inside = crowd.filter((one) => regulars.has(one));
  assert.equal(inside.length, 63);
  const late = 'late' as AgentId;
  regulars.served(late);
  later(10_000);
  regulars.served(late);
  assert.ok(!regulars.has(late), 'there is no room');
  later(3_600_000);
  regulars.served(late);
  assert.ok(regulars.has(late));
  assert.ok(!regulars.has(CALM), 'it was idle for longest');
});
