/**
 * What Alpaca accepts for options, single-leg and multi-leg: the form of the order, the contract's state, the legs
 * (Alpaca docs: options trading, options level 3). Levels, cover and buying power are judged in admission.ts.
 * Must never look at an account.
 */
import { malformed, subPenny, uncovered, unprocessable } from './errors.ts';
import { CENT, fixed, isWhole, ONE } from './fixed.ts';
import { type OptionLeg, strategyMargin } from './margin.ts';
import type { Draft } from './request.ts';
import { MINUTE } from './time.ts';
import type { Contract, Fixed, Instant, MarketView, Refusal } from './types.ts';

const MAX_OPTION_QTY = fixed('10000');

/** `AAPL261218C00200000`. */
export const looksLikeOcc = (symbol: string): boolean => /^[A-Z0-9]{1,6}[0-9]{6}[CP][0-9]{8}$/.test(symbol);

/** A contract that cannot be traded now, or not be opened any more. `opening`: the order would open a position. */
export function contractState(
  contract: Contract,
  opening: boolean,
  market: MarketView,
  at: Instant,
): Refusal | undefined {
  const { symbol } = contract;
  const day = market.tradingDay(at);
  if (contract.expiry < day.date || (contract.expiry === day.date && at >= day.close)) {
    return unprocessable(`contract "${symbol}" is expired`);
  }
  if (contract.status !== 'active') return unprocessable(`contract "${symbol}" is not active`);
  if (!contract.tradable) return unprocessable(`contract "${symbol}" is not tradable`);
  // 15:30 New York on the day of expiry.
  if (opening && contract.expiry === day.date && at >= day.close - 30n * MINUTE) {
    return unprocessable(`contract "${symbol}" expires soon, unable to open new positions`);
  }
  return undefined;
}

export function optionRules(draft: Draft, market: MarketView, at: Instant): Refusal | undefined {
  if (draft.class !== 'simple') return unprocessable('complex orders not supported for options trading');
  if (draft.notional !== null) return unprocessable('notional orders are not supported for options trading');
  if (draft.qty !== null && !isWhole(draft.qty)) return unprocessable('qty must be integer for options trading');
  if (draft.qty !== null && draft.qty > MAX_OPTION_QTY) return unprocessable('options order qty must be <= 10000');
  if (draft.extended) return unprocessable('extended hours is not supported for options trading');
  if (draft.type === 'trailing_stop') return unprocessable('invalid order type for options trading');
  if (draft.tif !== 'day' && draft.tif !== 'gtc') {
    return unprocessable('order_time_in_force provided not supported for options trading');
  }
  if (draft.type === 'market' && market.session(at) !== 'core') {
    return unprocessable('options market orders are only allowed during market hours');
  }
  for (const [field, price] of [
    ['limit_price', draft.limit],
    ['stop_price', draft.stop],
  ] as const) {
    if (price !== null && price % CENT !== 0n) return subPenny(field, price);
  }
  return undefined;
}

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));

/** The form of a multi-leg order, before its contracts are looked up. */
export function mlegForm(draft: Draft): Refusal | undefined {
  const { legs } = draft;
  if (draft.notional !== null) return unprocessable('notional orders are not supported for options trading');
  if (draft.qty === null) return malformed('qty or notional is required');
  if (!isWhole(draft.qty)) return unprocessable('qty must be integer for options trading');
  if (draft.qty > MAX_OPTION_QTY) return unprocessable('options order qty must be <= 10000');
  if (legs.length < 2 || legs.length > 4) {
    return unprocessable('mleg orders must have at least 2 legs and at most 4 legs');
  }
  if (draft.type !== 'market' && draft.type !== 'limit') return unprocessable('invalid options order_type');
  if (draft.tif !== 'day' && draft.tif !== 'gtc') return unprocessable('invalid time in force');
  if (draft.extended) return unprocessable('extended hours is not supported for options trading');
  if (draft.type === 'limit' && draft.limit === null) {
    return unprocessable('limit price is required for limit orders');
  }
  if (draft.type === 'market' && draft.limit !== null) {
    return unprocessable('limit price is only valid for limit orders');
  }
  if (draft.limit !== null && draft.limit % CENT !== 0n) return unprocessable('invalid limit price');
  if (new Set(legs.map((leg) => leg.symbol)).size !== legs.length) {
    return unprocessable('mleg order legs must be unique');
  }
  for (const [i, leg] of legs.entries()) {
    // Alpaca's page asks for the intent, its own Python client sends the side alone: one of the two must be there.
    if (leg.intent === null && leg.side === null) return unprocessable(`leg.${i} position intent is required`);
    if (!isWhole(leg.ratio)) return unprocessable(`leg.${i} ratio_qty must be integer`);
    if (leg.side !== null && leg.intent !== null && !leg.intent.startsWith(leg.side)) {
      return unprocessable(`leg.${i} side does not match its position intent`);
    }
  }
  if (legs.reduce((all, leg) => gcd(all, leg.ratio), 0n) !== ONE) {
    return unprocessable('the greatest common divisor of the leg ratios must be 1');
  }
  return undefined;
}

export interface BoundLeg extends OptionLeg {
  /** It opens a position: only such legs are asked to cover each other. */
  readonly opening: boolean;
}

/** The contracts of a multi-leg order together: one underlying, short legs covered within the order. */
export function mlegTogether(legs: readonly BoundLeg[]): Refusal | undefined {
  const first = legs[0]?.contract;
  for (const { contract } of legs) {
    if (first !== undefined && contract.underlying !== first.underlying) {
      return unprocessable(`underlying asset mismatch: ${first.underlying} != ${contract.underlying}`);
    }
  }
  const european = legs.filter((leg) => leg.contract.style === 'european');
  if (new Set(european.map((leg) => leg.contract.expiry)).size > 1) {
    return unprocessable('European-style option legs in a multi-leg order must have the same expiration date');
  }
  const opening = legs.filter((leg) => leg.opening);
  if (strategyMargin(opening).nakedCalls > 0n || nakedPuts(opening) > 0n) return uncovered();
  return undefined;
}

/** Short puts beyond the long puts that live as long. */
function nakedPuts(legs: readonly OptionLeg[]): Fixed {
  let worst = 0n;
  for (const { contract } of legs) {
    const net = legs
      .filter((leg) => leg.contract.type === 'put' && leg.contract.expiry >= contract.expiry)
      .reduce((sum, leg) => sum + leg.qty, 0n);
    if (-net > worst) worst = -net;
  }
  return worst;
}
