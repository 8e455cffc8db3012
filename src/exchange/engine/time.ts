/**
 * Instants as text, and back: RFC 3339 in UTC with up to nanoseconds, as Alpaca writes them.
 * Must never read a clock.
 */
import type { Instant } from './types.ts';

export const SECOND: Instant = 1_000_000_000n;
export const MINUTE: Instant = 60n * SECOND;
export const HOUR: Instant = 60n * MINUTE;
export const DAY: Instant = 24n * HOUR;

const TWO = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0'));
/** Texts of the days seen lately. Keeping them changes no answer. */
const dayTexts = new Map<number, string>();

function dayText(day: number): string {
  let known = dayTexts.get(day);
  if (known === undefined) {
    known = new Date(day * 86_400_000).toISOString().slice(0, 10);
    if (dayTexts.size >= 1000) dayTexts.clear();
    dayTexts.set(day, known);
  }
  return known;
}

/** `2026-02-13T14:30:25.789012Z`: trailing zeros of the fraction are left out. */
export function iso(at: Instant): string {
  const whole = at / SECOND;
  const second = Number(whole);
  const day = Math.floor(second / 86_400);
  const rest = second - day * 86_400;
  const clock = `${TWO[Math.floor(rest / 3600)]}:${TWO[Math.floor(rest / 60) % 60]}:${TWO[rest % 60]}`;
  const nanos = Number(at - whole * SECOND);
  if (nanos === 0) return `${dayText(day)}T${clock}Z`;
  const digits = String(nanos).padStart(9, '0');
  let end = 9;
  while (digits.charCodeAt(end - 1) === 48) end--;
  return `${dayText(day)}T${clock}.${digits.slice(0, end)}Z`;
}

/** `20260213143025789`: the beginning of an activity id. */
export const compact = (at: Instant): string => {
  const second = at / SECOND;
  const ms = Number((at - second * SECOND) / 1_000_000n);
  return `${iso(second * SECOND)
    .slice(0, 19)
    .replace(/[-:T]/g, '')}${String(ms).padStart(3, '0')}`;
};

/** `2026-02-13`, the UTC date. */
export const isoDate = (at: Instant): string => dayText(Math.floor(Number(at / SECOND) / 86_400));

const RFC3339 = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?)?$/i;

/** RFC 3339 text, or a bare date, → instant; undefined when it is neither. A missing zone means UTC. */
export function parseInstant(source: string): Instant | undefined {
  // A plus sign that came through a URL undecoded has become a blank.
  const found = RFC3339.exec(source.trim().replace(/ (\d{2}:?\d{2})$/, '+$1'));
  if (!found) return undefined;
  const [, date = '', clock = '00:00:00', fractional = '', zone = 'Z'] = found;
  const zoneText = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const ms = Date.parse(`${date}T${clock.length === 5 ? `${clock}:00` : clock}${zoneText}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fractional.slice(1).padEnd(9, '0') || '0');
}
