/**
 * How far ahead of its answers an agent is served, and how many files are taken together. Answers are written in the order
 * of the journal: whoever runs far ahead of his own delays those of the others. Pure. Must never let a heap of files run far
 * ahead while there is an agent that takes what it gets one by one.
 */

/** Answers of all agents together that may be outstanding while every one of them has a heap: what is published at a time. */
const AHEAD = 128;
/** Of one agent at least so many, and no more beside one that has no heap. */
const AHEAD_AT_LEAST = 8;
/** So many are claimed and journaled together. */
const BATCH = 64;
const BATCH_BESIDE = 8;
/**
 * Answers of all strangers together, whoever they are: beside somebody who has a line of his own no more than what is
 * published before he would notice.
 */
const STRANGERS = { alone: 256, beside: 16 };
/** Whoever was served within this time is there, and may come again at any moment. */
const THERE_MS = 2000;

export interface Bounds {
  /** So many answers of one agent may be unpublished; while they are, its further files wait. */
  readonly ahead: number;
  readonly batch: number;
  /** So many answers of all strangers together, in the same way. */
  readonly strangers: number;
}

export class Pace<Sender> {
  /** When each was served last (monotonic), the oldest first. */
  readonly #servedAt = new Map<Sender, number>();
  /** When one was served who is no stranger. */
  #regularAt = Number.NEGATIVE_INFINITY;

  served(sender: Sender, now: number, isRegular: boolean): void {
    if (isRegular) this.#regularAt = now;
    this.#servedAt.delete(sender);
    this.#servedAt.set(sender, now);
  }

  /** `waits` says of whom more files wait now. */
  bounds(now: number, waits: (sender: Sender) => boolean): Bounds {
    for (const [sender, at] of this.#servedAt) {
      if (now - at <= THERE_MS) break;
      this.#servedAt.delete(sender);
    }
    const strangers = now - this.#regularAt > THERE_MS ? STRANGERS.alone : STRANGERS.beside;
    for (const sender of this.#servedAt.keys())
      if (!waits(sender)) return { ahead: AHEAD_AT_LEAST, batch: BATCH_BESIDE, strangers };
    const share = Math.floor(AHEAD / Math.max(1, this.#servedAt.size));
    return { ahead: Math.max(AHEAD_AT_LEAST, share), batch: BATCH, strangers };
  }
}
