/**
 * Times of day in New York, and the days on which its exchanges are closed (NYSE: holidays and trading hours). Pure: the
 * moment is passed in. Must never depend on the machine's own zone.
 */
const NEW_YORK = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/New_York',
  weekday: 'short',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

const partsOf = (now: number): Readonly<Record<string, string>> =>
  Object.fromEntries(NEW_YORK.formatToParts(Math.floor(now / 1000)).map(({ type, value }) => [type, value]));

/** Whether `now` (microseconds) lies in `HH:MM-HH:MM` of a weekday; a span that ends before it begins goes over midnight. */
export function isOpenAt(span: string, now: number): boolean {
  const parts = partsOf(now);
  if (parts['weekday'] === 'Sat' || parts['weekday'] === 'Sun') return false;
  const time = `${parts['hour']}:${parts['minute']}`;
  const [from = '', to = ''] = span.split('-');
  return from <= to ? time >= from && time < to : time >= from || time < to;
}

const DAY_MS = 86_400_000;
const dateOf = (year: number, month: number, day: number): number => Date.UTC(year, month - 1, day) / DAY_MS;
/** 0 is Sunday. Days are counted from 1970-01-01, a Thursday. */
const weekdayOf = (day: number): number => (day + 4) % 7;

/** The `nth` of a weekday in a month; the last one when it is negative. */
function nthOf(year: number, month: number, weekday: number, nth: number): number {
  if (nth > 0) {
    const first = dateOf(year, month, 1);
    return first + ((weekday - weekdayOf(first) + 7) % 7) + 7 * (nth - 1);
  }
  const last = dateOf(year, month + 1, 0);
  return last - ((weekdayOf(last) - weekday + 7) % 7);
}

/** Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher). */
function easter(year: number): number {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30;
  const e = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - d - (c % 4)) % 7;
  const f = d + e - 7 * Math.floor((a + 11 * d + 22 * e) / 451) + 114;
  return dateOf(year, Math.floor(f / 31), (f % 31) + 1);
}

/** A Sunday's holiday is kept on Monday, a Saturday's on Friday, unless that is another year's. */
function isHoliday(year: number, day: number): boolean {
  const kept = (month: number, date: number): number => {
    const at = dateOf(year, month, date);
    const weekday = weekdayOf(at);
    return weekday === 0 ? at + 1 : weekday === 6 && month > 1 ? at - 1 : at;
  };
  return [
    kept(1, 1),
    nthOf(year, 1, 1, 3),
    nthOf(year, 2, 1, 3),
    easter(year) - 2,
    nthOf(year, 5, 1, -1),
    kept(6, 19),
    kept(7, 4),
    nthOf(year, 9, 1, 1),
    nthOf(year, 11, 4, 4),
    kept(12, 25),
  ].includes(day);
}

const OPENS_MIN = 9 * 60 + 30;
const CLOSES_MIN = 16 * 60;

/**
 * Hours until US stocks and options trade in the regular session; 0 when they do. Half days count as whole ones, and a day
 * on which the exchanges are closed out of turn is not known.
 */
export function hoursUntilOpen(now: number): number {
  const { year = '', month = '', day = '', hour = '', minute = '' } = partsOf(now);
  const today = dateOf(Number(year), Number(month), Number(day));
  const minutes = Number(hour) * 60 + Number(minute);
  for (let ahead = 0; ; ahead++) {
    const weekday = weekdayOf(today + ahead);
    const isTraded =
      weekday !== 0 && weekday !== 6 && !isHoliday(new Date((today + ahead) * DAY_MS).getUTCFullYear(), today + ahead);
    if (!isTraded || (ahead === 0 && minutes >= CLOSES_MIN)) continue;
    return Math.max(0, ahead * 24 + (OPENS_MIN - minutes) / 60);
  }
}

/** In which session an order can trade: the regular one, the long day around it, or always (null). */
export type Session = 'regular' | 'extended' | null;

/** Whether an order of that session would wait for two days or more. */
export const waitsForDays = (session: Session, now: number): boolean =>
  session !== null && !(session === 'extended' && isOpenAt('04:00-20:00', now)) && hoursUntilOpen(now) >= 48;
