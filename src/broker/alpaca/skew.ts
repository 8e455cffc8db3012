/**
 * How far this machine's clock is off the broker's, by the `Date` header of its answers (RFC 9110). A person is told; days and
 * hours of the market are counted by the broker's clock when ours is far off. Must never rest on a single answer, and never
 * take the time that an answer took for a difference.
 */
import { type Clock, micros } from '../../lib/clock.ts';

type Notice = (level: 'info' | 'warn' | 'error', text: string, remedy: string) => void;

/** Milliseconds by which the clocks must differ for certain before anybody is told: dates have whole seconds. */
const WARNING_MS = 2_000;
/** From here on the broker's clock says what day it is. */
const FAR_MS = 30_000;
/** So many answers in a row must say the same. */
const ANSWERS = 3;

const REMEDY =
  'let the system keep the time: timedatectl set-ntp true. Deadlines (send_by) and the names of files depend on it';

export class Skew {
  readonly #clock: Clock;
  readonly #notice: Notice;
  /** Milliseconds by which this machine is ahead of the broker; 0 while they agree. */
  #aheadMs = 0;
  #isTold = false;
  /** What the last answers say, and how many of them. */
  #said: { readonly isOff: boolean; readonly aheadMs: number; readonly times: number } | null = null;

  constructor(clock: Clock, notice: Notice) {
    this.#clock = clock;
    this.#notice = notice;
  }

  /** An answer had this `Date` header; its request had left at that moment of the monotonic clock. */
  heard(date: string | null, leftAt: number): void {
    const there = Date.parse(date ?? '');
    if (Number.isNaN(there)) return;
    const here = this.#clock.now() / 1000;
    const took = Math.max(0, this.#clock.monotonic() - leftAt);
    // The date was written while the answer was on its way, and cut to the second: it is off by more only if all of that is.
    const [least, most] = [here - took - (there + 1000), here - there];
    const isOff = least > WARNING_MS || most < -WARNING_MS;
    const aheadMs = isOff ? (least + most) / 2 : 0;
    const before = this.#said;
    const isSame =
      before !== null && before.isOff === isOff && Math.abs(before.aheadMs - aheadMs) <= WARNING_MS + took / 2;
    this.#said = { isOff, aheadMs, times: isSame ? before.times + 1 : 1 };
    if (this.#said.times >= ANSWERS) this.#believe(aheadMs);
  }

  #believe(aheadMs: number): void {
    const differs = Math.abs(aheadMs - this.#aheadMs) > WARNING_MS;
    this.#aheadMs = aheadMs;
    if (aheadMs === 0 && this.#isTold) {
      this.#isTold = false;
      this.#notice('info', "this machine's clock agrees with Alpaca's again", '');
    } else if (aheadMs !== 0 && (differs || !this.#isTold)) {
      this.#isTold = true;
      const seconds = (Math.abs(aheadMs) / 1000).toFixed();
      const text = `this machine's clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} Alpaca's`;
      if (!this.#isFar) this.#notice('warn', text, REMEDY);
      else this.#notice('error', `${text}; days and hours of the limits are counted by Alpaca's`, REMEDY);
    }
  }

  get #isFar(): boolean {
    return Math.abs(this.#aheadMs) > FAR_MS;
  }

  /** The clock of days and market hours: ours, or the broker's when ours is far off. */
  get marketClock(): Clock {
    const clock = this.#clock;
    return {
      now: () => (this.#isFar ? micros(clock.now() - this.#aheadMs * 1000) : clock.now()),
      monotonic: () => clock.monotonic(),
      after: (ms, run) => clock.after(ms, run),
    };
  }
}
