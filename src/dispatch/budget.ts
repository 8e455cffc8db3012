/**
 * How many requests one host of the broker may be sent: never more than the account's limits in any window, urgent lanes
 * first. Pure: time comes in as milliseconds of one monotonic clock. Must never allow a request that would break the
 * limits, whatever was spent by a process before this one.
 *
 * A sliding log, not a bucket: a bucket allows up to twice its size in the worst minute. The log's windows are longer than
 * the broker's, because requests are counted when they leave and the broker counts when they arrive: what leaves
 * in 0.8 s more than a minute cannot arrive within a minute, unless one request takes 0.8 s longer than another.
 */
import type { Budget as BrokersWord } from '../broker/broker.ts';
import { assert } from '../lib/assert.ts';
import type { Lane } from './lanes.ts';
import { keptOf, Window, waitFor } from './window.ts';

const MINUTE_MS = 60_800;
const SECOND_MS = 1_300;
/**
 * So much younger than the journal dates it is a request of an earlier process taken to be: it was journaled before it
 * left, and the commit took its time.
 */
const LEFT_LATER_MS = 1_000;
/** The broker's reset moment is believed at most this far ahead, so that a wrong clock cannot stop the tower. */
const LONGEST_HOLD_MS = 61_000;
/** Below this many requests in a second nothing is kept back for a cancel. */
const SMALLEST_SPLIT = 5;

/** How far back requests of an earlier process can still count. */
export const SEED_MS = MINUTE_MS + LEFT_LATER_MS;

export interface Limits {
  /** Requests in any 60 s that the broker allows this account. */
  readonly perMinute: number;
  /** Requests in any 1 s. */
  readonly perSecond: number;
}

/** What the broker said is left. */
interface Left {
  /** Its last word less what was taken since. */
  count: number;
  /** The moment of the monotonic clock from which its word means nothing. */
  readonly until: number;
  readonly resetAt: number | null;
  /** Its first word about this window, how many entries there were then, and how many of them it may not have counted. */
  readonly first: number;
  readonly madeAtFirst: number;
  readonly underWay: number;
  /** The most it has said of late: as near as one gets to the broker's own limit. */
  readonly most: number;
}

/** A look at a budget. */
export interface Spending {
  /** Requests allowed in a minute, and how many of them are used now. */
  readonly limit: number;
  readonly spent: number;
  /** Places that are free and kept for lanes above orders at this moment. */
  readonly reserved: number;
  /** What the broker said is left of its own window; null when it has said nothing that still holds. */
  readonly brokerRemaining: number | null;
  /** Requests of other programs in the broker's present window or the one before, as far as its headers show. */
  readonly foreign: number;
  /** Milliseconds until a pause that the broker asked for ends; 0 for none. */
  readonly pausedMs: number;
}

export class Budget {
  readonly perMinute: number;
  readonly #windows: readonly [minute: Window, second: Window];
  /** Requests that have left since the start. */
  #made = 0;
  #now = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #isRefused = false;
  #left: Left | null = null;
  #foreign = 0;
  /** The same in the window before: as many are expected in this one. */
  #foreignBefore = 0;

