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
/** Whoever was served within this time is there, and may come again at any moment. */
const THERE_MS = 2000;

export interface Bounds {
  /** So many answers of one agent may be unpublished; while they are, its further files wait. */
  readonly ahead: number;
  readonly batch: number;
}

export class Pace<Sender> {
  /** When each was served last (monotonic), the oldest first. */
  readonly #servedAt = new Map<Sender, number>();

  served(sender: Sender, now: number): void {
    this.#servedAt.delete(sender);
    this.#servedAt.set(sender, now);
  }

  /** `waits` says of whom more files wait now. */
  bounds(now: number, waits: (sender: Sender) => boolean): Bounds {
    for (const [sender, at] of this.#servedAt) {
      if (now - at <= THERE_MS) break;
      this.#servedAt.delete(sender);
    }
    for (const sender of this.#servedAt.keys())
      if (!waits(sender)) return { ahead: AHEAD_AT_LEAST, batch: BATCH_BESIDE };
    const share = Math.floor(AHEAD / Math.max(1, this.#servedAt.size));
    return { ahead: Math.max(AHEAD_AT_LEAST, share), batch: BATCH };
  }
}
