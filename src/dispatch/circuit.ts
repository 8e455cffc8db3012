/**
 * Whether a host can be reached at all. After a few failures in a row nothing is sent to it but a probe from time to time,
 * so that what waits keeps its time and its place instead of spending both on a dead line. A cancel need not wait for that
 * probe: it is one. Pure but for the jitter. Must never stay open once the host has answered anything.
 */
import { fraction, type Random } from '../lib/random.ts';

/** So many failures in a row open it: one or two are an accident. */
const OPENS_AFTER = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
/** Between two requests while it is open, when the next is a cancel: minutes of these leave most of the budget for later. */
const CANCEL_PAUSE_MS = 1_000;

/** What is wrong with a host, in facts for an answer. */
export interface Trouble {
  /** Monotonic milliseconds: the first of the failures in a row. */
  readonly sinceMs: number;
  /** Requests that failed in a row. */
  readonly failures: number;
  readonly reason: string;
}

export class Circuit {
  readonly #random: Random;
  #trouble: Trouble | null = null;
  #probes = 0;
  /** No probe before this moment; null while it is closed. */
  #probeAt: number | null = null;
  /** Probes under way. */
  #probing = 0;
  /** When the last one went out. */
  #probedAt = Number.NEGATIVE_INFINITY;

  constructor(random: Random) {
    this.#random = random;
  }

  get isOpen(): boolean {
    return this.#probeAt !== null;
  }

  /** The failures since the last answer; null when there are none. */
  get trouble(): Trouble | null {
    return this.#trouble;
  }

  /**
   * Milliseconds until a request may be sent; Infinity while a probe is under way: its end is told. A cancel goes beside
   * one that hangs, and does not wait for long pauses.
   */
  waitMs(nowMs: number, isCancel = false): number {
    if (this.#probeAt === null) return 0;
    const wait = this.#probing > 0 ? Number.POSITIVE_INFINITY : Math.max(0, this.#probeAt - nowMs);
    return isCancel ? Math.min(wait, Math.max(0, this.#probedAt + CANCEL_PAUSE_MS - nowMs)) : wait;
  }

  /** A request goes out: while open, a probe. Returns whether it is that. */
  goes(nowMs: number): boolean {
    if (this.#probeAt === null) return false;
    this.#probing++;
    this.#probedAt = nowMs;
    return true;
  }

  /** The host has answered, whatever it said. */
  answered(): void {
    this.#trouble = null;
    this.#probeAt = null;
    this.#probes = 0;
    this.#probing = 0;
  }

  failed(reason: string, isProbe: boolean, nowMs: number): void {
    const { sinceMs, failures } = this.#trouble ?? { sinceMs: nowMs, failures: 0 };
    this.#trouble = { sinceMs, failures: failures + 1, reason };
    if (isProbe) this.unused();
    const opens = this.#probeAt === null && failures + 1 >= OPENS_AFTER;
    if (!opens && !isProbe) return;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#probes++);
    // Between half of it and all of it, so that many towers do not knock together.
    this.#probeAt = nowMs + pause * (0.5 + fraction(this.#random) / 2);
  }

  /** A probe has ended, or was not used: the next request may be one. */
  unused(): void {
    this.#probing = Math.max(0, this.#probing - 1);
  }
}
