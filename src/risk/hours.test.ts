/** Hours and days in New York: when an order would wait for days. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hoursUntilOpen, waitsForDays } from './hours.ts';

/** Microseconds of a moment with its zone. */
const at = (text: string): number => Date.parse(text) * 1000;

test('hours until the regular session, over nights, weekends and holidays', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['2026-02-13T10:00:00-05:00', 0],
    ['2026-02-13T15:59:00-05:00', 0],
    ['2026-02-12T16:00:00-05:00', 17.5],
    ['2026-02-13T09:00:00-05:00', 0.5],
    // Friday before Washington's birthday: the whole of Monday, too.
    ['2026-02-13T16:00:00-05:00', 89.5],
    ['2026-02-15T09:30:00-05:00', 48],
    ['2026-02-16T11:00:00-05:00', 22.5],
    // Good Friday, by the date of Easter.
    ['2026-04-02T16:30:00-04:00', 89],
    ['2027-03-26T10:00:00-04:00', 71.5],
    // Thanksgiving, Christmas on a Friday, New Year.
    ['2026-11-26T10:00:00-05:00', 23.5],
    ['2026-12-24T17:00:00-05:00', 88.5],
    ['2026-12-31T16:30:00-05:00', 89],
    // A Saturday's holiday is kept on Friday, but not the first day of a year; a Sunday's on Monday.
    ['2027-06-17T16:00:00-04:00', 89.5],
    ['2021-12-31T10:00:00-05:00', 0],
    ['2027-07-02T16:00:00-04:00', 89.5],
    ['2026-07-02T16:00:00-04:00', 89.5],
    ['2026-01-19T12:00:00-05:00', 21.5],
    ['2026-05-25T12:00:00-04:00', 21.5],
    ['2026-09-07T12:00:00-04:00', 21.5],
  ];
  for (const [text, hours] of cases) assert.equal(hoursUntilOpen(at(text)), hours, text);
});

test('what trades always, or around the day, waits for less', () => {
  const [fridayEvening, saturday] = [at('2026-03-06T17:00:00-05:00'), at('2026-03-07T08:00:00-05:00')];
  assert.deepEqual(
    [waitsForDays('regular', fridayEvening), waitsForDays('extended', fridayEvening), waitsForDays(null, saturday)],
    [true, false, false],
  );
  assert.equal(waitsForDays('extended', saturday), true);
  assert.equal(waitsForDays('regular', at('2026-03-05T17:00:00-05:00')), false);
});
