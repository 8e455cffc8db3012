/**
 * The waiting queue before the broker: priority between lanes, shares by weight between the agents of a lane, first in
 * first out for each agent. Pure. Must never lose an item, and never let anybody wait for ever behind those who are busier.
 *
 * Shares: each item has a start, the later of the lane's own time and the end of its agent's item before; its end is its
 * start and one divided by its agent's weight. The earliest start is served, and the lane's time is that start (start-time
 * fair queuing; with equal weights it is a round robin). An agent that was away gains nothing by it, and loses nothing.
 */
import { assert } from '../lib/assert.ts';

/**
 * What a request is for, most urgent first: `cancel`; `resolve` (look-ups of orders in doubt, sweeps); `reduce` (orders
 * that make a position smaller); `order`; `query`.
 */
export const LANES = ['cancel', 'resolve', 'reduce', 'order', 'query'] as const;
export type Lane = (typeof LANES)[number];

/**
 * A lane that was passed over this often in a row gets the next turn: by the lanes of ordinary work, and by urgent ones.
 * So a cancel waits for something less urgent only in a flood of cancels that lasts longer than a quarter of a minute.
 */
const PATIENCE = 20;
const URGENT_PATIENCE = 50;
/**
 * Of a small budget the tower's own looks could use up all: behind them the others wait for no more than a quarter of a
 * minute's requests, of which there are `perMinute`.
 */
const patienceWithLooks = (perMinute: number): number =>
  Math.max(1, Math.min(URGENT_PATIENCE, Math.floor(perMinute / 4)));
const URGENT: ReadonlySet<Lane> = new Set(['cancel', 'resolve']);

export interface Queued {
  /** Unique among the waiting. */
  readonly id: string | number;
  readonly lane: Lane;
  readonly agent: string;
}

/** Whose turn it is. */
export interface Turn<T> {
  readonly item: T;
  /** The most urgent lane that waits: an item that has aged to the front has its rights. */
  readonly rank: Lane;
}

/** The items of one agent; removed ones stay in the array until they come to the front. */
interface Line<T> {
  readonly items: T[];
  head: number;
  waiting: number;
  /** Start of its next item. */
  start: number;
}

interface Track<T> {
  /** Agents with something waiting, in the order in which they came. */
  readonly lines: Map<string, Line<T>>;
  /** Ends of agents that wait for nothing now, as far as they lie ahead of the lane's time. */
  readonly ends: Map<string, number>;
  time: number;
  size: number;
  passedOver: number;
  outranked: number;
}

const KEPT_ENDS = 256;

export class Lanes<T extends Queued> {
  readonly #weightOf: (agent: string) => number;
  readonly #patienceWithLooks: number;
  readonly #items = new Map<T['id'], T>();
  readonly #tracks: Readonly<Record<Lane, Track<T>>> = {
    cancel: emptyTrack(),
    resolve: emptyTrack(),
    reduce: emptyTrack(),
    order: emptyTrack(),
    query: emptyTrack(),
  };

  /** Weights are above 0; twice the weight is twice the share while both wait. `perMinute`: requests that leave at most. */
  constructor(weightOf: (agent: string) => number = () => 1, perMinute = Number.POSITIVE_INFINITY) {
    this.#weightOf = weightOf;
    this.#patienceWithLooks = patienceWithLooks(perMinute);
  }

  push(item: T): void {
    assert(!this.#items.has(item.id), `item ${item.id} is queued twice`);
    this.#items.set(item.id, item);
    const track = this.#tracks[item.lane];
    let line = track.lines.get(item.agent);
    if (line === undefined) {
      line = { items: [], head: 0, waiting: 0, start: Math.max(track.time, track.ends.get(item.agent) ?? 0) };
      track.ends.delete(item.agent);
      track.lines.set(item.agent, line);
    }
    line.items.push(item);
    line.waiting++;
    track.size++;
  }

  /** Whose turn it is, those left out for whom `isHeld` is true; null when nobody waits. */
  peek(isHeld: (agent: string, lane: Lane) => boolean = () => false): Turn<T> | null {
    let first: Turn<T> | null = null;
    for (const lane of LANES) {
      const line = this.#lineOf(lane, isHeld);
      if (line === null) continue;
      if (first === null) first = { item: this.#front(line), rank: lane };
      else if (this.#isDue(lane, first.rank)) return { item: this.#front(line), rank: first.rank };
    }
    return first;
  }

  /** Takes what `peek` has shown. */
  take(item: T): void {
    for (const lane of LANES) {
      const track = this.#tracks[lane];
      if (lane === item.lane || track.size === 0) {
        track.passedOver = 0;
        track.outranked = 0;
      } else if (URGENT.has(item.lane)) track.outranked++;
      else track.passedOver++;
    }
    const track = this.#tracks[item.lane];
    const line = track.lines.get(item.agent);
    assert(line !== undefined, `item ${item.id} waits in no line`);
    // Who was held back while others went on does not get that time afterwards.
    const start = Math.max(line.start, track.time);
    track.time = start;
    line.start = start + 1 / this.#weightOf(item.agent);
    this.remove(item.id);
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
    if (line.waiting === 0) this.#close(track, item.agent, line.start);
    return item;
  }

  /** How many wait, in one lane or in all. */
  size(lane?: Lane): number {
    return lane === undefined ? this.#items.size : this.#tracks[lane].size;
  }

  /** How many of each agent wait in a lane. */
  waiting(lane: Lane): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#tracks[lane].lines].map(([agent, line]) => [agent, line.waiting]));
  }

  #isDue(lane: Lane, first: Lane): boolean {
    const { passedOver, outranked } = this.#tracks[lane];
    const patience = first === 'cancel' ? URGENT_PATIENCE : this.#patienceWithLooks;
    return outranked >= patience || (!URGENT.has(first) && passedOver >= PATIENCE);
  }

  /** The line of a lane with the earliest start. */
  #lineOf(lane: Lane, isHeld: (agent: string, lane: Lane) => boolean): Line<T> | null {
    let first: Line<T> | null = null;
    for (const [agent, line] of this.#tracks[lane].lines) {
      if ((first === null || line.start < first.start) && !isHeld(agent, lane)) first = line;
    }
    return first;
  }

  #close(track: Track<T>, agent: string, end: number): void {
    track.lines.delete(agent);
    if (track.size === 0) {
      // Nobody has waited for anybody: a new round.
      track.ends.clear();
      track.time = 0;
      return;
    }
    track.ends.set(agent, end);
    if (track.ends.size <= KEPT_ENDS) return;
    for (const [other, ended] of track.ends) if (ended <= track.time) track.ends.delete(other);
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

const emptyTrack = <T>(): Track<T> => ({
  lines: new Map(),
  ends: new Map(),
  time: 0,
  size: 0,
  passedOver: 0,
  outranked: 0,
});
