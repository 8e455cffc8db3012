/** Dates and times as text: what is a real moment and what only looks like one. Never uses `Date.parse`, which turns Feb 30 into Mar 2. */
import type { Brand } from '../lib/brand.ts';
import { type Micros, micros } from '../lib/clock.ts';

/** Microseconds of a UTC moment whose every part is real, or null (month 13, Feb 30, hour 24, second 60, a year before 1970). */
function moment(parts: readonly string[], microsecond: number): Micros | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour > 23 || minute > 59 || second > 59) return null;
  return micros(Date.UTC(year, month - 1, day, hour, minute, second) * 1000 + microsecond);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

const COMPACT = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{6})$/;

/** The moment of 20 digits `YYYYMMDDHHMMSSffffff`, UTC, or null. */
export function fromCompact(text: string): Micros | null {
  const parts = COMPACT.exec(text);
  return parts === null ? null : moment(parts.slice(1, 7), Number(parts[7]));
}

/** Whether eight digits `YYYYMMDD` are a real day. */
export const isDay = (text: string): boolean => /^\d{8}$/.test(text) && fromCompact(`${text}000000000000`) !== null;

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/** The moment of an RFC 3339 text with zone, digits below a microsecond cut off, or null. */
export function fromRfc3339(text: string): Micros | null {
  const parts = RFC3339.exec(text);
  if (parts === null) return null;
  const [, , , , , , , fraction = '', sign, zoneHour = '0', zoneMinute = '0'] = parts;
  if (Number(zoneHour) > 23 || Number(zoneMinute) > 59) return null;
  const local = moment(parts.slice(1, 7), Number(fraction.padEnd(6, '0').slice(0, 6)));
  if (local === null) return null;
  const offset = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000_000;
  return micros(sign === '-' ? local + offset : local - offset);
}

/** A moment to the nanosecond, comparable as text: the nanoseconds since 1970 in 19 digits. */
export type Instant = Brand<string, 'Instant'>;

/** The instant of an RFC 3339 text with zone, with all its nine decimals; null when it is none. */
export function instant(text: string): Instant | null {
  const at = fromRfc3339(text);
  if (at === null) return null;
  const below = (/\.\d{6}(\d{1,3})/.exec(text)?.[1] ?? '').padEnd(3, '0');
  return `${String(at).padStart(16, '0')}${below}` as Instant;
}
