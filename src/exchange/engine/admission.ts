/**
 * May this account place this order now, and what does the order take while it is open? Judges a draft against the
 * account: positions, wash trades, shorting, levels, buying power (Alpaca docs: orders, user protection, margin).
 * Must never change anything: it answers Terms, and lifecycle.ts applies them.
 */
import {
  assetNotActive,
  assetNotTradable,
  belowMinimum,
  cannotSellShort,
  forbidden,
  insufficientBalance,
  insufficientBuyingPower,
  insufficientQty,
  noQuote,
  ok,
  refuse,
  unprocessable,
  washTrade,
} from './errors.ts';
import { abs, div, divDown, max, min, mul, ONE, part, whole } from './fixed.ts';
import { availableQty, initialMargin, markOf, power } from './margin.ts';
import type { Draft } from './request.ts';
import { cryptoRules, cryptoSize } from './rules-crypto.ts';
import { equityRules, isFractional } from './rules-equity.ts';
import { type Account, laneOf, positionQty, washLimit } from './state.ts';
import type { Asset, Fixed, Instant, PositionIntent, Quote, Refusal, Result } from './types.ts';
import type { World } from './world.ts';

/** What an accepted order takes while it is open. */
export interface Terms {
  /** Buying power, USD. */
  readonly reserve: Fixed;
  /** Initial margin behind it, USD: what other kinds of orders see of it. */
  readonly margin: Fixed;
  readonly holdSymbol: string | null;
  readonly hold: Fixed;
  readonly intent: PositionIntent | null;
  /** Worst price at which an order without a limit may fill. */
  readonly collar: Fixed | null;
  readonly hwm: Fixed | null;
}

export const NO_TERMS: Terms = {
  reserve: 0n,
  margin: 0n,
  holdSymbol: null,
  hold: 0n,
  intent: null,
  collar: null,
  hwm: null,
};

/** A buy stop becomes a stop-limit: 4 % above the stop below 50 USD, 2.5 % above it from there on. */
const stopCollar = (stop: Fixed): Fixed => part(stop, stop < whole(50) ? 1040n : 1025n, 1000n);

/** User protection: the new order against every open order of the other side (Alpaca docs: user protection). */
export function washes(account: Account, symbol: string, draft: Draft): Refusal | undefined {
  if (draft.class !== 'simple' || draft.type === 'trailing_stop') return undefined;
  const lane = account.lanes.get(symbol);
  if (lane === undefined) return undefined;
  const buy = draft.side === 'buy';
  const [hard] = buy ? lane.hardSells : lane.hardBuys;
  if (hard !== undefined) return washTrade(hard.id, 'market/stop');
  const best = (buy ? lane.sells : lane.buys).peek();
  if (best === undefined) return undefined;
  const limit = washLimit(draft.type, draft.limit);
  if (limit === null || (buy ? limit >= best.key : limit <= best.key)) return washTrade(best.item.id, 'limit');
  return undefined;
}

/** The refusal for more than what is free of a position. */
export function tooMuch(account: Account, symbol: string, requested: Fixed): Refusal {
  const existing = abs(positionQty(account, symbol));
  const available = availableQty(account, symbol);
  const holders = [...(account.lanes.get(symbol)?.holders ?? [])].sort((a, b) => a.seq - b.seq).map(({ id }) => id);
  return insufficientQty(symbol, requested, available, existing, existing - available, holders);
}

/** What one unit is reckoned to cost or bring, before it has filled; null: no price is known. */
function referencePrice(world: World, draft: Draft, asset: Asset, quote: Quote | undefined, at: Instant): Fixed | null {
  if (draft.limit !== null) return draft.limit;
  const buy = draft.side === 'buy';
  if (draft.stop !== null) return buy ? stopCollar(draft.stop) : draft.stop;
  if (quote === undefined) return null;
  const session = asset.class === 'crypto' ? 'core' : world.market.session(at);
  const side = buy ? quote.ask : quote.bid;
  if (session === 'core') return side || null;
  if (session !== 'closed' && quote.bid > 0n && quote.ask > 0n) return (quote.bid + quote.ask) / 2n;
  return quote.last || side || null;
}

function assetState(asset: Asset): Refusal | undefined {
  if (asset.status !== 'active') return assetNotActive(asset.symbol);
  if (!asset.tradable) return assetNotTradable(asset.symbol);
  return undefined;
}

const sixfold = 6n;

// -------------------------------------------------------------------------------------------------------------- stocks

function shortRules(account: Account, draft: Draft, asset: Asset, multiplier: bigint): Refusal | undefined {
  if (isFractional(draft)) return unprocessable('fractional orders cannot be sold short');
  if (!account.shorting || account.config.noShorting || multiplier === 1n) {
    return forbidden('account is not allowed to short');
  }
  if (!asset.shortable || !asset.easyToBorrow) return cannotSellShort(asset.symbol);
  return undefined;
}