  /** Throws a RangeError for limits that are no whole numbers from 1. */
  constructor({ perMinute, perSecond }: Limits) {
    for (const [name, value] of Object.entries({ perMinute, perSecond })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new RangeError(`budget ${name} is ${value}; give a whole number from 1`);
      }
    }
    this.perMinute = perMinute;
    const second = Math.min(perMinute, perSecond);
    // One place of the second for a cancel, so that it need not wait for a burst of orders to pass.
    const spare = second >= SMALLEST_SPLIT ? 1 : 0;
    this.#windows = [
      new Window(perMinute, MINUTE_MS, (lane) => keptOf(perMinute, lane)),
      new Window(second, SECOND_MS, (lane) => ({ base: lane === 'cancel' ? 0 : spare, overSpan: 0 })),
    ];
  }

  /** Takes a slot for one request, which counts from now until its window has passed after `leaves`; false when there is none. */
  tryTake(lane: Lane, nowMs: number): boolean {
    this.#advance(nowMs);
    if (!this.#free(lane)) return false;
    for (const window of this.#windows) window.hold();
    if (this.#left !== null) this.#left.count--;
    return true;
  }

  /**
   * The request of a taken slot leaves now. Its windows begin here and not when the slot was taken: between the two lies
   * a commit, and whatever else kept the process busy.
   */
  leaves(nowMs: number): void {
    this.#advance(nowMs);
    this.#enter(this.#now);
  }

  /** The request of a taken slot does not leave. */
  giveBack(): void {
    for (const window of this.#windows) window.giveBack();
    if (this.#left !== null) this.#left.count++;
  }

  /**
   * 0 when `tryTake` would give a slot now, else the milliseconds after which it is worth asking again: never later than
   * the moment a slot is free, and so always progress.
   */
  waitMs(lane: Lane, nowMs: number): number {
    this.#advance(nowMs);
    if (this.#free(lane)) return 0;
    const waits = this.#windows.map((window) => window.waitMs(lane, this.#now));
    return Math.max(this.#pausedUntil - this.#now, this.#brokersWaitMs(lane), ...waits);
  }

  /**
   * What an answer of the broker said. Lowers what may be spent until the broker's window starts anew; never raises it
   * above the limits. `underWay` requests have left and are not answered. Returns how many requests the broker has counted
   * in this window that were certainly not made here.
   */
  learn({ remaining, resetAt, limit }: BrokersWord, nowMs: number, wallMs: number, underWay = 0): number {
    this.#advance(nowMs);
    // An owner who sets more than the broker tells of knows of a larger allowance, until the broker refuses.
    if (!this.#isRefused && limit !== undefined && limit !== null && limit < this.perMinute) return 0;
    if (remaining === null || remaining < 0) return 0;
    const ahead = resetAt === null ? LONGEST_HOLD_MS : Math.min(LONGEST_HOLD_MS, resetAt * 1000 - wallMs);
    // A window that is over by our clock says nothing about the present one.
    if (ahead <= 0) return 0;
    const known = this.#left;
    if (known !== null && resetAt !== null && resetAt === known.resetAt) {
      // Answers may overtake each other: within one window the lowest word is the newest.
      known.count = Math.min(known.count, remaining);
      const ours = this.#made - known.madeAtFirst + known.underWay;
      this.#foreign = Math.max(this.#foreign, known.first - remaining - ours);
      return this.#foreign;
    }
    // A word about an older window came late.
    if (known !== null && resetAt !== null && known.resetAt !== null && resetAt < known.resetAt) return 0;
    this.#left = {
      count: remaining,
      until: this.#now + ahead,
      resetAt,
      first: remaining,
      madeAtFirst: this.#made,
      underWay,
      most: Math.max(known?.most ?? 0, remaining),
    };
    this.#foreignBefore = this.#foreign;
    this.#foreign = 0;
    return 0;
  }

  /**
   * The broker has refused a request as one too many: nothing may be sent before this moment of the monotonic clock. What
   * was spent stays counted. Never shortens a pause.
   */
  pause(untilMs: number): void {
    this.#isRefused = true;
    this.#pausedUntil = Math.max(this.#pausedUntil, untilMs);
  }

  /** Counts requests of an earlier process, given as milliseconds before `nowMs` (0 when unsure). Before any `tryTake`. */
  seed(ages: readonly number[], nowMs: number): void {
    assert(this.#made === 0, 'a budget is seeded before it is used');
    this.#now = Math.max(this.#now, nowMs);
    const oldestFirst = ages.map((age) => Math.max(0, age - LEFT_LATER_MS)).sort((a, b) => b - a);
    for (const window of this.#windows) {
      // The newest fill the log; older ones beyond its size cannot change a decision.
      for (const age of oldestFirst.slice(-window.limit)) {
        if (age >= window.spanMs) continue;
        window.hold();
        window.enter(this.#now - age);
      }
    }
  }

  report(nowMs: number): Spending {
    this.#advance(nowMs);
    const [minute] = this.#windows;
    return {
      limit: minute.limit,
      spent: minute.spent,
      reserved: minute.limit - minute.spent - minute.room('order', this.#now),
      brokerRemaining: this.#left?.count ?? null,
      foreign: Math.max(this.#foreign, this.#foreignBefore),
      pausedMs: Math.max(0, Math.ceil(this.#pausedUntil - this.#now)),
    };
  }

  #free(lane: Lane): boolean {
    return (
      this.#pausedUntil <= this.#now &&
      this.#windows.every((window) => window.room(lane, this.#now, 1) >= 1) &&
      this.#brokersWaitMs(lane) === 0
    );
  }

  /** Of the little that may be left at the broker, a lane leaves the others what they may need until its window ends. */
  #brokersWaitMs(lane: Lane): number {
    if (this.#left === null) return 0;
    const { count, until, most } = this.#left;
    const { base, overSpan } = keptOf(Math.min(this.perMinute, most), lane);
    // What others will have spent by then is gone for us; only a cancel takes its chance.
    const others = lane === 'cancel' ? 0 : this.#foreignBefore;
    return waitFor({ base, overSpan: overSpan + others }, count, until - this.#now, MINUTE_MS);
  }

  #enter(at: number): void {
    this.#made++;
    for (const window of this.#windows) window.enter(at);
  }

  /** Moves time on and drops what has left the windows. */
  #advance(nowMs: number): void {
    // A clock that went back must not free anything.
    this.#now = Math.max(this.#now, nowMs);
    for (const window of this.#windows) window.advance(this.#now);
    if (this.#left !== null && this.#left.until <= this.#now) this.#left = null;
  }
}
