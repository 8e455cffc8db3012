/** Counting moments gives what looking at each would give, whatever the clock does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Moments } from './moments.ts';

test('as many are counted as are later, in whatever order they came and however many were forgotten', () => {
  const at = fc.integer({ min: 0, max: 50 });
  fc.assert(
    fc.property(fc.array(at), at, at, (times, old, since) => {
      const moments = new Moments();
      for (const time of times) moments.add(time);
      moments.forget(Math.min(old, since));
      const later = times.filter((time) => time > since);
      assert.equal(moments.since(since), later.length);
      assert.equal(moments.firstSince(since), later.length === 0 ? null : Math.min(...later));
    }),
  );
});

test('what is forgotten takes no room', () => {
  const moments = new Moments();
  for (let n = 0; n < 5000; n++) moments.add(n);
  moments.forget(3999);
  assert.equal(moments.since(-1), 1000);
  moments.forget(4999);
  assert.ok(moments.isEmpty);
});
