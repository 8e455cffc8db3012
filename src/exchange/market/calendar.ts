/**
 * The US market calendar by rule: New York time, trading days, half days, sessions, settlement. Pure arithmetic on whole
 * numbers, because the Intl time zone functions are far too slow for a price process. Must never look at a clock.
 *
 * Units: `ms` are milliseconds since 1970-01-01T00:00Z; a `Day` is a calendar day counted from 1970-01-01.
 */

/** Calendar days since 1970-01-01. */
export type Day = number;

/** `overnight` is 20:00 to 04:00 before a trading day; `closed` is everything that is left (weekends, holidays). */
export type Phase = 'overnight' | 'pre' | 'core' | 'post' | 'closed';

/** Opening hours of one trading day, in minutes after midnight New York. */
export interface Hours {
  readonly open: number;
  readonly close: number;
  readonly sessionOpen: number;
  readonly sessionClose: number;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** First and last day that the calendar knows (Alpaca docs: calendar, 1970 to 2029). */
export const FIRST_DAY: Day = 0;
export const LAST_DAY: Day = Date.UTC(2029, 11, 31) / DAY_MS;

const FULL: Hours = { open: 570, close: 960, sessionOpen: 240, sessionClose: 1200 };
const HALF: Hours = { open: 570, close: 780, sessionOpen: 240, sessionClose: 1020 };

// --- days ---------------------------------------------------------------------------------------------------------

export const dayOf = (year: number, month: number, date: number): Day => Date.UTC(year, month - 1, date) / DAY_MS;

/** 0 is Sunday. 1970-01-01 was a Thursday. */
export const weekday = (day: Day): number => (((day + 4) % 7) + 7) % 7;

/** `2026-11-23` */
export const dayText = (day: Day): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** The day of a `YYYY-MM-DD` text; null when it is not a real date. */
export function parseDay(text: string): Day | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(ms) || dayText(ms / DAY_MS) !== text ? null : ms / DAY_MS;
}

const yearOf = (day: Day): number => new Date(day * DAY_MS).getUTCFullYear();

/** The `nth` given weekday of a month, counted from its end when `nth` is negative. */
function nthWeekday(year: number, month: number, wanted: number, nth: number): Day {
  if (nth > 0) {
    const first = dayOf(year, month, 1);
    return first + ((wanted - weekday(first) + 7) % 7) + 7 * (nth - 1);
  }
  const last = dayOf(year, month + 1, 1) - 1;
  return last - ((weekday(last) - wanted + 7) % 7) + 7 * (nth + 1);
}

// --- New York time ------------------------------------------------------------------------------------------------

/** Daylight saving time of a year in UTC milliseconds: starts and ends at 2:00 local time. */
function summerTime(year: number): readonly [number, number] {
  let start: Day;
  if (year >= 2007) start = nthWeekday(year, 3, 0, 2);
  else if (year >= 1987) start = nthWeekday(year, 4, 0, 1);
  else if (year === 1974) start = dayOf(1974, 1, 6);
  else if (year === 1975) start = dayOf(1975, 2, 23);
  else start = nthWeekday(year, 4, 0, -1);
  const end = year >= 2007 ? nthWeekday(year, 11, 0, 1) : nthWeekday(year, 10, 0, -1);
  return [start * DAY_MS + 7 * HOUR_MS, end * DAY_MS + 6 * HOUR_MS];
}

/** A function with a memory for the last year it was asked about: calls come in runs of neighbouring times. */
function offsetFinder(): (ms: number) => number {
  let from = 0;
  let to = 0;
  let offset = 0;
  return (ms) => {
    if (ms >= from && ms < to) return offset;
    const year = new Date(ms).getUTCFullYear();
    const [start, end] = summerTime(year);
    if (ms < start) [from, to, offset] = [Date.UTC(year, 0, 1), start, -5 * HOUR_MS];
    else if (ms < end) [from, to, offset] = [start, end, -4 * HOUR_MS];
    else [from, to, offset] = [end, Date.UTC(year + 1, 0, 1), -5 * HOUR_MS];
    return offset;
  };
}

