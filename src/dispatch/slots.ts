/**
 * Permission to send one request: waits in a lane by priority, fairly between agents, until the budget has room.
 * Must never let a lower lane pass a waiting higher one, or more than `inFlight` requests be under way at once.
 */
import type { Clock } from '../lib/clock.ts';
import type { Budget } from './budget.ts';
import { type Lane, Lanes } from './lanes.ts';

export interface Grant {
  /** Called when the request is handed to the network: from here its place in the budget lasts. */
  leaves(): void;
  /** Called once the request has ended, however it ended. */
  release(): void;
}

export interface Waiting {
  /** The grant, or null when the wait was called off. */
  readonly granted: Promise<Grant | null>;
  callOff(): void;
}

interface Waiter {
  readonly id: number;
  readonly lane: Lane;
  readonly agent: string;
  readonly settle: (grant: Grant | null) => void;
}

export class Slots {
  readonly #clock: Clock;
  readonly #budget: Budget;
  readonly #maxInFlight: number;
  readonly #lanes = new Lanes<Waiter>();
  readonly #waiters = new Map<number, Waiter>();
  #inFlight = 0;
  #nextId = 0;
  #wake: (() => void) | null = null;
  #stopped = false;

  constructor(clock: Clock, budget: Budget, maxInFlight = 64) {
    this.#clock = clock;
    this.#budget = budget;
    this.#maxInFlight = maxInFlight;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  take(lane: Lane, agent: string): Waiting {
    if (this.#stopped) return { granted: Promise.resolve(null), callOff() {} };
    const id = this.#nextId++;
    const granted = new Promise<Grant | null>((settle) => {
      const waiter = { id, lane, agent, settle };
      this.#waiters.set(id, waiter);
      this.#lanes.push(waiter);
    });
    this.#pump();
    return {
      granted,
      callOff: () => {
        const waiter = this.#waiters.get(id);
        if (waiter === undefined) return;
        this.#waiters.delete(id);
        this.#lanes.remove(id);
        waiter.settle(null);
      },
    };
  }

  /** Looks again now: the budget has learned something. */
  nudge(): void {
    this.#pump();
  }

  /** Calls off every wait, those to come too: whoever ends need not wait for a budget that is spent. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
    for (const waiter of [...this.#waiters.values()]) {
      this.#waiters.delete(waiter.id);
      this.#lanes.remove(waiter.id);
      waiter.settle(null);
    }
  }

  #pump(): void {
    this.#wake?.();
    this.#wake = null;
    while (this.#inFlight < this.#maxInFlight) {
      const first = this.#lanes.peek();
      if (first === null) return;
      const now = this.#clock.monotonic();
      if (!this.#budget.tryTake(first.lane, now)) {
        this.#wake = this.#clock.after(Math.max(1, Math.ceil(this.#budget.waitMs(first.lane, now))), () =>
          this.#pump(),
        );
        return;
      }
      this.#lanes.next();
      this.#waiters.delete(first.id);
      this.#inFlight++;
      let released = false;
      let left = false;
      const leaves = (): void => {
        if (left) return;
        left = true;
        this.#budget.leaves(first.lane, this.#clock.monotonic());
      };
      first.settle({
        leaves,
        release: () => {
          if (released) return;
          released = true;
          // Whoever did not say when it left, or never used it, may have used it until now.
          leaves();
          this.#inFlight--;
          this.#pump();
        },
      });
    }
  }
}
