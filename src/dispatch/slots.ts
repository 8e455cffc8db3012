/**
 * Permission to send one request to one host: waits in a lane by priority, fairly between agents, until the budget has
 * room, the agent's own cap has, and the host can be reached. Must never let a lower lane pass a waiting higher one (but
 * for one that has aged), nor let slow answers to others hold up a cancel.
 */
import type { Budget as BrokersWord, Outcome } from '../broker/broker.ts';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Budget, Spending } from './budget.ts';
import { Circuit, type Trouble } from './circuit.ts';
import { LANES, type Lane, Lanes } from './lanes.ts';
import { keptOf, Window } from './window.ts';

export interface Grant {
  /** Called when the request is handed to the network: from here its place in the budget lasts. */
  leaves(): void;
  /** Called instead when nothing leaves: its place is given back. */
  unused(): void;
  /**
   * Called with what became of it. A 429 pauses the host: 1, 2, 4, 8, 8 seconds for the `nth` of one request, or what the
   * broker asks for.
   */
  heard(outcome: Outcome<unknown>, nth?: number): void;
  /** Called once the request has ended, however it ended. */
  release(): void;
}

export interface Waiting {
  /** The grant, or null when the wait was called off. */
  readonly granted: Promise<Grant | null>;
  callOff(): void;
}

/** What an agent may use. */
export interface Shares {
  /** Its share beside others while both wait; above 0. */
  weightOf(agent: string): number;
  /** The most requests in any minute, cancels not among them; null for no cap of its own. */
  perMinuteOf(agent: string): number | null;
}

export const EQUAL_SHARES: Shares = { weightOf: () => 1, perMinuteOf: () => null };

interface Waiter {
  readonly id: number;
  readonly lane: Lane;
  readonly agent: string;
  readonly settle: (grant: Grant | null) => void;
}

export interface SlotsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: Budget;
  readonly shares?: Shares;
  /** Requests that may be under way at once; look-ups have a few more, and cancels as many as they need. */
  readonly maxInFlight?: number;
  /** Of them, orders: so many at most have left without an answer when somebody halts, and cannot be called back. */
  readonly maxOrders?: number;
  /** The most of a minute's requests that the tower's own looks may use, as a share. */
  readonly ownShare?: number;
}

/** A look at one host. */
export interface HostState {
  readonly spending: Spending;
  /** Waiting requests by lane and agent; the tower's own have no agent. */
  readonly waiting: Readonly<Record<Lane, Readonly<Record<string, number>>>>;
  readonly isOpen: boolean;
  readonly trouble: Trouble | null;
}

const MORE_IN_FLIGHT: Readonly<Record<Lane, number>> = {
  cancel: Number.POSITIVE_INFINITY,
  resolve: 16,
  reduce: 0,
  order: 0,
  query: 0,
};
const MOST_IN_FLIGHT = 64;
/** What may still arrive after a halt when the broker hangs, with the limits of Alpaca: 4, of two accounts together. */
const MOST_ON_THEIR_WAY = 4;
/** So long Alpaca may take to answer before the orders that are not answered hold up a budget of ten in a second. */
const ANSWERED_WITHIN_S = 0.4;

/** Orders of one account that may be without an answer. */
export const mostOnTheirWay = (perSecond: number, accounts: number): number =>
  Math.min(MOST_IN_FLIGHT, Math.floor(Math.max(MOST_ON_THEIR_WAY, perSecond * ANSWERED_WITHIN_S) / accounts));

const ORDERS: ReadonlySet<Lane> = new Set(['reduce', 'order']);
const NEVER_CAPPED: ReadonlySet<Lane> = new Set(['cancel', 'resolve']);
const CAP_SPAN_MS = 61_000;
/** Of a minute's requests the tower's own looks (sweeps, books) get no more than this share: they go before orders. */
export const OWN_SHARE = 0.5;
const isOwn = ({ agent, lane }: { readonly agent: string; readonly lane: Lane }): boolean =>
  agent === '' && lane === 'resolve';
