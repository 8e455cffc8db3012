/**
 * When something was asked of the broker, in three measures: the wall for people, the monotonic clock for ages, and a
 * count of steps for what came before what. Must never tell the order of two steps by a clock: both may fall on one tick.
 */
import type { Clock, Micros } from '../lib/clock.ts';

/** The moment a request left: what its answer says is at least as new. */
export interface Moment {
  readonly at: Micros;
  /** Milliseconds of the monotonic clock. */
  readonly mono: number;
  readonly step: number;
}

/** What an answer must be, to be good enough: neither asked before `mono` nor before `step`. */
export interface Need {
  readonly mono: number;
  readonly step: number;
}

export const meets = (moment: Moment, need: Need): boolean => moment.mono >= need.mono && moment.step >= need.step;

/** The older one of two. */
export const olderOf = (a: Moment, b: Moment): Moment => (b.step < a.step ? b : a);

/** The newer one of two that may not be known. */
export const newerOf = (a: Moment | null, b: Moment | null): Moment | null =>
  a === null || (b !== null && b.step > a.step) ? b : a;

/** Hands out moments; each is a step later than the one before. */
export class Steps {
  readonly #clock: Clock;
  #step = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): Moment {
    return { at: this.#clock.now(), mono: this.#clock.monotonic(), step: ++this.#step };
  }

  /** Milliseconds since. */
  age(moment: Moment): number {
    return this.#clock.monotonic() - moment.mono;
  }
}
