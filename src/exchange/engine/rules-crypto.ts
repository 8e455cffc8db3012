/**
 * What Alpaca accepts for crypto pairs: types, time in force, increments, minimum and maximum (Alpaca docs: crypto).
 * Must never look at an account.
 */
import { belowMinimum, malformed, unprocessable } from './errors.ts';
import { ONE, text, whole } from './fixed.ts';
import type { Draft } from './request.ts';
import type { Asset, Fixed, Refusal } from './types.ts';

const MAX_NOTIONAL = whole(200_000);
/** In USD. */
const MIN_BUY = whole(10);

export function cryptoRules(draft: Draft, asset: Asset): Refusal | undefined {
  if (draft.type === 'stop' || draft.type === 'trailing_stop') {
    return unprocessable('invalid order type for crypto order');
  }
  if (draft.tif !== 'gtc' && draft.tif !== 'ioc') return unprocessable('invalid crypto time_in_force');
  if (draft.class !== 'simple') return unprocessable('crypto orders must be simple orders');
  if (draft.extended) return unprocessable('extended hours is not supported for crypto order');
  if (draft.intent !== null) return malformed('position_intent is for options orders');
  if (draft.notional !== null && draft.notional < ONE) return malformed('notional must be >= 1.00');
  const step = asset.minTradeIncrement ?? 1n;
  if (draft.qty !== null && draft.qty % step !== 0n) {
    return unprocessable(`qty must be a multiple of the minimum trade increment ${text(step)}`);
  }
  const tick = asset.priceIncrement ?? 1n;
  for (const [field, price] of [
    ['limit_price', draft.limit],
    ['stop_price', draft.stop],
  ] as const) {
    if (price !== null && price % tick !== 0n) {
      return unprocessable(`invalid ${field} ${text(price)}, must be a multiple of ${text(tick)}`);
    }
  }
  return undefined;
}

/** The smallest and the largest order. `value`: what the order is worth, USD; `all`: it sells all there is. */
export function cryptoSize(draft: Draft, asset: Asset, value: Fixed, all: boolean): Refusal | undefined {
  if (value > MAX_NOTIONAL) {
    return unprocessable(`crypto order notional must be <= ${text(MAX_NOTIONAL)}`);
  }
  if (draft.side === 'buy') return value < MIN_BUY ? belowMinimum(10) : undefined;
  if (draft.qty !== null && asset.minOrderSize !== undefined && draft.qty < asset.minOrderSize && !all) {
    return belowMinimum(10);
  }
  return undefined;
}
