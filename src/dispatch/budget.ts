/**
 * How many requests the broker may be sent: never more than the account's limits in any window, urgent lanes first.
 * Pure: time comes in as milliseconds of one monotonic clock. Must never allow a request that would break the limits,
 * whatever was spent by a process before this one.
 *
 * A sliding log, not a bucket: a bucket allows up to twice its size in the worst minute. The log's windows are a little
 * longer and its limits a little lower than the broker's, because requests are counted when they leave and the broker
 * counts when they arrive.
 */
import type { Budget as BrokersWord } from '../broker/broker.ts';
import { assert } from '../lib/assert.ts';
import { LANES, type Lane } from './lanes.ts';

const MINUTE_MS = 61_000;
const SECOND_MS = 1_100;
/** The broker's reset moment is believed at most this far ahead, so that a wrong clock cannot stop the tower. */
const LONGEST_HOLD_MS = 61_000;
/** Below this many requests in a second nothing is kept back for a lane. */
const SMALLEST_SPLIT = 5;
/** Shares of the minute that are kept for the two lanes that must never wait behind orders. */
const CANCEL_SHARE = 0.1;
const RESOLVE_SHARE = 0.075;

export interface Limits {
  /** Requests in any 60 s that the broker allows this account. */
  readonly perMinute: number;
  /** Requests in any 1 s. */
  readonly perSecond: number;
}

/** What is kept free for each lane until that lane has used it. */
type Reserve = Readonly<Record<Lane, number>>;

/** One of the two windows over the log: its newest entries, counted by lane, and what is about to become one. */
class Window {
  readonly lengthMs: number;
  readonly limit: number;
  readonly #reserve: Reserve;
  readonly #used: Record<Lane, number> = { cancel: 0, resolve: 0, reduce: 0, order: 0, query: 0 };
  #total = 0;
  /** Taken, and not left yet: may leave at any moment, so it is in every window to come. */
  #held = 0;

  constructor(lengthMs: number, limit: number, reserve: Partial<Reserve>) {
    this.lengthMs = lengthMs;
    this.limit = limit;
    this.#reserve = { cancel: 0, resolve: 0, reduce: 0, order: 0, query: 0, ...reserve };
  }

  get total(): number {
    return this.#total;
  }

  hold(lane: Lane): void {
    this.#held++;
    this.#used[lane]++;
  }

  /** What was held has left: an entry of the log stands for it from now on. */
  enter(): void {
    this.#held--;
    this.#total++;
  }

  drop(lane: Lane): void {
    this.#total--;
    this.#used[lane]--;
  }

  /** What the other lanes have kept back and not used. */
  keptFrom(lane: Lane): number {
    let kept = 0;
    for (const other of LANES) {
      if (other !== lane) kept += Math.max(0, this.#reserve[other] - this.#used[other]);
    }
    return kept;
  }

  hasRoom(lane: Lane): boolean {
    return this.#total + this.#held + this.keptFrom(lane) < this.limit;
  }
}

/** What the broker said is left. */
interface Left {
  /** Its last word less what was taken since. */
  count: number;
  /** The moment of the monotonic clock from which its word means nothing. */
  readonly until: number;
  readonly resetAt: number | null;
  /** Its first word about this window, and how many entries there were then. */
  readonly first: number;
  readonly madeAtFirst: number;
  /** The most it has said of late: as near as one gets to the broker's own limit. */
  readonly most: number;
}

export class Budget {
  readonly #perMinute: number;
  readonly #minute: Window;
  readonly #second: Window;
  /** Ring of the newest entries, as many as the minute allows. */
  readonly #at: Float64Array;
  readonly #lane: Lane[];
  /** Number of entries ever made; entry n lives at n modulo the ring's size. */
  #made = 0;
  #now = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #left: Left | null = null;