export function admitEquity(world: World, account: Account, draft: Draft, asset: Asset, at: Instant): Result<Terms> {
  const state = assetState(asset);
  if (state) return refuse(state);
  const { symbol } = asset;
  const quote = world.market.quote(symbol, at);
  const broken = equityRules(draft, asset, quote, world.market, account.config.fractionalTrading, at);
  if (broken) return refuse(broken);

  const buy = draft.side === 'buy';
  const held = positionQty(account, symbol);
  const closing = buy ? held < 0n : held > 0n;
  if (draft.class === 'oco' && !closing) {
    return refuse(unprocessable('oco orders must be exit orders'));
  }
  if ((draft.class === 'bracket' || draft.class === 'oto') && closing) {
    return refuse(unprocessable(`${draft.class} orders must be entry orders`));
  }
  const price = referencePrice(world, draft, asset, quote, at);
  if (price === null) return refuse(noQuote());
  const available = closing ? availableQty(account, symbol) : 0n;
  const qty = draft.qty ?? divDown(draft.notional ?? 0n, price);

  if (closing && qty > available) return refuse(tooMuch(account, symbol, qty));
  if (closing && !buy && isFractional(draft) && world.market.session(at) !== 'core') {
    for (const order of laneOf(account, symbol).holders) {
      if (order.side === 'sell' && isFractional(order)) {
        return refuse(forbidden('unable to open new notional orders while having open closing position orders'));
      }
    }
  }
  const wash = washes(account, symbol, draft);
  if (wash) return refuse(wash);

  const collar = buy && draft.type === 'stop' && draft.stop !== null ? stopCollar(draft.stop) : null;
  const hwm = draft.type === 'trailing_stop' ? quote?.last || price : null;
  const base: Terms = { ...NO_TERMS, collar, hwm };
  if (closing) return ok({ ...base, holdSymbol: symbol, hold: qty });

  const { buyingPower, nonMarginable, valuation } = power(world, account, at);
  if (!buy) {
    const short = shortRules(account, draft, asset, valuation.multiplier);
    if (short) return refuse(short);
  }
  const lane = account.lanes.get(symbol);
  if (!buy && lane !== undefined && lane.openingBuys > 0) {
    return refuse(forbidden('cannot open a short sell while a long buy order is open'));
  }
  if (buy && lane !== undefined && lane.openingSells > 0) {
    return refuse(forbidden('cannot open a long buy while a short sell order is open'));
  }
  if (valuation.longValue - valuation.shortValue > sixfold * max(valuation.equity, 0n)) {
    return refuse(forbidden('account is restricted to liquidation only'));
  }
  const unit = buy ? price : max(price, quote ? part(quote.ask, 103n, 100n) : 0n);
  const cost = draft.notional ?? mul(qty, unit);
  if (buy && cost < ONE) return refuse(belowMinimum(1));
  const margin = initialMargin(asset, buy ? qty : -qty, unit, valuation.multiplier);
  if (cost > buyingPower) return refuse(insufficientBuyingPower(buyingPower, cost));
  if (margin > nonMarginable) {
    return refuse(insufficientBuyingPower(min(buyingPower, nonMarginable * valuation.multiplier), cost));
  }
  return ok({ ...base, reserve: cost, margin });
}

// -------------------------------------------------------------------------------------------------------------- crypto

/** `BTC/USD` → `['BTC', 'USD']`. */
export const coinsOf = (symbol: string): readonly [string, string] => {
  const [base = symbol, quote = 'USD'] = symbol.split('/');
  return [base, quote];
};

/** Market orders are limits 2 % beyond the other side. */
const cryptoCollar = (buy: boolean, side: Fixed): Fixed => part(side, buy ? 102n : 98n, 100n);

export function admitCrypto(world: World, account: Account, draft: Draft, asset: Asset, at: Instant): Result<Terms> {
  const broken = assetState(asset) ?? cryptoRules(draft, asset);
  if (broken) return refuse(broken);
  const { symbol } = asset;
  const [coin, money] = coinsOf(symbol);
  const quote = world.market.quote(symbol, at);
  const buy = draft.side === 'buy';
  const reference = referencePrice(world, draft, asset, quote, at);
  if (reference === null) return refuse(noQuote());
  const collar = draft.type === 'market' ? cryptoCollar(buy, reference) : null;
  const price = collar ?? reference;
  const step = asset.minTradeIncrement ?? 1n;
  const qty = draft.qty ?? (divDown(draft.notional ?? 0n, price) / step) * step;
  // Orders priced in another coin are reckoned in dollars for the limits on their size.
  const moneyPair = money === 'USD' ? undefined : world.market.asset(`${money}/USD`);
  const moneyQuote = moneyPair && world.market.quote(moneyPair.symbol, at);
  if (money !== 'USD' && (!moneyPair || !moneyQuote)) return refuse(noQuote());
  const rate = moneyPair && moneyQuote ? markOf(moneyPair, moneyQuote) : ONE;
  const worth = mul(draft.notional ?? mul(qty, reference), rate);

  const available = availableQty(account, symbol);
  const size = cryptoSize(draft, asset, worth, qty === available);
  if (size) return refuse(size);
  if (!buy && qty > available) {
    return refuse(insufficientBalance(coin, qty, available, positionQty(account, symbol)));
  }
  const wash = washes(account, symbol, draft);
  if (wash) return refuse(wash);
  if (!buy) return ok({ ...NO_TERMS, collar, holdSymbol: symbol, hold: qty });

  const cost = draft.notional ?? mul(qty, price);
  if (moneyPair) {
    const free = availableQty(account, moneyPair.symbol);
    if (cost > free) {
      return refuse(insufficientBalance(money, cost, free, positionQty(account, moneyPair.symbol)));
    }
    return ok({ ...NO_TERMS, collar, holdSymbol: moneyPair.symbol, hold: cost });
  }
  const { buyingPower, nonMarginable } = power(world, account, at);
  const free = min(buyingPower, nonMarginable);
  if (cost > free) return refuse(insufficientBalance('USD', cost, free, account.cash));
  return ok({ ...NO_TERMS, collar, reserve: cost, margin: cost });
}

/** What a notional order buys or sells at `price`. */
export function qtyForNotional(notional: Fixed, asset: Asset, price: Fixed, buy: boolean): Fixed {
  if (asset.class !== 'crypto') return divDown(notional, price);
  const step = asset.minTradeIncrement ?? 1n;
  const qty = buy ? divDown(notional, cryptoCollar(true, price)) : div(notional, price);
  return (qty / step) * step;
}
