/**
 * Whether a host can be reached at all. After a few failures in a row nothing is sent to it but a probe from time to time,
 * so that what waits keeps its time and its place instead of spending both on a dead line. Pure but for the jitter. Must
 * never stay open once the host has answered anything.
 */
import { fraction, type Random } from '../lib/random.ts';

/** So many failures in a row open it: one or two are an accident. */
const OPENS_AFTER = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

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
  #isProbing = false;

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

  /** Milliseconds until a request may be sent; Infinity while a probe is under way: its end is told. */
  waitMs(nowMs: number): number {
    if (this.#probeAt === null) return 0;
    return this.#isProbing ? Number.POSITIVE_INFINITY : Math.max(0, this.#probeAt - nowMs);
  }

  /** A request goes out: while open, the one probe. Returns whether it is that. */
  goes(): boolean {
    if (this.#probeAt === null) return false;
    this.#isProbing = true;
    return true;
  }

  /** The host has answered, whatever it said. */
  answered(): void {
    this.#trouble = null;
    this.#probeAt = null;
    this.#probes = 0;
    this.#isProbing = false;
  }

  failed(reason: string, isProbe: boolean, nowMs: number): void {
    const { sinceMs, failures } = this.#trouble ?? { sinceMs: nowMs, failures: 0 };
    this.#trouble = { sinceMs, failures: failures + 1, reason };
    const opens = this.#probeAt === null && failures + 1 >= OPENS_AFTER;
    if (!opens && !isProbe) return;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#probes++);
    // Between half of it and all of it, so that many towers do not knock together.
    this.#probeAt = nowMs + pause * (0.5 + fraction(this.#random) / 2);
    this.#isProbing = false;
  }

  /** The probe was not used: the next request may be one. */
  unused(): void {
    this.#isProbing = false;
  }
}