/** New York's offset from UTC in milliseconds (-4 or -5 hours). A pure function; the memory inside only saves time. */
export const newYorkOffset: (ms: number) => number = offsetFinder();

export const newYorkDay = (ms: number): Day => Math.floor((ms + newYorkOffset(ms)) / DAY_MS);

/** UTC milliseconds of a New York wall time, given in minutes after midnight. */
export function newYorkTime(day: Day, minutes: number): number {
  const local = day * DAY_MS + minutes * MINUTE_MS;
  const guess = local + 5 * HOUR_MS;
  const ms = local - newYorkOffset(guess);
  return local - newYorkOffset(ms);
}

/** `2026-11-23T09:30:00-05:00`; `fraction` goes between the seconds and the offset, with its dot. */
export function newYorkText(ms: number, fraction = ''): string {
  const offset = newYorkOffset(ms);
  return `${new Date(ms + offset).toISOString().slice(0, 19)}${fraction}-0${-offset / HOUR_MS}:00`;
}

// --- trading days -------------------------------------------------------------------------------------------------

/** Closings outside the rules: funerals, storms, the blackout of 1977, September 2001. */
const SPECIAL_CLOSINGS: ReadonlySet<Day> = new Set(
  [
    [1972, 12, 28],
    [1973, 1, 25],
    [1977, 7, 14],
    [1985, 9, 27],
    [1994, 4, 27],
    [2001, 9, 11],
    [2001, 9, 12],
    [2001, 9, 13],
    [2001, 9, 14],
    [2004, 6, 11],
    [2007, 1, 2],
    [2012, 10, 29],
    [2012, 10, 30],
    [2018, 12, 5],
    [2025, 1, 9],
  ].map(([year = 0, month = 0, date = 0]) => dayOf(year, month, date)),
);

/** A Saturday's holiday is kept on Friday, a Sunday's on Monday. */
function observed(day: Day): Day {
  if (weekday(day) === 6) return day - 1;
  return weekday(day) === 0 ? day + 1 : day;
}

/** Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher). */
function easter(year: number): Day {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30;
  const e = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - d - (c % 4)) % 7;
  const f = d + e - 7 * Math.floor((a + 11 * d + 22 * e) / 451) + 114;
  return dayOf(year, Math.floor(f / 31), (f % 31) + 1);
}

function holidays(year: number): readonly Day[] {
  const newYear = dayOf(year, 1, 1);
  const list = [
    weekday(newYear) === 0 ? newYear + 1 : newYear, // never kept on the Friday before: that is the year's last day
    year >= 1971 ? nthWeekday(year, 2, 1, 3) : observed(dayOf(year, 2, 22)),
    easter(year) - 2,
    observed(dayOf(year, 7, 4)),
    nthWeekday(year, 9, 1, 1),
    nthWeekday(year, 11, 4, 4),
    observed(dayOf(year, 12, 25)),
  ];
  if (year >= 1971) list.push(nthWeekday(year, 5, 1, -1));
  if (year >= 1998) list.push(nthWeekday(year, 1, 1, 3));
  if (year >= 2022) list.push(observed(dayOf(year, 6, 19)));
  if (year % 4 === 0 && year <= 1980) list.push(nthWeekday(year, 11, 1, 1) + 1); // election day
  return list;
}

function halfDays(year: number): readonly Day[] {
  if (year < 1993) return [];
  const list = [nthWeekday(year, 11, 4, 4) + 1];
  const christmasEve = dayOf(year, 12, 24);
  if (weekday(christmasEve) >= 1 && weekday(christmasEve) <= 4) list.push(christmasEve);
  const july3 = dayOf(year, 7, 3);
  const early = weekday(july3) === 3 ? year >= 2013 : weekday(july3) >= 1 && weekday(july3) <= 4;
  if (year >= 1995 && early) list.push(july3);
  if (year >= 1995 && year < 2013 && weekday(july3 + 2) === 5) list.push(july3 + 2);
  if (year === 1999) list.push(dayOf(1999, 12, 31));
  if (year === 1997 || year === 2003) list.push(dayOf(year, 12, 26));
  return list;
}

