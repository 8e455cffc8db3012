/**
 * One symbol as the tape sees it: its price at any time with what people did to it (prices held, moved or split, trading
 * halted), its tick, its spread, how often it is quoted and traded. Must never round a price: the tape does.
 *
 * Units: `ms` and `us` are milliseconds and microseconds since 1970 UTC; prices are USD as floating-point numbers of the
 * model; steps are whole billionths of a USD.
 */
import type { Gate } from './hours.ts';
import { hash2, unit } from './noise.ts';
import { type Occ, optionStep, valuation } from './options.ts';
import { type Prices, stockVolumeShare } from './prices.ts';
import type { Recorded } from './recording.ts';
import type { Listing } from './universe.ts';

export interface Instrument {
  readonly symbol: string;
  readonly kind: 'stock' | 'coin' | 'option';
  readonly seed: number;
  readonly gate: Gate;
  readonly script: Script;
  /** Quoted prices, when they come from a recording. */
  readonly recorded?: Recorded;
  /** NaN while nothing is known. */
  price(ms: number): number;
  /** Smallest price step at a price, in billionths. */
  step(price: number): number;
  /** Half of the usual spread, in USD. */
  halfSpread(price: number): number;
  /** One quote in so many microseconds. */
  readonly quoteEvery: number;
  /** At most one trade in so many microseconds, with this chance. */
  readonly tradeEvery: number;
  readonly tradeChance: number;
  /** Units that trade in the minute that starts at `ms`. */
  volume(ms: number): number;
  /** A usual size at the bid or offer, and the step of sizes as a power of ten (0: whole units). */
  readonly size: number;
  readonly sizeDigits: number;
}

interface Span {
  readonly from: number;
  until: number;
}

interface Hold extends Span {
  /** Billionths of a USD. */
  readonly bid: number;
  readonly ask: number;
}

interface Halt extends Span {
  readonly code: string;
  readonly reason: string;
}

interface Step {
  readonly at: number;
  readonly factor: number;
  readonly split: boolean;
}

const inside = <T extends Span>(spans: readonly T[], us: number): T | undefined =>
  spans.findLast((span) => span.from <= us && us < span.until);

/** What people did to one symbol, in the order in which they did it. Times in microseconds. */
class Script {
  readonly halts: Halt[] = [];
  private readonly holds: Hold[] = [];
  private readonly steps: Step[] = [];
  /** Grows with every change, for whoever keeps something computed. */
  version = 0;

  hold(us: number, bid: number, ask: number): void {
    this.release(us);
    this.holds.push({ from: us, until: Number.POSITIVE_INFINITY, bid, ask });
    this.version++;
  }

  release(us: number): void {
    end(this.holds, us);
    this.version++;
  }

  multiply(us: number, factor: number, split: boolean): void {
    this.steps.push({ at: us, factor, split });
    this.version++;
  }

  halt(us: number, code: string, reason: string): void {
    end(this.halts, us);
    this.halts.push({ from: us, until: Number.POSITIVE_INFINITY, code, reason });
    this.version++;
  }

  resume(us: number): void {
    end(this.halts, us);
    this.version++;
  }

  held(us: number): Hold | undefined {
    return this.holds.length === 0 ? undefined : inside(this.holds, us);
  }

  halted(us: number): Halt | undefined {
    return this.halts.length === 0 ? undefined : inside(this.halts, us);
  }

  /** The product of all moves and splits up to `us`. */
  factor(us: number): number {
    let product = 1;
    for (const step of this.steps) if (step.at <= us) product *= step.factor;
    return product;
  }

  /** The product of all splits after `from` up to `to`: what makes an old price comparable with a new one. */
  splitsBetween(from: number, to: number): number {
    let product = 1;
    for (const step of this.steps) if (step.split && step.at > from && step.at <= to) product *= step.factor;
    return product;
  }

  /** The last time up to `us` at which a price was set by hand; -Infinity when never. */
  lastChange(us: number): number {
    let last = Number.NEGATIVE_INFINITY;
    for (const { at } of this.steps) if (at <= us && at > last) last = at;
    for (const { from, until } of this.holds) {
      if (from <= us && from > last) last = from;
      if (until <= us && until > last) last = until;
    }
    return last;
  }
}

function end(spans: readonly Span[], us: number): void {
  const last = spans.at(-1);
  if (last && last.until > us) last.until = us;
}

/** The price with everything that people did to it; `raw` is the process or the recording. */
function scripted(script: Script, raw: (ms: number) => number): (ms: number) => number {
  return (ms) => {
    const us = ms * 1000;
    const hold = script.held(us);
    if (hold) return (hold.bid + hold.ask) / 2e9;
    return raw(ms) * script.factor(us);
  };
}

