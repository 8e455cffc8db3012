/**
 * The exchange's time: real by default; sped up, stopped, set or stepped on request. Built on the lib's Clock, so the
 * whole exchange also runs on a virtual clock. Must never go back: what it stamps is journaled in order.
 */
import type { Clock } from '../lib/clock.ts';

/** Nanoseconds since 1970-01-01T00:00:00Z. */
export type Nanos = bigint;

export const NANOS_PER_MS = 1_000_000n;

export class ExchangeClock {
  /** Real (or simulated) time that drives this clock; budgets and the ledger are measured with it. */
  readonly base: Clock;
  #anchor: { readonly exchange: Nanos; readonly monotonicMs: number } | null = null;
  #speed = 1;
  #stamped: Nanos = 0n;

  /** `startAt` sets the first moment (absent: the base clock's wall time); `speed` is exchange seconds per second, 0 stops it. */
  constructor(base: Clock, options: { readonly startAt?: Nanos; readonly speed?: number } = {}) {
    this.base = base;
    if (options.startAt !== undefined) this.#setAnchor(options.startAt);
    if (options.speed !== undefined && options.speed !== 1) this.setSpeed(options.speed);
  }

  /** Exchange time now. */
  nanos(): Nanos {
    const now =
      this.#anchor === null
        ? BigInt(this.base.now()) * 1000n
        : this.#anchor.exchange +
          BigInt(Math.round((this.base.monotonic() - this.#anchor.monotonicMs) * this.#speed * 1e6));
    return now > this.#stamped ? now : this.#stamped;
  }

  /** A moment later than every moment stamped before: two requests never share one. */
  stamp(): Nanos {
    const now = this.nanos();
    this.#stamped = now > this.#stamped ? now : this.#stamped + 1n;
    return this.#stamped;
  }

  get speed(): number {
    return this.#speed;
  }

  /** Exchange seconds per second from now on; 0 stops the clock. Throws RangeError on a negative or infinite speed. */
  setSpeed(speed: number): void {
    if (!Number.isFinite(speed) || speed < 0)
      throw new RangeError(`speed must be a number of at least 0, not ${speed}`);
    this.#setAnchor(this.nanos());
    this.#speed = speed;
  }

  /** Jumps forward to `at`. A moment in the past is ignored: the clock stays where it is. */
  forwardTo(at: Nanos): void {
    if (at <= this.nanos()) return;
    this.#setAnchor(at);
  }

  #setAnchor(exchange: Nanos): void {
    this.#anchor = { exchange, monotonicMs: this.base.monotonic() };
  }
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d{2}:\d{2})$/;

/** Nanoseconds of an RFC 3339 text or of a bare date (midnight UTC); null when it is neither. */
export function parseNanos(text: string): Nanos | null {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return parseNanos(`${text}T00:00:00Z`);
  const parts = RFC3339.exec(text);
  if (!parts) return null;
  const [, whole = '', fractionText = '', zone = 'Z'] = parts;
  const ms = Date.parse(`${whole.toUpperCase()}${zone.toUpperCase()}`);
  if (!Number.isFinite(ms)) return null;
  return BigInt(ms) * NANOS_PER_MS + BigInt(fractionText.padEnd(9, '0'));
}

/** `2026-02-13T14:30:25.789012345Z`; trailing zeros of the fraction are dropped, as Alpaca does. */
export function isoNanos(at: Nanos): string {
  const seconds = at / 1_000_000_000n;
  const rest = String(at - seconds * 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return rest === '' ? `${whole}Z` : `${whole}.${rest}Z`;
}

/** The moments of a trading day at which something changes. */
interface Boundaries {
  readonly preOpen: Nanos;
  readonly open: Nanos;
  readonly close: Nanos;
  readonly postClose: Nanos;
}

/** When time runs fast or jumps: the widest step between two looks at the market, and about the most looks per jump. */
const STEP: Nanos = 1_000n * NANOS_PER_MS;
const MOST_STEPS = 2_000n;

/**
 * The moments after `from` up to and with `to` at which to look at the market: no wider apart than a second (wider on
 * long jumps), and exactly on every session boundary that `day` (the first trading day not over at a moment) names.
 */
export function* stepsBetween(from: Nanos, to: Nanos, day: ((at: Nanos) => Boundaries) | null): Generator<Nanos> {
  const width = (to - from) / MOST_STEPS > STEP ? (to - from) / MOST_STEPS : STEP;
  let at = from;
  while (at < to) {
    let next = at + width < to ? at + width : to;
    if (day !== null) {
      const { preOpen, open, close, postClose } = day(at);
      for (const boundary of [preOpen, open, close, postClose]) if (boundary > at && boundary < next) next = boundary;
    }
    yield next;
    at = next;
  }
}