  /** Throws a RangeError for limits that are no whole numbers from 1. */
  constructor({ perMinute, perSecond }: Limits) {
    for (const [name, value] of Object.entries({ perMinute, perSecond })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new RangeError(`budget ${name} is ${value}; give a whole number from 1`);
      }
    }
    this.#perMinute = perMinute;
    const minute = Math.max(1, perMinute - Math.ceil(perMinute * 0.025));
    const second = Math.min(minute, Math.max(1, perSecond - Math.ceil(perSecond * 0.1)));
    this.#minute = new Window(MINUTE_MS, minute, {
      cancel: Math.floor(perMinute * CANCEL_SHARE),
      resolve: Math.floor(perMinute * RESOLVE_SHARE),
    });
    // One slot of the second for a cancel, so that it need not wait for a burst of orders to pass.
    this.#second = new Window(SECOND_MS, second, { cancel: second >= SMALLEST_SPLIT ? 1 : 0 });
    this.#at = new Float64Array(minute);
    this.#lane = new Array<Lane>(minute).fill('order');
  }

  /** Requests allowed in one minute window, the safety margin taken off. */
  get perMinute(): number {
    return this.#minute.limit;
  }

  /** Takes a slot for one request, which counts from now until its window has passed after `leaves`; false when there is none. */
  tryTake(lane: Lane, nowMs: number): boolean {
    this.#advance(nowMs);
    if (!this.#free(lane)) return false;
    this.#hold(lane);
    if (this.#left !== null) this.#left.count--;
    return true;
  }

  /**
   * The request of a taken slot leaves now. Its windows begin here and not when the slot was taken: between the two lies
   * a commit, and whatever else kept the process busy.
   */
  leaves(lane: Lane, nowMs: number): void {
    this.#advance(nowMs);
    this.#enter(this.#now, lane);
  }

  /**
   * 0 when `tryTake` would give a slot now, else the milliseconds after which it is worth asking again: never later than
   * the moment a slot is free, and so always progress.
   */
  waitMs(lane: Lane, nowMs: number): number {
    this.#advance(nowMs);
    if (this.#free(lane)) return 0;
    const moments: number[] = [];
    if (this.#pausedUntil > this.#now) moments.push(this.#pausedUntil);
    for (const window of [this.#minute, this.#second]) {
      if (!window.hasRoom(lane)) moments.push(this.#oldest(window) + window.lengthMs);
    }
    if (this.#left !== null && !this.#leftHasRoom(lane)) moments.push(this.#left.until);
    return Math.max(...moments) - this.#now;
  }

  /**
   * What an answer of the broker said. Lowers what may be spent until the broker's window starts anew; never raises it
   * above the limits. Returns how many requests the broker has counted in this window that were not made here (0 if none).
   * Requests under way when the window's first word came are among them; clearly more than can be under way at once mean
   * that another program uses the account.
   */
  learn({ remaining, resetAt, limit }: BrokersWord, nowMs: number, wallMs: number): number {
    this.#advance(nowMs);
    // An owner who sets more than the broker tells of knows of a larger allowance; a 429 would still be heeded.
    if (limit !== undefined && limit !== null && limit < this.#perMinute) return 0;
    if (remaining === null || remaining < 0) return 0;
    const ahead = resetAt === null ? LONGEST_HOLD_MS : Math.min(LONGEST_HOLD_MS, resetAt * 1000 - wallMs);
    // A window that is over by our clock says nothing about the present one.
    if (ahead <= 0) return 0;
    const known = this.#left;
    if (known !== null && resetAt !== null && resetAt === known.resetAt) {
      // Answers may overtake each other: within one window the lowest word is the newest.
      known.count = Math.min(known.count, remaining);
      return Math.max(0, known.first - remaining - (this.#made - known.madeAtFirst));
    }
    // A word about an older window came late.
    if (known !== null && resetAt !== null && known.resetAt !== null && resetAt < known.resetAt) return 0;
    this.#left = {
      count: remaining,
      until: this.#now + ahead,
      resetAt,
      first: remaining,
      madeAtFirst: this.#made,
      most: Math.max(known?.most ?? 0, remaining),
    };
    return 0;
  }

  /** Nothing may be sent before this moment of the monotonic clock; what was spent stays counted. Never shortens a pause. */
  pause(untilMs: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, untilMs);
  }

  /** Counts requests of an earlier process, given as milliseconds before `nowMs` (0 when unsure). Before any `tryTake`. */
  seed(ages: readonly number[], nowMs: number): void {
    assert(this.#made === 0, 'a budget is seeded before it is used');
    this.#now = Math.max(this.#now, nowMs);
    const oldestFirst = ages.map((age) => Math.max(0, age)).sort((a, b) => b - a);
    // The newest fill the log; older ones beyond its size cannot change a decision.
    for (const age of oldestFirst.slice(-this.#at.length)) {
      if (age >= MINUTE_MS) continue;
      this.#hold('order');
      this.#enter(this.#now - age, 'order');
    }
    this.#advance(nowMs);
  }

  #free(lane: Lane): boolean {
    return (
      this.#pausedUntil <= this.#now &&
      this.#minute.hasRoom(lane) &&
      this.#second.hasRoom(lane) &&
      this.#leftHasRoom(lane)
    );
  }

  /** Of the little that may be left, orders and queries leave the urgent lanes' share, measured by the broker's own limit. */
  #leftHasRoom(lane: Lane): boolean {
    if (this.#left === null) return true;
    const urgent = lane === 'cancel' || lane === 'resolve';
    const share = Math.floor(this.#left.most * (CANCEL_SHARE + RESOLVE_SHARE));
    return this.#left.count > (urgent ? 0 : Math.min(share, this.#minute.keptFrom(lane)));
  }

  #hold(lane: Lane): void {
    this.#minute.hold(lane);
    this.#second.hold(lane);
  }

  #enter(at: number, lane: Lane): void {
    const slot = this.#made % this.#at.length;
    this.#at[slot] = at;
    this.#lane[slot] = lane;
    this.#made++;
    this.#minute.enter();
    this.#second.enter();
  }

  /** Moves time on and drops what has left the windows: each entry once per window. */
  #advance(nowMs: number): void {
    // A clock that went back must not free anything.
    this.#now = Math.max(this.#now, nowMs);
    for (const window of [this.#minute, this.#second]) {
      while (window.total > 0 && this.#oldest(window) <= this.#now - window.lengthMs) {
        window.drop(this.#lane[(this.#made - window.total) % this.#at.length] ?? 'order');
      }
    }
    if (this.#left !== null && this.#left.until <= this.#now) this.#left = null;
  }

  /** The moment of its oldest entry; now when there is none, because what is held cannot have left before. */
  #oldest(window: Window): number {
    if (window.total === 0) return this.#now;
    return this.#at[(this.#made - window.total) % this.#at.length] ?? Number.NEGATIVE_INFINITY;
  }
}
