/**
 * A priority queue of orders with cheap removal: an order that has left is skipped when it surfaces, and when more than
 * half of the entries have left they are all thrown out. Must never decide whether an order has left: it asks.
 */
export interface Entry<T> {
  readonly key: bigint;
  readonly seq: number;
  readonly item: T;
}

export class Queue<T> {
  #heap: Entry<T>[] = [];
  #gone = 0;
  readonly #lowestFirst: boolean;
  /** Whether an entry still counts: its item has not left and its key has not changed. */
  readonly #stands: (item: T, key: bigint) => boolean;

  constructor(lowestFirst: boolean, stands: (item: T, key: bigint) => boolean) {
    this.#lowestFirst = lowestFirst;
    this.#stands = stands;
  }

  #before(a: Entry<T>, b: Entry<T>): boolean {
    if (a.key !== b.key) return a.key < b.key === this.#lowestFirst;
    return a.seq < b.seq;
  }

  push(item: T, key: bigint, seq: number): void {
    const heap = this.#heap;
    const entry = { key, seq, item };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Entry<T>;
      if (!this.#before(entry, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  /** The first entry that stands, left in place. */
  peek(): Entry<T> | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#stands(top.item, top.key)) return top;
      this.#removeTop();
      if (this.#gone > 0) this.#gone--;
    }
    return undefined;
  }

  /** Takes out the first entry that stands. */
  pop(): Entry<T> | undefined {
    const top = this.peek();
    if (top !== undefined) this.#removeTop();
    return top;
  }

  /** Tells that one entry no longer stands. Keeps the queue from growing with orders that never surface. */
  left(): void {
    this.#gone++;
    if (this.#gone * 2 <= this.#heap.length || this.#heap.length < 32) return;
    const standing = this.#heap.filter((entry) => this.#stands(entry.item, entry.key));
    // A sorted array is a heap.
    this.#heap = standing.sort((a, b) => (this.#before(a, b) ? -1 : 1));
    this.#gone = 0;
  }

  #removeTop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry<T>;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && this.#before(right, heap[child] as Entry<T>)) child++;
      const next = heap[child] as Entry<T>;
      if (!this.#before(next, last)) break;
      heap[at] = next;
      at = child;
    }
    heap[at] = last;
  }
}
