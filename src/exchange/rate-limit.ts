/**
 * The request budget of an account: a fixed window of one minute whose end is told in the headers (Alpaca docs: usage
 * limits; staff on the forum). Trading and market data have budgets of their own. Counts in real time, whatever the
 * exchange's clock shows, because clients wait in real time.
 */
import type { Clock } from '../lib/clock.ts';

export interface RateLimitOptions {
  readonly perMinute: number;
  /** False: the headers count down, and nothing is refused. */
  readonly enforce: boolean;
}

export interface Budget {
  /** False: this request is one too many. */
  readonly granted: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

const WINDOW_SECONDS = 60;

export class RateLimit {
  readonly #clock: Clock;
  readonly #options: RateLimitOptions;
  readonly #windows = new Map<string, { endsAt: number; used: number }>();

  constructor(clock: Clock, options: RateLimitOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Counts one request of `who`. A refused request does not count. */
  take(who: string): Budget {
    const now = this.#clock.now() / 1e6;
    let window = this.#windows.get(who);
    if (window === undefined || now >= window.endsAt) {
      window = { endsAt: Math.ceil(now + WINDOW_SECONDS), used: 0 };
      this.#windows.set(who, window);
    }
    const { perMinute, enforce } = this.#options;
    const granted = !enforce || window.used < perMinute;
    if (granted) window.used += 1;
    return { granted, headers: this.#headers(Math.max(0, perMinute - window.used), window.endsAt) };
  }

  /** The headers of a budget that is used up, for a refusal on request. */
  spent(): Readonly<Record<string, string>> {
    return this.#headers(0, Math.ceil(this.#clock.now() / 1e6) + 1);
  }

  #headers(remaining: number, endsAt: number): Readonly<Record<string, string>> {
    return {
      'X-Ratelimit-Limit': String(this.#options.perMinute),
      'X-Ratelimit-Remaining': String(remaining),
      'X-Ratelimit-Reset': String(endsAt),
    };
  }
}
