/** Heaps share what may be under way; beside an agent without one nobody runs ahead. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pace.ts';

const all = (): boolean => true;

test('an agent that is alone may be far ahead, and agents that all have heaps share as much', () => {
  const pace = new Pace<string>();
  assert.equal(pace.bounds(0, all).ahead, 128);
  pace.served('a', 0, false);
  assert.equal(pace.bounds(0, all).ahead, 128);
  for (const agent of ['b', 'c', 'd']) pace.served(agent, 0, false);
  assert.deepEqual(pace.bounds(0, all), { ahead: 32, batch: 64, strangers: 256 });
  for (let n = 0; n < 100; n++) pace.served(`more${n}`, 0, false);
  assert.equal(pace.bounds(0, all).ahead, 8);
});

test('a heap is held back as long as somebody without one was served lately', () => {
  const pace = new Pace<string>();
  const heap = (agent: string): boolean => agent === 'heap';
  pace.served('calm', 0, false);
  pace.served('heap', 1000, false);
  assert.deepEqual(pace.bounds(1000, heap), { ahead: 8, batch: 8, strangers: 256 });
  assert.deepEqual(pace.bounds(2000, heap), { ahead: 8, batch: 8, strangers: 256 });
  assert.deepEqual(pace.bounds(2001, heap), { ahead: 128, batch: 64, strangers: 256 });
  // It comes again.
  pace.served('calm', 2500, false);
  pace.served('heap', 2500, false);
  assert.deepEqual(pace.bounds(2500, heap), { ahead: 8, batch: 8, strangers: 256 });
});

test('all strangers together run ahead as one does, and little beside one who has a line of its own', () => {
  const pace = new Pace<string>();
  for (let n = 0; n < 100; n++) pace.served(`made-up${n}`, 0, false);
  assert.equal(pace.bounds(0, all).strangers, 256);
  pace.served('calm', 0, true);
  assert.equal(pace.bounds(2000, all).strangers, 16);
  assert.equal(pace.bounds(2001, all).strangers, 256);
});