/** A busy symbol has a tight spread: half of it as a share of the price, from what trades in a day in million USD. */
const tightness = (millions: number): number => Math.min(0.004, Math.max(0.00002, 0.0012 / Math.sqrt(millions + 0.1)));

const dayFactor = (seed: number, ms: number): number => 0.6 + unit(hash2(seed ^ 0x51ed27, Math.floor(ms / 86_400_000)));

export function stockInstrument(listing: Listing, prices: Prices, recorded: Recorded | undefined): Instrument {
  const { character } = listing;
  const seed = prices.seedOf(character.symbol);
  const script = new Script();
  const spread = tightness((character.dailyVolume * character.anchor) / 1e6);
  const raw = recorded ? (ms: number) => recorded.mid(ms) : prices.of(character);
  return {
    symbol: listing.asset.symbol,
    kind: 'stock',
    seed,
    gate: 'overnight',
    script,
    ...(recorded ? { recorded } : {}),
    price: scripted(script, raw),
    step: (price) => (price < 1 ? 100_000 : 10_000_000),
    halfSpread: (price) => price * spread,
    quoteEvery: 500_000,
    tradeEvery: 1_000_000,
    tradeChance: Math.min(0.9, 0.15 + character.dailyVolume / 2e7),
    volume: (ms) => {
      const draw = 0.35 + 1.3 * unit(hash2(seed ^ 0x0f1e2d, Math.floor(ms / 60_000)));
      return Math.round(character.dailyVolume * stockVolumeShare(ms) * draw * dayFactor(seed, ms));
    },
    size: Math.max(1, Math.min(400, Math.round(40_000 / character.anchor))),
    sizeDigits: 0,
  };
}

export function pairInstrument(listing: Listing, prices: Prices, recorded: Recorded | undefined): Instrument {
  const { asset, character, against } = listing;
  const seed = prices.seedOf(asset.symbol);
  const script = new Script();
  const spread = tightness(((character.dailyVolume * character.anchor) / 1e6) * 2);
  const base = prices.of(character);
  const divisor = against ? prices.of(against) : () => 1;
  const raw = recorded ? (ms: number) => recorded.mid(ms) : (ms: number) => base(ms) / divisor(ms);
  const step = Number(asset.priceIncrement ?? 1n);
  return {
    symbol: asset.symbol,
    kind: 'coin',
    seed,
    gate: 'always',
    script,
    ...(recorded ? { recorded } : {}),
    price: scripted(script, raw),
    step: () => step,
    halfSpread: (price) => price * spread,
    quoteEvery: 500_000,
    tradeEvery: 5_000_000,
    tradeChance: 0.4,
    volume: (ms) => {
      const draw = unit(hash2(seed ^ 0x0f1e2d, Math.floor(ms / 60_000)));
      if (draw < 0.35) return 0; // a small venue: many minutes pass without a trade
      return Math.round(((character.dailyVolume * draw * dayFactor(seed, ms)) / 800) * 1e4) / 1e4;
    },
    size: 12_000 / character.anchor,
    sizeDigits: 4,
  };
}

export function optionInstrument(listing: Listing, occ: Occ, symbol: string, underlying: Instrument): Instrument {
  const { character } = listing;
  const seed = hash2(underlying.seed, hash2(occ.expiry, occ.strike * 2 + (occ.type === 'call' ? 1 : 0)));
  const script = new Script();
  const moneyness = Math.log(occ.strike / 1000 / character.anchor) / 0.12;
  const daily = Math.min(20_000, character.dailyVolume / 2500) * Math.exp(-moneyness * moneyness);
  const raw = (ms: number): number => {
    // After a split a contract goes on as an adjusted one: it is worth what it was, on the price before the split.
    const spot = underlying.price(ms) / underlying.script.splitsBetween(Number.NEGATIVE_INFINITY, ms * 1000);
    return valuation(listing, occ, spot, ms).value;
  };
  return {
    symbol,
    kind: 'option',
    seed,
    gate: 'option',
    script,
    price: scripted(script, raw),
    step: (price) => optionStep(occ.root, price),
    halfSpread: (price) => 0.01 + Math.min(price, 25) * 0.012,
    quoteEvery: 1_000_000,
    tradeEvery: 60_000_000,
    tradeChance: Math.min(0.9, 0.05 + daily / 2000),
    volume: (ms) => {
      // Even a contract far from the money trades a few times a day (tradeChance), and its bars have to say so.
      const expected = Math.max(0.02, daily * stockVolumeShare(ms));
      const draw = unit(hash2(seed ^ 0x0f1e2d, Math.floor(ms / 60_000)));
      if (expected >= 1) return Math.round(expected * (0.4 + 1.2 * draw));
      return draw < expected ? 1 + (hash2(seed, Math.floor(ms / 60_000)) % 4) : 0;
    },
    size: 30,
    sizeDigits: 0,
  };
}
