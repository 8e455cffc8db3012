/**
 * The price process: the price of any stock, coin or option at any time as a pure function of the seed, the symbol and the
 * time. Nothing is stored, so history, present and restart agree by themselves. Floating-point numbers are right here,
 * because this is a random model; what leaves the market is rounded to the tick elsewhere. Must never keep state that
 * changes an answer.
 */
import { newYorkOffset } from './calendar.ts';
import { hashText, Path } from './noise.ts';
import type { Character } from './universe.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const MINUTES = 1440;

/** Daily volatility of the factor that all stocks, or all coins, share. */
const FACTOR_SIGMA = { stock: 0.008, coin: 0.022 } as const;

/** How one day's total is spread over its minutes, in New York time: night, early and late trading, and the core session as a U. */
function profile(core: number, extended: number, opening: number, closing: number): Float64Array {
  const shape = Float64Array.from({ length: MINUTES }, (_, m) => {
    if (m >= 570 && m < 960) return 1 + opening * Math.exp((570 - m) / 25) + closing * Math.exp((m - 960) / 20);
    return 0;
  });
  const total = shape.reduce((sum, x) => sum + x, 0);
  return shape.map((x, m) => {
    if (x > 0) return (x / total) * core;
    return m >= 240 && m < 1200 ? extended / 570 : (1 - core - extended) / 480;
  });
}

function cumulate(shares: Float64Array): Float64Array {
  const sums = new Float64Array(shares.length + 1);
  for (let i = 0; i < shares.length; i++) sums[i + 1] = (sums[i] ?? 0) + (shares[i] ?? 0);
  return sums;
}

/** Share of the day's volume per minute of the New York day. */
const STOCK_VOLUME = profile(0.93, 0.06, 5, 6);
const STOCK_VARIANCE = cumulate(profile(0.68, 0.2, 2.5, 0.8));

/** The volume that a stock trades in the minute that starts at `ms`, as a share of its day. */
export function stockVolumeShare(ms: number): number {
  const local = ms + newYorkOffset(ms);
  return STOCK_VOLUME[Math.floor((local % DAY_MS) / MINUTE_MS)] ?? 0;
}

/** Business time in days: whole at New York midnight, and fast when the market is busy. */
function stockTime(ms: number): number {
  const local = ms + newYorkOffset(ms);
  const day = Math.floor(local / DAY_MS);
  const minutes = (local - day * DAY_MS) / MINUTE_MS;
  const minute = Math.floor(minutes);
  const before = STOCK_VARIANCE[minute] ?? 0;
  return day + before + ((STOCK_VARIANCE[minute + 1] ?? 1) - before) * (minutes - minute);
}

/** The prices of one seed. Paths are made on first use. */
export class Prices {
  private readonly seed: number;
  private readonly factors: Readonly<Record<'stock' | 'coin', Path>>;
  private readonly paths = new Map<string, Path>();

  constructor(seed: string) {
    this.seed = hashText(seed);
    this.factors = {
      stock: new Path(hashText('all stocks', this.seed), FACTOR_SIGMA.stock),
      coin: new Path(hashText('all coins', this.seed), FACTOR_SIGMA.coin),
    };
  }

  /** 32 bits for everything about one symbol that is drawn outside its path. */
  seedOf(symbol: string): number {
    return hashText(symbol, this.seed);
  }

  /** USD per share or coin at a time, before overrides and splits. */
  of({ symbol, kind, anchor, exposure, sigma }: Character): (ms: number) => number {
    const path = this.paths.get(symbol) ?? new Path(this.seedOf(symbol), sigma);
    this.paths.set(symbol, path);
    const factor = this.factors[kind];
    return (ms) => {
      const time = kind === 'coin' ? ms / DAY_MS : stockTime(ms);
      return anchor * Math.exp(exposure * factor.at(time) + path.at(time));
    };
  }
}

/** Daily volatility of one symbol as the process has it. */
export const dailySigma = ({ kind, exposure, sigma }: Character): number =>
  Math.hypot(exposure * FACTOR_SIGMA[kind], sigma);
