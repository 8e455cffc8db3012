/** Heaps share what may be under way; beside an agent without one nobody runs ahead. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pace.ts';

const all = (): boolean => true;

test('an agent that is alone may be far ahead, and agents that all have heaps share as much', () => {
  const pace = new Pace<string>();
  assert.equal(pace.bounds(0, all).ahead, 128);
  pace.served('a', 0);
  assert.equal(pace.bounds(0, all).ahead, 128);
  for (const agent of ['b', 'c', 'd']) pace.served(agent, 0);
  assert.deepEqual(pace.bounds(0, all), { ahead: 32, batch: 64 });
  for (let n = 0; n < 100; n++) pace.served(`more${n}`, 0);
  assert.equal(pace.bounds(0, all).ahead, 8);
});

test('a heap is held back as long as somebody without one was served lately', () => {
  const pace = new Pace<string>();
  const heap = (agent: string): boolean => agent === 'heap';
  pace.served('calm', 0);
  pace.served('heap', 1000);
  assert.deepEqual(pace.bounds(1000, heap), { ahead: 8, batch: 8 });
  assert.deepEqual(pace.bounds(2000, heap), { ahead: 8, batch: 8 });
  assert.deepEqual(pace.bounds(2001, heap), { ahead: 128, batch: 64 });
  // It comes again.
  pace.served('calm', 2500);
  pace.served('heap', 2500);
  assert.deepEqual(pace.bounds(2500, heap), { ahead: 8, batch: 8 });
});
