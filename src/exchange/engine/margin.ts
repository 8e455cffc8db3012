/**
 * What an account is worth and what it may still spend: equity, margins, buying power (Alpaca docs: margin and short
 * selling, options level 3). Reads positions and quotes; must never change anything.
 */
import { abs, max, min, mul, ONE, part, whole } from './fixed.ts';
import { type Account, type Instrument, multiplierOf, type Position } from './state.ts';
import type { Asset, Contract, Fixed, Instant, Quote } from './types.ts';
import type { World } from './world.ts';

/** The price at which a position is valued: options by their mid, everything else by the last trade. */
export function markOf(instrument: Instrument, quote: Quote): Fixed {
  const mid = quote.bid > 0n && quote.ask > 0n ? (quote.bid + quote.ask) / 2n : 0n;
  if (instrument.kind === 'contract') return mid || quote.last;
  return quote.last || mid;
}

export function priceOf(world: World, position: Position, at: Instant): Fixed {
  const quote = world.market.quote(position.instrument.symbol, at);
  return (quote && markOf(position.instrument, quote)) || position.mark;
}

export const marketValue = (position: Position, price: Fixed): Fixed =>
  mul(position.qty * multiplierOf(position.instrument), price);

// -------------------------------------------------------------------------------------------------- option strategies

export interface OptionLeg {
  readonly contract: Contract;
  /** Contracts, signed: negative when short. */
  readonly qty: Fixed;
}

export interface StrategyMargin {
  /** The worst loss at expiry over all strikes and expiries, USD. */
  readonly margin: Fixed;
  /** Short calls beyond the long calls that live as long: shares must stand behind them (100 each). */
  readonly nakedCalls: Fixed;
}

/**
 * The universal spread rule: for each expiry, the legs that live at least that long are paid off at 0 and at every
 * strike; the margin is the largest loss. Naked calls lose without bound: they are reported, and counted as covered.
 */
export function strategyMargin(legs: readonly OptionLeg[]): StrategyMargin {
  let margin = 0n;
  let nakedCalls = 0n;
  if (!legs.some((leg) => leg.qty < 0n)) return { margin, nakedCalls };
  for (const expiry of new Set(legs.map((leg) => leg.contract.expiry))) {
    const living = legs.filter((leg) => leg.contract.expiry >= expiry);
    const netCalls = living.reduce((sum, leg) => (leg.contract.type === 'call' ? sum + leg.qty : sum), 0n);
    const naked = netCalls < 0n ? -netCalls : 0n;
    nakedCalls = max(nakedCalls, naked);
    for (const price of [0n, ...living.map((leg) => leg.contract.strike)]) {
      // Shares behind naked calls pay off as a call with strike 0.
      let payoff = mul(naked, price);
      for (const { contract, qty } of living) {
        const inner = contract.type === 'call' ? price - contract.strike : contract.strike - price;
        if (inner > 0n) payoff += mul(qty, inner);
      }
      margin = max(margin, -payoff * 100n);
    }
  }
  return { margin, nakedCalls };
}

/** The option positions of an account in one underlying, with `extra` legs added. */
export function optionLegs(account: Account, underlying: string, extra: readonly OptionLeg[] = []): OptionLeg[] {
  const sums = new Map<string, { contract: Contract; qty: Fixed }>();
  const add = (contract: Contract, qty: Fixed): void => {
    const known = sums.get(contract.symbol);
    if (known) known.qty += qty;
    else sums.set(contract.symbol, { contract, qty });
  };
  for (const { instrument, qty } of account.positions.values()) {
    if (instrument.kind === 'contract' && instrument.underlying === underlying) add(instrument, qty);
  }
  for (const leg of extra) add(leg.contract, leg.qty);
  return [...sums.values()].filter((leg) => leg.qty !== 0n);
}

/** Shares of `symbol` that stand behind short calls of the account. */
function sharesBehindCalls(account: Account, symbol: string): Fixed {
  for (const { instrument, qty } of account.positions.values()) {
    if (instrument.kind === 'contract' && qty < 0n && instrument.underlying === symbol && instrument.type === 'call') {
      return strategyMargin(optionLegs(account, symbol)).nakedCalls * 100n;
    }
  }
  return 0n;
}

