/**
 * Time as a seam: every decision and every timer of the tower goes through a Clock, so that the whole of it runs on
 * virtual time in a simulation. Nothing outside this file may call Date.now, performance.now or setTimeout.
 */
import { uptime } from 'node:os';
import type { Brand } from './brand.ts';

/** Microseconds since 1970-01-01T00:00:00Z, a whole number. For people and for the broker's dates. */
export type Micros = Brand<number, 'Micros'>;

export interface Clock {
  /** Wall time. May jump; never used to measure a duration. */
  now(): Micros;
  /** Milliseconds from an arbitrary start, never going back. For every duration, deadline and window inside one run. */
  monotonic(): number;
  /** Runs `run` once, `ms` milliseconds from now (0: after the current work). Returns a function that calls it off. */
  after(ms: number, run: () => void): () => void;
}

export const micros = (value: number): Micros => Math.trunc(value) as Micros;

/** `2026-02-13T14:30:25.789012Z` */
export function isoMicros(at: Micros): string {
  const ms = Math.floor(at / 1000);
  const rest = String(at - ms * 1000).padStart(3, '0');
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`;
}

/** `20260213`, the UTC day. */
export const dayOf = (at: Micros): string => isoMicros(at).slice(0, 10).replaceAll('-', '');

/** How often the time that the machine was suspended is looked up, at most. */
const SUSPEND_CHECK_MS = 50;
/** The uptime is coarse: only what is clearly more than its steps counts as a suspension. */
const SUSPEND_MS = 1000;

/**
 * Milliseconds that also pass while the machine is suspended: performance.now stands still then, the uptime does not, and
 * a deadline must not outlive the night. Never goes down.
 */
function monotonicWithSuspensions(): () => number {
  const startedBehind = uptime() * 1000 - performance.now();
  let suspendedMs = 0;
  let checkedAt = performance.now();
  return () => {
    const now = performance.now();
    if (now - checkedAt >= SUSPEND_CHECK_MS) {
      checkedAt = now;
      const behind = uptime() * 1000 - now - startedBehind;
      if (behind > suspendedMs + SUSPEND_MS) suspendedMs = behind;
    }
    return now + suspendedMs;
  };
}

/** Where the wall is set back by less, it is waited for; else it has jumped. */
const SET_BACK_US = 10_000;

/** What a wall clock of microseconds is made of. */
export interface WallSources {
  /** Whole milliseconds since 1970, as Date.now. */
  readonly wallMs: () => number;
  /** Milliseconds with their fraction, never going back, as performance.now. */
  readonly steadyMs: () => number;
  /** What the wall showed when `steadyMs` was 0, in milliseconds with their fraction, as performance.timeOrigin. */
  readonly originMs: number;
}

/**
 * The wall in microseconds: the steady clock, corrected wherever it leaves the millisecond that the wall shows. So it is
 * never off by a millisecond, follows every jump, and goes back only when the wall does.
 */
export function wallClock({ wallMs, steadyMs, originMs }: WallSources): () => Micros {
  let offset = originMs * 1000;
  let last = 0;
  return () => {
    const from = wallMs() * 1000;
    const steady = steadyMs() * 1000;
    let now = Math.trunc(steady + offset);
    // The two were read one after the other: between them the wall may have come to its next millisecond, and hardly more.
    if (now < from || now >= from + 1000) {
      const isNext = now >= from && now < wallMs() * 1000 + 1000;
      if (!isNext) {
        now = now < from ? from : from + 999;
        offset = now - steady;
      }
    }
    if (now < last && last - now < SET_BACK_US) now = last;
    last = now;
    return micros(now);
  };
}

export const systemClock: Clock = {
  now: wallClock({
    wallMs: () => Date.now(),
    steadyMs: () => performance.now(),
    originMs: performance.timeOrigin,
  }),
  monotonic: monotonicWithSuspensions(),
  after(ms, run) {
    if (ms <= 0) {
      const handle = setImmediate(run);
      return () => clearImmediate(handle);
    }
    const handle = setTimeout(run, ms);
    return () => clearTimeout(handle);
  },
};

/** A promise for `ms` milliseconds from now. */
export const sleep = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve);
  });