interface Year {
  readonly closed: ReadonlySet<Day>;
  readonly half: ReadonlySet<Day>;
}

const YEARS: ReadonlyMap<number, Year> = new Map(
  Array.from({ length: yearOf(LAST_DAY) - 1969 }, (_, i) => 1970 + i).map((year) => [
    year,
    { closed: new Set(holidays(year)), half: new Set(halfDays(year)) },
  ]),
);

/** The hours of a trading day; null on weekends, holidays and days outside the calendar. */
export function hoursOf(day: Day): Hours | null {
  const name = weekday(day);
  if (name === 0 || name === 6 || day < FIRST_DAY || day > LAST_DAY) return null;
  const rules = YEARS.get(yearOf(day));
  if (!rules || rules.closed.has(day) || SPECIAL_CLOSINGS.has(day)) return null;
  return rules.half.has(day) ? HALF : FULL;
}

/** The first trading day after `day`. Beyond the calendar's end: the next weekday. */
export function nextTradingDay(day: Day): Day {
  let next = day + 1;
  while (next <= LAST_DAY && hoursOf(next) === null) next++;
  return next;
}

/** The last trading day before `day`. */
export function previousTradingDay(day: Day): Day {
  let previous = day - 1;
  while (previous >= FIRST_DAY && hoursOf(previous) === null) previous--;
  return previous;
}

/** Banks rest on two days on which the exchanges trade; nothing settles then. */
function settles(day: Day): boolean {
  if (hoursOf(day) === null) return false;
  const year = yearOf(day);
  return day !== nthWeekday(year, 10, 1, 2) && day !== observed(dayOf(year, 11, 11));
}

/** When a stock trade of `day` settles: one business day later since 2024-05-28, two since 2017-09-05, three before. */
export function settlementDay(day: Day): Day {
  let left = 3;
  if (day >= dayOf(2024, 5, 28)) left = 1;
  else if (day >= dayOf(2017, 9, 5)) left = 2;
  let settled = day;
  while (left > 0 && settled <= LAST_DAY + 7) {
    settled = nextTradingDay(settled);
    if (settles(settled) || settled > LAST_DAY) left--;
  }
  return settled;
}

// --- sessions -----------------------------------------------------------------------------------------------------

/** The session at a time, and when it ends. */
export function phaseAt(ms: number): { readonly phase: Phase; readonly until: number } {
  const day = newYorkDay(ms);
  const hours = hoursOf(day);
  const at = (minutes: number): number => newYorkTime(day, minutes);
  if (hours) {
    if (ms < at(hours.sessionOpen)) return { phase: 'overnight', until: at(hours.sessionOpen) };
    if (ms < at(hours.open)) return { phase: 'pre', until: at(hours.open) };
    if (ms < at(hours.close)) return { phase: 'core', until: at(hours.close) };
    if (ms < at(hours.sessionClose)) return { phase: 'post', until: at(hours.sessionClose) };
  }
  const evening = at(FULL.sessionClose);
  const nextHours = hoursOf(day + 1);
  if (nextHours && ms >= evening) return { phase: 'overnight', until: newYorkTime(day + 1, nextHours.sessionOpen) };
  if (nextHours) return { phase: 'closed', until: evening };
  return { phase: 'closed', until: newYorkTime(nextTradingDay(day + 1) - 1, FULL.sessionClose) };
}

/** The next opening of the core session after `ms`. */
export function nextOpen(ms: number): number {
  const day = newYorkDay(ms);
  const hours = hoursOf(day);
  if (hours && ms < newYorkTime(day, hours.open)) return newYorkTime(day, hours.open);
  return newYorkTime(nextTradingDay(day), FULL.open);
}

/** The next close of a core session after `ms`. */
export function nextClose(ms: number): number {
  let day = newYorkDay(ms);
  let hours = hoursOf(day);
  if (!hours || ms >= newYorkTime(day, hours.close)) {
    day = nextTradingDay(day);
    hours = hoursOf(day);
  }
  return newYorkTime(day, (hours ?? FULL).close);
}
