/**
 * Virtual time: a heap of timers, and the loop that runs them one by one. Between two timers every promise that can move
 * has moved. Must never touch real time, and never depend on anything but what was put into it.
 */
import { type Clock, type Micros, micros } from '../../src/lib/clock.ts';

interface Timer {
  readonly at: number;
  readonly n: number;
  run: (() => void) | null;
}

/** Microseconds that have passed since the storm began, and what is to happen when. */
export class VirtualTime {
  now = 0;
  readonly #heap: Timer[] = [];
  #n = 0;
  steps = 0;

  /** Runs `run` at `now + us`; equal moments in the order in which they were asked for. Returns what calls it off. */
  in(us: number, run: () => void): () => void {
    const timer: Timer = { at: this.now + Math.max(0, Math.ceil(us)), n: this.#n++, run };
    this.#push(timer);
    return () => {
      timer.run = null;
    };
  }

  /** Runs the next timer; false when there is none. */
  step(): boolean {
    for (;;) {
      const timer = this.#pop();
      if (timer === undefined) return false;
      if (timer.run === null) continue;
      this.now = timer.at;
      this.steps++;
      const { run } = timer;
      timer.run = null;
      run();
      return true;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || before(above, timer)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let smaller = left;
      if (right !== undefined && before(right, left)) {
        smaller = right;
        child++;
      }
      if (before(last, smaller)) break;
      heap[i] = smaller;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.n < b.n);

/** 2026-02-13T14:30:00Z, a Friday on which the market is open. */
const EPOCH_US = Date.UTC(2026, 1, 13, 14, 30) * 1000;

export const wallOf = (us: number): Micros => micros(EPOCH_US + us);

/** The clock of everything that does not crash: broker, agents, oracle. */
export const worldClock = (time: VirtualTime): Clock => ({
  now: () => wallOf(time.now),
  monotonic: () => time.now / 1000,
  after: (ms, run) => time.in(ms * 1000, run),
});

const BATCH = 128;

/**
 * Calls `step` until it returns false. Between two calls all microtasks run: Node empties their queue between two
 * immediates, which is far cheaper than a turn of the event loop for each.
 */
export function drive(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let ended = false;
    const once = (): void => {
      if (ended) return;
      try {
        if (step()) return;
        ended = true;
        resolve();
      } catch (error) {
        ended = true;
        reject(error);
      }
    };
    const batch = (): void => {
      if (ended) return;
      for (let i = 0; i < BATCH; i++) setImmediate(once);
      setImmediate(batch);
    };
    batch();
  });
}
