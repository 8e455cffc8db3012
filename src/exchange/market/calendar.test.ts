/** The calendar against Intl's time zone data and against dates on which the exchanges really were closed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dayOf,
  dayText,
  FIRST_DAY,
  hoursOf,
  LAST_DAY,
  newYorkOffset,
  newYorkText,
  newYorkTime,
  nextClose,
  nextOpen,
  parseDay,
  phaseAt,
  settlementDay,
} from './calendar.ts';

const day = (text: string): number => {
  const parsed = parseDay(text);
  assert.ok(parsed !== null, text);
  return parsed;
};

test('New York time agrees with the time zone database on every day since 1970', () => {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', timeZoneName: 'longOffset' });
  for (let d = FIRST_DAY; d <= LAST_DAY; d += 1) {
    const ms = d * 86_400_000 + 6.5 * 3_600_000; // 6:30 UTC: after the end of summer time, before its start
    const name = format.formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value;
    assert.equal(newYorkOffset(ms) / 3_600_000, Number(name?.slice(3, 6)), dayText(d));
  }
  assert.equal(newYorkOffset(Date.parse('2026-03-08T06:59:59Z')), -5 * 3_600_000);
  assert.equal(newYorkOffset(Date.parse('2026-03-08T07:00:00Z')), -4 * 3_600_000);
  assert.equal(newYorkText(Date.parse('2026-11-23T14:30:00Z'), '.123'), '2026-11-23T09:30:00.123-05:00');
  assert.equal(newYorkTime(dayOf(2026, 7, 1), 570), Date.parse('2026-07-01T13:30:00Z'));
});

test('holidays, special closings and half days', () => {
  const closed = `2026-01-01 2026-01-19 2026-02-16 2026-04-03 2026-05-25 2026-06-19 2026-07-03 2026-09-07 2026-11-26
    2026-12-25 2023-01-02 2022-06-20 2021-12-24 2027-12-24 2025-01-09 2001-09-11 2012-10-29 1980-11-04 1970-03-27 1999-04-02`;
  for (const text of closed.split(/\s+/)) assert.equal(hoursOf(day(text)), null, text);
  const open = '2021-12-31 2021-06-18 1997-01-20 1970-05-29 1984-11-06 2026-11-11 2026-10-12 2010-12-31';
  for (const text of open.split(' ')) assert.ok(hoursOf(day(text)), text);
  for (const text of '2026-11-27 2026-12-24 2025-07-03 2024-07-03 2019-07-03 2002-07-05'.split(' '))
    assert.equal(hoursOf(day(text))?.close, 780, text);
  for (const text of '2026-07-02 2012-07-03x 2022-07-01 2021-12-23'.split(' '))
    assert.equal(hoursOf(day(text.slice(0, 10)))?.close, text.endsWith('x') ? 780 : 960, text);
});

test('trading days per year are those of the exchanges', () => {
  for (const [year, days] of [
    [2020, 253],
    [2021, 252],
    [2022, 251],
    [2023, 250],
    [2024, 252],
    [2025, 250],
    [2026, 251],
  ] as const) {
    let count = 0;
    for (let d = dayOf(year, 1, 1); d < dayOf(year + 1, 1, 1); d++) if (hoursOf(d)) count++;
    assert.equal(count, days, String(year));
  }
});

test('trades settle on the next business day', () => {
  const settled = (text: string): string => dayText(settlementDay(day(text)));
  assert.equal(settled('2026-11-23'), '2026-11-24');
  assert.equal(settled('2026-11-20'), '2026-11-23');
  assert.equal(settled('2026-11-25'), '2026-11-27');
  assert.equal(settled('2026-10-09'), '2026-10-13'); // banks rest on Columbus Day
  assert.equal(settled('2020-11-23'), '2020-11-25');
});

test('sessions follow one another through a weekend and a half day', () => {
  const walk = (from: string, steps: number): string[] => {
    const seen: string[] = [];
    let ms = Date.parse(from);
    for (let i = 0; i < steps; i++) {
      const { phase, until } = phaseAt(ms);
      seen.push(`${phase} until ${newYorkText(until).slice(5, 16)}`);
      assert.ok(until > ms);
      ms = until;
    }
    return seen;
  };
  assert.deepEqual(walk('2026-11-27T14:00:00Z', 8), [
    'pre until 11-27T09:30',
    'core until 11-27T13:00',
    'post until 11-27T17:00',
    'closed until 11-29T20:00',
    'overnight until 11-30T04:00',
    'pre until 11-30T09:30',
    'core until 11-30T16:00',
    'post until 11-30T20:00',
  ]);
  const sunday = Date.parse('2026-11-22T12:00:00Z');
  assert.equal(newYorkText(nextOpen(sunday)), '2026-11-23T09:30:00-05:00');
  assert.equal(newYorkText(nextClose(Date.parse('2026-11-27T15:00:00Z'))), '2026-11-27T13:00:00-05:00');
  assert.equal(newYorkText(nextClose(Date.parse('2026-11-27T18:00:00Z'))), '2026-11-30T16:00:00-05:00');
});
