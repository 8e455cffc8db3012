/**
 * Generated trading of every kind: what must always hold, the same bytes for the same seed, and the same state after a
 * crash from snapshot and journal. `bench/exchange-soak.ts` does more of it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine } from './engine.ts';
import { checkFuzz, checkReplay, Fuzz } from './testing/fuzz.ts';
import { ToyMarket } from './testing/toy-market.ts';
import type { EngineEvent, JournalEntry } from './types.ts';

test('cash, positions, reservations and fills hold through thousands of generated commands', () => {
  let accepted = 0;
  for (let i = 0; i < 25; i++) accepted += checkFuzz(`fuzz-${i}`, 300);
  assert.ok(accepted > 1000, 'most of the commands mean something');
});

const STEPS = 400;

test('the same seed gives the same bytes, whether or not somebody listens', () => {
  for (const seed of ['a', 'bb']) {
    const silent = new Fuzz(seed, { partialFills: 0.2 });
    const heard = new Fuzz(seed, { partialFills: 0.2 });
    const events: EngineEvent[] = [];
    heard.engine.onEvent((event) => events.push(event));
    for (let i = 0; i < STEPS; i++) {
      silent.step();
      heard.step();
    }
    assert.ok(events.length > 100);
    assert.equal(heard.engine.snapshot(), silent.engine.snapshot());
  }
});

test('snapshot and journal bring an engine back to the byte, without the market', () => {
  for (const seed of ['c', 'r2', 'r7', 'r17', 'final-168']) checkReplay(seed, STEPS);
});

test('a restored engine goes on like the one that was never stopped', () => {
  const fuzz = new Fuzz('on', {});
  for (let i = 0; i < STEPS; i++) fuzz.step();
  const twin = Engine.restore(fuzz.engine.snapshot(), fuzz.market, { seed: 'on' });
  const commands: JournalEntry[] = [];
  fuzz.engine.onCommand((entry) => commands.push(entry));
  for (let i = 0; i < 100; i++) fuzz.step();
  for (const entry of commands) twin.replay({ ...entry });
  assert.equal(twin.snapshot(), fuzz.engine.snapshot());
});

test('a journal with a gap, another seed and another version are refused', () => {
  const fuzz = new Fuzz('gap');
  const entries: JournalEntry[] = [];
  const begun = fuzz.engine.snapshot();
  fuzz.engine.onCommand((entry) => entries.push(entry));
  for (let i = 0; i < 50; i++) fuzz.step();
  const again = Engine.restore(begun, new ToyMarket(), { seed: 'gap' });
  const second = entries[1];
  assert.ok(second);
  assert.throws(() => again.replay(second), /does not follow/);
  assert.throws(() => Engine.restore(begun, new ToyMarket(), { seed: 'other' }), /seed/);
  assert.throws(
    () => Engine.restore(begun.replace('"version":1', '"version":9'), new ToyMarket(), { seed: 'gap' }),
    /version 9/,
  );
});
