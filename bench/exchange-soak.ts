/**
 * The engine under generated trading for as long as one likes: a third of the commands against its naive twin,
 * a third of every kind with its invariants, a third through crashes and replays. Stops at the first difference and
 * names the seed. The tests run some thousands. Must never pass over a difference.
 * `node bench/exchange-soak.ts [commands] [seed]`
 */
import { checkFuzz, checkReplay } from '../src/exchange/engine/testing/fuzz.ts';
import { checkTwin } from '../src/exchange/engine/testing/twin.ts';

const COMMANDS = Number(process.argv[2] ?? 400_000);
const seed = process.argv[3] ?? 'soak';
const ROUND = 500;

const started = performance.now();
let done = 0;
for (let round = 0; done < COMMANDS; round++) {
  checkTwin(`${seed}-${round}`, ROUND);
  checkFuzz(`${seed}-${round}`, ROUND);
  checkReplay(`${seed}-${round}`, ROUND);
  done += 3 * ROUND;
}
const seconds = (performance.now() - started) / 1000;
console.log(`soak: ${done} commands in ${seconds.toFixed(1)} s, no difference, no breach`);
console.log(JSON.stringify({ bench: 'exchange-soak', commands: done, seconds: Number(seconds.toFixed(1)), seed }));
