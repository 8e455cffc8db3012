/** How much of everything a bench does. Must never change what is measured: only how often and how large. */

/** In the order in which they are measured: what may take long comes last, and takes nobody's time. */
export const PARTS = ['latency', 'throughput', 'queries', 'budget', 'rest', 'exchange', 'growth'] as const;
export type Part = (typeof PARTS)[number];

export interface Plan {
  readonly size: 'quick' | 'normal' | 'full';
  readonly seed: string;
  /** Leaves processor profiles of the tower in the current folder. */
  readonly profile: boolean;
  /** Tells what is being done. */
  say(text: string): void;
  /** Orders one by one: rounds of so many. */
  readonly paced: { readonly rounds: number; readonly orders: number };
  /** Orders dropped at once, and how often. */
  readonly burst: { readonly orders: number; readonly times: number };
  /** Bursts with all limits set, each beside one without. */
  readonly limits: { readonly pairs: number };
  readonly queries: number;
  /** The budget under saturation: limits, and seconds of it. */
  readonly budget: { readonly perMinute: number; readonly perSecond: number; readonly seconds: number };
  /** Finished orders in the journals, smallest first. */
  readonly rows: readonly number[];
  /** Files waiting at start, and seconds to watch them being taken. */
  readonly waiting: { readonly files: number; readonly seconds: number };
  /** Orders under way when the tower is killed. */
  readonly unfinished: number;
  readonly rest: { readonly agents: number; readonly seconds: number; readonly dayOfOrders: number };
}

type Amounts = Omit<Plan, 'size' | 'seed' | 'profile' | 'say'>;

const NORMAL: Amounts = {
  paced: { rounds: 5, orders: 100 },
  burst: { orders: 5000, times: 3 },
  limits: { pairs: 6 },
  queries: 2000,
  // The limits of the contract, for one of their windows: less than a minute says nothing of what is allowed in a minute.
  budget: { perMinute: 200, perSecond: 10, seconds: 61 },
  rows: [10_000, 1_000_000],
  waiting: { files: 100_000, seconds: 10 },
  unfinished: 10_000,
  rest: { agents: 50, seconds: 10, dayOfOrders: 10_000 },
};

export const AMOUNTS: Readonly<Record<Plan['size'], Amounts>> = {
  quick: {
    paced: { rounds: 2, orders: 50 },
    burst: { orders: 2000, times: 1 },
    limits: { pairs: 2 },
    queries: 300,
    budget: { perMinute: 1200, perSecond: 20, seconds: 5 },
    rows: [1000, 50_000],
    waiting: { files: 5000, seconds: 2 },
    unfinished: 1000,
    rest: { agents: 50, seconds: 3, dayOfOrders: 1000 },
  },
  normal: NORMAL,
  full: {
    ...NORMAL,
    budget: { perMinute: 200, perSecond: 10, seconds: 130 },
    rows: [10_000, 1_000_000, 10_000_000],
    waiting: { files: 100_000, seconds: 300 },
    // Six and a half hours at 200 requests a minute.
    rest: { agents: 50, seconds: 30, dayOfOrders: 78_000 },
  },
};

/**
 * Seconds after which a part is ended, about three times what it takes on an idle machine, and seconds after which nothing
 * is begun or goes on.
 */
export const BOUNDS: Readonly<Record<Plan['size'], Readonly<Record<Part, number>> & { readonly all: number }>> = {
  quick: { latency: 60, throughput: 60, queries: 30, budget: 45, rest: 45, exchange: 40, growth: 90, all: 240 },
  normal: { latency: 90, throughput: 120, queries: 45, budget: 80, rest: 90, exchange: 60, growth: 200, all: 360 },
  full: {
    latency: 120,
    throughput: 150,
    queries: 60,
    budget: 400,
    rest: 600,
    exchange: 120,
    growth: 3600,
    all: 5400,
  },
};