/** A gateway that says so speaks for a broker that cannot be reached. */
const UNREACHABLE_STATUSES: ReadonlySet<number> = new Set([502, 503, 504]);

export class Slots {
  readonly #clock: Clock;
  readonly #budget: Budget;
  readonly #shares: Shares;
  readonly #maxInFlight: number;
  readonly #maxOrders: number;
  readonly #lanes: Lanes<Waiter>;
  readonly #waiters = new Map<number, Waiter>();
  readonly #caps = new Map<string, Window>();
  readonly #ownLooks: Window;
  readonly #circuit: Circuit;
  #inFlight = 0;
  #orders = 0;
  #nextId = 0;
  #wake: (() => void) | null = null;
  #stopped = false;

  constructor(options: SlotsOptions) {
    const {
      clock,
      random,
      budget,
      shares = EQUAL_SHARES,
      maxInFlight = MOST_IN_FLIGHT,
      maxOrders = maxInFlight,
      ownShare = 1,
    } = options;
    this.#clock = clock;
    this.#budget = budget;
    this.#shares = shares;
    this.#maxInFlight = maxInFlight;
    this.#maxOrders = maxOrders;
    this.#lanes = new Lanes((agent) => shares.weightOf(agent), budget.perMinute);
    const own = Math.max(1, Math.floor(budget.perMinute * ownShare));
    this.#ownLooks = new Window(own, CAP_SPAN_MS, () => ({ base: 0, overSpan: 0 }));
    this.#circuit = new Circuit(random);
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  get perMinute(): number {
    return this.#budget.perMinute;
  }

  /** The failures since the host last answered, once they are enough to hold requests back; null while it is reachable. */
  get unreachable(): Trouble | null {
    return this.#circuit.isOpen ? this.#circuit.trouble : null;
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

  /** A grant at once, or null: nobody is waited for, and nobody who waits is passed. */
  takeNow(lane: Lane, agent: string): Grant | null {
    if (this.#stopped || this.#waiters.size > 0) return null;
    let granted: Grant | null = null;
    const waiter: Waiter = { id: this.#nextId++, lane, agent, settle: (grant) => (granted = grant) };
    this.#waiters.set(waiter.id, waiter);
    this.#lanes.push(waiter);
    this.#pump();
    if (this.#waiters.delete(waiter.id)) this.#lanes.remove(waiter.id);
    return granted;
  }

  /** Counts requests of an earlier process, given as milliseconds of age. Before any `take`. */
  seed(ages: readonly number[]): void {
    this.#budget.seed(ages, this.#now());
  }

  /** What an answer said about the budget. Returns the requests of other programs in the broker's window, as far as known. */
  learn(word: BrokersWord): number {
    const foreign = this.#budget.learn(word, this.#now(), this.#clock.now() / 1000, this.#inFlight);
    this.#pump();
    return foreign;
  }

  report(): HostState {
    return {
      spending: this.#budget.report(this.#now()),
      waiting: Object.fromEntries(LANES.map((lane) => [lane, this.#lanes.waiting(lane)])) as HostState['waiting'],
      isOpen: this.#circuit.isOpen,
      trouble: this.#circuit.trouble,
    };
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

  #now(): number {
    return this.#clock.monotonic();
  }

  #pump(): void {
    this.#wake?.();
    this.#wake = null;
    while (this.#waiters.size > 0) {
      const now = this.#now();
      let wait = Number.POSITIVE_INFINITY;
      const turn = this.#lanes.peek((agent, lane) => {
        if (ORDERS.has(lane) && this.#orders >= this.#maxOrders) return true;
        const capWait = this.#capWaitMs(agent, lane, now);
        wait = capWait > 0 ? Math.min(wait, capWait) : wait;
        return capWait > 0;
      });
      if (turn !== null) {
        if (this.#inFlight >= this.#maxInFlight + MORE_IN_FLIGHT[turn.rank]) return;
        const broken = this.#circuit.waitMs(now, turn.item.lane === 'cancel');
        if (broken === 0 && this.#budget.tryTake(turn.rank, now)) {
          this.#grant(turn.item);
          continue;
        }
        wait = Math.max(broken, this.#budget.waitMs(turn.rank, now));
      }
      if (Number.isFinite(wait)) this.#wake = this.#clock.after(Math.max(1, Math.ceil(wait)), () => this.#pump());
      return;
    }
  }

  #grant(waiter: Waiter): void {
    this.#lanes.take(waiter);
    this.#waiters.delete(waiter.id);
    this.#inFlight++;
    const isProbe = this.#circuit.goes(this.#now());
    const answered = ORDERS.has(waiter.lane) ? this.#place() : () => {};
    const cap = isOwn(waiter) ? this.#ownLooks : this.#capOf(waiter.agent);
    // What is never held back by the cap is counted as far as the cap reaches.
    const counts = cap !== null && cap.spent < cap.limit;
    if (counts) cap.hold();
    let released = false;
    let left = false;
    let isHeard = false;
    const leaves = (): void => {
      if (left) return;
      left = true;
      const now = this.#now();
      this.#budget.leaves(now);
      if (counts) cap.enter(now);
    };
    waiter.settle({
      leaves,
      unused: () => {
        if (left) return;
        left = true;
        this.#budget.giveBack();
        if (counts) cap.giveBack();
      },
      heard: (outcome, nth = 1) => {
        isHeard = true;
        answered();
        this.#hear(outcome, isProbe, nth);
        this.#pump();
      },
      release: () => {
        if (released) return;
        released = true;
        // Whoever did not say when it left, or never used it, may have used it until now.
        leaves();
        if (isProbe && !isHeard) this.#circuit.unused();
        this.#inFlight--;
        answered();
        this.#pump();
      },
    });
  }

  /** A place among the orders without an answer, for one that is sent again out of turn; null when there is none. */
  again(): (() => void) | null {
    if (this.#orders >= this.#maxOrders) return null;
    const answered = this.#place();
    return () => {
      answered();
      this.#pump();
    };
  }

  #place(): () => void {
    this.#orders++;
    let isAnswered = false;
    return () => {
      if (!isAnswered) this.#orders--;
      isAnswered = true;
    };
  }

  #hear(outcome: Outcome<unknown>, isProbe: boolean, nth: number): void {
    const now = this.#now();
    if (outcome.kind === 'not_sent' && outcome.why === 'rate_limited')
      this.#budget.pause(now + (outcome.retryAfterMs ?? Math.min(8000, 1000 * 2 ** (nth - 1))));
    const isLost =
      (outcome.kind === 'not_sent' && outcome.why === 'unreachable') ||
      (outcome.kind === 'unknown' && (outcome.status === undefined || UNREACHABLE_STATUSES.has(outcome.status)));
    if (isLost) this.#circuit.failed(outcome.reason, isProbe, now);
    else this.#circuit.answered();
  }

  /** Milliseconds until the agent's own cap has room; 0 when it has, or there is none. */
  #capWaitMs(agent: string, lane: Lane, now: number): number {
    const isOwnLook = isOwn({ agent, lane });
    if (NEVER_CAPPED.has(lane) && !isOwnLook) return 0;
    const cap = isOwnLook ? this.#ownLooks : this.#capOf(agent);
    if (cap === null) return 0;
    cap.advance(now);
    return cap.room(lane, now, 1) >= 1 ? 0 : cap.waitMs(lane, now);
  }

  #capOf(agent: string): Window | null {
    const perMinute = this.#shares.perMinuteOf(agent);
    if (perMinute === null) return null;
    const known = this.#caps.get(agent);
    if (known !== undefined) return known;
    const cap = new Window(perMinute, CAP_SPAN_MS, (lane) => keptOf(perMinute, lane));
    this.#caps.set(agent, cap);
    return cap;
  }
}
