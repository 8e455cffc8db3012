/** The engine against its naive twin, some thousands of generated commands. `bench/exchange-soak.ts` does more. */
import { test } from 'node:test';
import { checkTwin } from './testing/twin.ts';

test('the engine and its naive twin agree after every one of thousands of commands', () => {
  for (let i = 0; i < 12; i++) checkTwin(`twin-${i}`, 250);
});
