/**
 * The requests of one span of time, and what is kept of its limit for the urgent lanes. Pure: time comes in as milliseconds
 * of one monotonic clock. Must never count a request for less than the whole span after it left.
 *
 * What is kept is no fixed share: such a share lies idle whenever nothing is urgent. A lane may go on as long as, at every
 * moment to come, the places that are free by then would still do for the lanes above it: a few at once, and a steady rate
 * after that. After a burst much is kept, because nothing comes free for long; where requests are spread evenly hardly
 * anything is, because a place comes free all the time and the most urgent who waits takes it.
 */
import { LANES, type Lane } from './lanes.ts';

/** What a lane leaves to those above it, in requests: so many at once, and so many more over a whole span. */
export interface Kept {
  readonly base: number;
  readonly overSpan: number;
}

/** Of the limit, for all lanes above this one. */
const SHARES: Readonly<Record<Lane, Kept>> = {
  cancel: { base: 0, overSpan: 0 },
  resolve: { base: 0.005, overSpan: 0.1 },
  reduce: { base: 0.01, overSpan: 0.175 },
  order: { base: 0.01, overSpan: 0.25 },
  query: { base: 0.01, overSpan: 0.6 },
};

/** The shares of a limit. Small limits keep nothing at once: what is left must go to somebody. */
export const keptOf = (limit: number, lane: Lane): Kept => ({
  base: Math.floor(limit * SHARES[lane].base + 1e-9),
  overSpan: limit * SHARES[lane].overSpan,
});

/** A wait is never nothing, whatever the rounding. */
const SOON_MS = 0.001;

/** Places to keep when the next one beyond those that are free comes in `aheadMs`. */
const keptAt = ({ base, overSpan }: Kept, aheadMs: number, spanMs: number): number =>
  Math.floor(base + (overSpan * aheadMs) / spanMs);

/**
 * Milliseconds until one of `free` places may be taken, when no other comes before `aheadMs`; 0 for at once. Either that
 * place comes, or less has to be kept because it soon will.
 */
export function waitFor(kept: Kept, free: number, aheadMs: number, spanMs: number): number {
  if (free > keptAt(kept, aheadMs, spanMs)) return 0;
  const soon = free <= kept.base ? aheadMs : aheadMs - ((free - kept.base) * spanMs) / kept.overSpan;
  return Math.max(SOON_MS, Math.min(aheadMs, soon));
}

export class Window {
  readonly limit: number;
  readonly spanMs: number;
  readonly #kept: Readonly<Record<Lane, Kept>>;
  /** Ring of the moments at which the newest requests left, as many as the limit allows; they never fall. */
  readonly #at: Float64Array;
  #made = 0;
  #total = 0;
  /** Taken, and not left yet: may leave at any moment, so it is in every span to come. */
  #held = 0;

  constructor(limit: number, spanMs: number, kept: (lane: Lane) => Kept) {
    this.limit = limit;
    this.spanMs = spanMs;
    this.#kept = Object.fromEntries(LANES.map((lane) => [lane, kept(lane)])) as Record<Lane, Kept>;
    this.#at = new Float64Array(limit);
  }

  /** Requests that count now, those that have not left yet among them. */
  get spent(): number {
    return this.#total + this.#held;
  }

  hold(): void {
    this.#held++;
  }

  /** What was held does not leave. */
  giveBack(): void {
    this.#held--;
  }

  /** What was held has left. */
  enter(at: number): void {
    this.#held--;
    this.#at[this.#made % this.limit] = at;
    this.#made++;
    this.#total++;
  }

  /** Drops what has left the span: each request once. */
  advance(now: number): void {
    while (this.#total > 0 && this.#oldest(0) <= now - this.spanMs) {
      this.#total--;
    }
  }

  /** How many requests of this lane could be taken at this moment; exact up to `enough`. */
  room(lane: Lane, now: number, enough = Number.POSITIVE_INFINITY): number {
    const kept = this.#kept[lane];
    const free = this.limit - this.spent;
    const most = keptAt(kept, this.spanMs, this.spanMs);
    // What is taken now comes free after the whole span, and what is held not before.
    let room = this.limit - this.#held - most;
    // Until the nth oldest comes free, n more than now are. From some n on there is plenty.
    for (let n = 0; n < this.#total && n + free - most < Math.min(room, enough); n++) {
      room = Math.min(room, n + free - keptAt(kept, this.#oldest(n) + this.spanMs - now, this.spanMs));
    }
    return Math.max(0, room);
  }

  /** Milliseconds until there may be room for one, 0 when there is. Never too long. */
  waitMs(lane: Lane, now: number): number {
    const kept = this.#kept[lane];
    const free = this.limit - this.spent;
    const most = keptAt(kept, this.spanMs, this.spanMs);
    let wait = this.#held > 0 ? waitFor(kept, this.limit - this.#held, this.spanMs, this.spanMs) : 0;
    for (let n = 0; n < this.#total && n + free - most < 1; n++) {
      wait = Math.max(wait, waitFor(kept, n + free, this.#oldest(n) + this.spanMs - now, this.spanMs));
    }
    return wait;
  }

  /** When the nth oldest left. */
  #oldest(n: number): number {
    return this.#at[(this.#made - this.#total + n) % this.limit] ?? Number.NEGATIVE_INFINITY;
  }
}
