/**
 * Instants as text, and back: RFC 3339 in UTC with up to nanoseconds, as Alpaca writes them.
 * Must never read a clock.
 */
import type { Instant } from './types.ts';

export const SECOND: Instant = 1_000_000_000n;
export const MINUTE: Instant = 60n * SECOND;
export const HOUR: Instant = 60n * MINUTE;
export const DAY: Instant = 24n * HOUR;

let lastSecond = -1n;
let lastText = '';

/** `2026-02-13T14:30:25.789012Z`: trailing zeros of the fraction are left out. */
export function iso(at: Instant): string {
  const second = at / SECOND;
  if (second !== lastSecond) {
    // The text of the current second is by far the commonest one; keeping it changes no answer.
    lastText = new Date(Number(second) * 1000).toISOString().slice(0, 19);
    lastSecond = second;
  }
  const nanos = Number(at - second * SECOND);
  if (nanos === 0) return `${lastText}Z`;
  const digits = String(nanos).padStart(9, '0');
  let end = 9;
  while (digits.charCodeAt(end - 1) === 48) end--;
  return `${lastText}.${digits.slice(0, end)}Z`;
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
export const isoDate = (at: Instant): string => iso(at).slice(0, 10);

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
