import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isoMicros } from '../lib/clock.ts';
import { fromCompact, fromRfc3339, isDay } from './time.ts';

const iso = (at: ReturnType<typeof fromRfc3339>): string | null => (at === null ? null : isoMicros(at));

test('20 digits are a moment', () => {
  assert.equal(iso(fromCompact('20260213143022123456')), '2026-02-13T14:30:22.123456Z');
  assert.equal(iso(fromCompact('20240229000000000000')), '2024-02-29T00:00:00.000000Z');
  for (const unreal of [
    '20260230143022123456',
    '20250229000000000000',
    '21000229000000000000',
    '20260431000000000000',
    '20260013143022123456',
    '20261313143022123456',
    '20260200143022123456',
    '20260213240000000000',
    '20260213236000000000',
    '20260213235960000000',
    '19691231000000000000',
    '2026021314302212345',
    ' 2026021314302212345',
  ]) {
    assert.equal(fromCompact(unreal), null, unreal);
  }
});

test('RFC 3339 with any zone', () => {
  assert.equal(iso(fromRfc3339('2026-02-13T14:30:22Z')), '2026-02-13T14:30:22.000000Z');
  assert.equal(iso(fromRfc3339('2026-02-13T14:30:22.5-05:00')), '2026-02-13T19:30:22.500000Z');
  assert.equal(iso(fromRfc3339('2026-03-01T00:30:00.123456789+01:00')), '2026-02-28T23:30:00.123456Z');
  for (const wrong of [
    '2026-02-13T14:30:22',
    '2026-02-13 14:30:22Z',
    '2026-02-30T00:00:00Z',
    '2026-02-13T24:00:00Z',
    '2026-02-13T14:30Z',
    '2026-02-13T14:30:22+2400',
    '2026-02-13T14:30:22+24:00',
    '2026-02-13T14:30:22.Z',
    '20260213T143022Z',
    'now',
    '',
  ]) {
    assert.equal(fromRfc3339(wrong), null, wrong);
  }
});

test('a day is eight digits of a real date', () => {
  assert.ok(isDay('20260213'));
  for (const text of ['20260230', '2026021', '202602133', 'abcdefgh']) assert.ok(!isDay(text), text);
});
