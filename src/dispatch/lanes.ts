/**
 * The waiting queue before the broker: priority between lanes, round robin between agents inside a lane, first in first
 * out for each agent. Pure. Must never lose an item, and never let one lane wait for ever behind busier ones.
 */
import { assert } from '../lib/assert.ts';

/**
 * What a request is for, most urgent first: `cancel`; `resolve` (look-ups of orders in doubt, sweeps); `reduce` (orders
 * that make a position smaller); `order`; `query`.
 */
export const LANES = ['cancel', 'resolve', 'reduce', 'order', 'query'] as const;
export type Lane = (typeof LANES)[number];

/** A lane of these that was passed over this often in a row gets the next turn that cancel and resolve leave. */
const PATIENCE = 20;
const AGING: ReadonlySet<Lane> = new Set(['reduce', 'order', 'query']);

export interface Queued {
  /** Unique among the waiting. */
  readonly id: string | number;
  readonly lane: Lane;
  readonly agent: string;
}

/** First in first out for one agent; removed items stay in the array until they come to the front. */
interface Line<T> {
  readonly items: T[];
  head: number;
  waiting: number;
}

interface Track<T> {
  /** Agents with something waiting, the next one to be served first. */
  readonly lines: Map<string, Line<T>>;
  size: number;
  passedOver: number;
}

export class Lanes<T extends Queued> {
  readonly #items = new Map<T['id'], T>();
  readonly #tracks: Readonly<Record<Lane, Track<T>>> = {
    cancel: emptyTrack(),
    resolve: emptyTrack(),
    reduce: emptyTrack(),
    order: emptyTrack(),
    query: emptyTrack(),
  };

  push(item: T): void {
    assert(!this.#items.has(item.id), `item ${item.id} is queued twice`);
    this.#items.set(item.id, item);
    const track = this.#tracks[item.lane];
    let line = track.lines.get(item.agent);
    if (line === undefined) {
      line = { items: [], head: 0, waiting: 0 };
      track.lines.set(item.agent, line);
    }
    line.items.push(item);
    line.waiting++;
    track.size++;
  }

  /** The item that `next` would take; null when nothing waits. */
  peek(): T | null {
    const lane = this.#turn();
    if (lane === null) return null;
    const [line] = this.#tracks[lane].lines.values();
    assert(line !== undefined, `lane ${lane} counts items that it does not have`);
    return this.#front(line);
  }

  /** Takes the item whose turn it is. */
  next(): T | null {
    const item = this.peek();
    if (item === null) return null;
    for (const lane of AGING) {
      const track = this.#tracks[lane];
      track.passedOver = lane === item.lane || track.size === 0 ? 0 : track.passedOver + 1;
    }
    const { lines } = this.#tracks[item.lane];
    const line = lines.get(item.agent);
    this.remove(item.id);
    if (line !== undefined && line.waiting > 0) {
      // To the back of the round.
      lines.delete(item.agent);
      lines.set(item.agent, line);
    }
    return item;
  }

  /** Takes an item out of turn; null when it does not wait. */
  remove(id: T['id']): T | null {
    const item = this.#items.get(id);
    if (item === undefined) return null;
    this.#items.delete(id);
    const track = this.#tracks[item.lane];
    const line = track.lines.get(item.agent);
    assert(line !== undefined, `item ${id} waits in no line`);
    track.size--;
    line.waiting--;
    if (line.waiting === 0) track.lines.delete(item.agent);
    return item;
  }

  /** How many wait, in one lane or in all. */
  size(lane?: Lane): number {
    return lane === undefined ? this.#items.size : this.#tracks[lane].size;
  }

  #turn(): Lane | null {
    const waiting = LANES.filter((lane) => this.#tracks[lane].size > 0);
    const [first] = waiting;
    if (first === undefined || !AGING.has(first)) return first ?? null;
    return waiting.find((lane) => this.#tracks[lane].passedOver >= PATIENCE) ?? first;
  }

  #front(line: Line<T>): T {
    for (;;) {
      const item = line.items[line.head];
      assert(item !== undefined, 'a line counts items that it does not have');
      if (this.#items.get(item.id) === item) return item;
      line.head++;
      if (line.head > 32 && line.head * 2 > line.items.length) {
        line.items.splice(0, line.head);
        line.head = 0;
      }
    }
  }
}

const emptyTrack = <T>(): Track<T> => ({ lines: new Map(), size: 0, passedOver: 0 });