/** How much of a position may still be sold (long) or covered (short). Never negative. */
export function availableQty(account: Account, symbol: string): Fixed {
  const position = account.positions.get(symbol);
  if (position === undefined) return 0n;
  const behind = position.qty > 0n ? sharesBehindCalls(account, symbol) : 0n;
  return max(0n, abs(position.qty) - (account.lanes.get(symbol)?.held ?? 0n) - behind);
}

// ------------------------------------------------------------------------------------------------------------ margins

/** Maintenance margin of a long or short (negative) stock position, USD (Alpaca docs: margin and short selling). */
function maintenance(asset: Asset, qty: Fixed, price: Fixed): Fixed {
  const value = abs(mul(qty, price));
  if (asset.class === 'crypto' || !asset.marginable) return value;
  if (qty < 0n) {
    const low = price < whole(5);
    const perShare = abs(mul(qty, low ? 5n * (ONE / 2n) : whole(5)));
    return max(perShare, low ? value : part(value, 30n, 100n));
  }
  if (price < 5n * (ONE / 2n)) return value;
  const percent = asset.leverage === 3 ? 75n : asset.leverage === 2 ? 50n : 30n;
  return part(value, percent, 100n);
}

/** Margin that opening `value` USD of a stock asks for, under multiplier `m`. */
export function initialMargin(asset: Asset, qty: Fixed, price: Fixed, m: bigint): Fixed {
  const value = abs(mul(qty, price));
  if (m === 1n || asset.class === 'crypto' || !asset.marginable) return value;
  return max(part(value, 1n, m), m === 2n ? maintenance(asset, qty, price) : 0n);
}

export interface Valuation {
  readonly equity: Fixed;
  readonly longValue: Fixed;
  /** Negative. */
  readonly shortValue: Fixed;
  /** Of the positions alone. */
  readonly initial: Fixed;
  readonly maintenance: Fixed;
  /** 1, 2 or 4: what applies now. */
  readonly multiplier: bigint;
}

const MARGIN_FLOOR = whole(2000);

/** Margin needs 2,000 USD of equity. */
const multiplierAt = (account: Account, equity: Fixed): bigint =>
  equity < MARGIN_FLOOR ? 1n : min(BigInt(account.multiplier), BigInt(account.config.maxMultiplier));

/** Values an account at `at`. Costs one quote per position. */
export function valuation(world: World, account: Account, at: Instant): Valuation {
  if (account.positions.size === 0) {
    const multiplier = multiplierAt(account, account.cash);
    return { equity: account.cash, longValue: 0n, shortValue: 0n, initial: 0n, maintenance: 0n, multiplier };
  }
  let longValue = 0n;
  let shortValue = 0n;
  const priced: { position: Position; price: Fixed; value: Fixed }[] = [];
  for (const position of account.positions.values()) {
    const price = priceOf(world, position, at);
    const value = marketValue(position, price);
    if (value >= 0n) longValue += value;
    else shortValue += value;
    priced.push({ position, price, value });
  }
  const equity = account.cash + longValue + shortValue;
  const multiplier = multiplierAt(account, equity);
  let initial = 0n;
  let upkeep = 0n;
  const optionValue = new Map<string, Fixed>();
  for (const { position, price, value } of priced) {
    const { instrument } = position;
    if (instrument.kind === 'contract') {
      optionValue.set(instrument.underlying, (optionValue.get(instrument.underlying) ?? 0n) + value);
    } else {
      initial += initialMargin(instrument, position.qty, price, multiplier);
      upkeep += maintenance(instrument, position.qty, price);
    }
  }
  for (const [underlying, value] of optionValue) {
    // What the worst case takes beyond what the options are worth today, which equity has counted already.
    const demand = max(0n, strategyMargin(optionLegs(account, underlying)).margin + value);
    initial += demand;
    upkeep += demand;
  }
  return { equity, longValue, shortValue, initial, maintenance: upkeep, multiplier };
}

export interface Power {
  /** What marginable orders may cost, USD. */
  readonly buyingPower: Fixed;
  /** What crypto and option orders may cost, USD. */
  readonly nonMarginable: Fixed;
  readonly valuation: Valuation;
}

/** Buying power after the positions and every open order: a resting buy takes exactly quantity × limit. */
export function power(world: World, account: Account, at: Instant): Power {
  const worth = valuation(world, account, at);
  const free = worth.equity - worth.initial;
  return {
    buyingPower: max(0n, free * worth.multiplier - account.reserved),
    nonMarginable: max(0n, free - account.marginHeld),
    valuation: worth,
  };
}
