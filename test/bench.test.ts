/** The bench's comparison with an earlier run: which ratios it calls worse, and what it refuses to compare. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compared, earlierOf, isWorse, keptOf } from '../bench/compare.ts';
import type { Figure, Guard, Results } from '../bench/result.ts';
import { table } from '../bench/table.ts';

const LESS: Guard = { better: 'less', margin: 0.2, everywhere: true };
const MORE: Guard = { better: 'more', margin: 0.2, everywhere: false };

const figure = (name: string, value: number, guard?: Guard): Figure => ({
  name,
  value,
  unit: '×',
  ...(guard === undefined ? {} : { guard }),
});

const run = (figures: readonly Figure[], more: Partial<Results> = {}): Results => ({
  bench: 'tower',
  at: '2026-02-13T00:00:00.000Z',
  seconds: 1,
  seed: 'bench',
  size: 'normal',
  machine: { processor: 'one', memory: '8 GB', 'file system': 'ext4', node: 'v24.0.0' },
  busy: { load: 0, processors: 2 },
  sections: [{ title: 'Part', what: '', figures, charts: [] }],
  ...more,
});

/** As it is kept and read again. */
const kept = (results: Results) => earlierOf(JSON.stringify(keptOf(results)), 'normal');
const verdicts = (before: Results, now: Results) =>
  compared('old.json', kept(before), now).figures.map(({ verdict }) => verdict);

test('a ratio is worse when it moves the wrong way by more than its margin', () => {
  const before = run([figure('cost', 2, LESS), figure('rate', 0.5, MORE)]);
  assert.deepEqual(verdicts(before, run([figure('cost', 2.39, LESS), figure('rate', 0.41, MORE)])), ['held', 'held']);
  assert.deepEqual(verdicts(before, run([figure('cost', 2.41, LESS), figure('rate', 0.39, MORE)])), ['worse', 'worse']);
  assert.deepEqual(verdicts(before, run([figure('cost', 0.1, LESS), figure('rate', 9, MORE)])), ['held', 'held']);
});

test('what is flat is held however flat it was before', () => {
  const flat: Guard = { ...LESS, fine: 1.3 };
  assert.deepEqual(verdicts(run([figure('growth', 0.8, flat)]), run([figure('growth', 1.29, flat)])), ['held']);
  assert.deepEqual(verdicts(run([figure('growth', 0.8, flat)]), run([figure('growth', 1.31, flat)])), ['worse']);
});

test('on another machine only what hangs on neither disk nor processor is judged', () => {
  const before = run([figure('cost', 2, LESS), figure('rate', 0.5, MORE)]);
  const now = run([figure('cost', 3, LESS), figure('rate', 0.1, MORE)], {
    machine: { processor: 'another', memory: '8 GB', 'file system': 'ext4' },
  });
  const against = compared('old.json', kept(before), now);
  assert.deepEqual(
    against.figures.map(({ verdict }) => verdict),
    ['worse', 'other machine'],
  );
  assert.match(table({ ...now, against }).join('\n'), /another machine.*\n.*\n! Part: cost .*\+50%.*worse/);
});

test('times are never compared, and a ratio that is new has nothing to be compared with', () => {
  const now = run([figure('milliseconds', 900), figure('cost', 3, LESS)]);
  assert.deepEqual(verdicts(run([figure('milliseconds', 1)]), now), ['new']);
});

test('what is guarded and was not measured is not held', () => {
  const before = kept(run([figure('cost', 2, LESS)]));
  for (const now of [
    run([]),
    run([figure('cost', Number.NaN, LESS)]),
    run([], { sections: [{ title: 'Part', what: '', figures: [], charts: [], fault: 'it was ended' }] }),
  ]) {
    const against = compared('old.json', before, now);
    assert.ok(against.missing.length > 0);
    assert.ok(isWorse(against));
  }
  // A part that was not asked for is not missed.
  assert.ok(!isWorse(compared('old.json', before, run([], { sections: [] }))));
});

test('what is kept in the project can be compared with', () => {
  const reference = earlierOf(readFileSync('bench/reference.json', 'utf8'), 'normal');
  const figures = reference.sections.flatMap((section) => section.figures);
  assert.ok(figures.length >= 5);
  for (const { name, value, guard } of figures) assert.ok(value !== null && value > 0 && guard !== undefined, name);
});

test('a file that is no run, or one of another size, is refused with the reason', () => {
  assert.throws(() => earlierOf('{', 'normal'), /no JSON/);
  assert.throws(() => earlierOf('{"bench":"exchange"}', 'normal'), /no result of this bench/);
  assert.throws(() => earlierOf(JSON.stringify(run([])), 'quick'), /size normal, and this one is of size quick/);
  assert.doesNotThrow(() => earlierOf(JSON.stringify(run([figure('none', Number.NaN)])), 'normal'));
});
