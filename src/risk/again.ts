/**
 * A second look at an order that has waited: may it still be sent? Pure but for standing aside a moment. Must never count the
 * order itself against it, nor cost anything where no limit is set or nothing has moved since it was taken in.
 */
import { decimal, exact } from '../order/decimal.ts';
import type { OrderError } from '../order/errors.ts';
import type { TradeRequest } from '../order/request.ts';
import { judge, type LimitRules } from './limits.ts';
import { type Measured, measure } from './measure.ts';
import { isSet } from './refusal.ts';
import type { OpenPart } from './standing.ts';
import type { Ground } from './sums.ts';

const ZERO = exact('0');

/** Null when it may go. What the tower has counted it for when it was taken in, it counts for here. */
export function refusedNow(seq: number, trade: TradeRequest, rules: LimitRules, ground: Ground): OrderError | null {
  const all = [rules.account, rules.agent(trade.agent)];
  // Of the clock and of settings that are new since the start nothing moves in the sums.
  const isTimed = all.some(({ hours }) => hours !== null);
  if (!isTimed && !ground.standings.hasMovedSince(seq)) return null;
  const isLimited =
    isTimed ||
    rules.allotment(trade.agent) !== null ||
    all.some(
      (one) =>
        !one.shorting ||
        isSet(one, 'order_qty', 'order_value', 'position_qty', 'position_value', 'gross_value', 'day_loss') ||
        isSet(one, 'symbols', 'symbols_barred', 'asset_classes', 'sides'),
    );
  if (!isLimited) return null;
  return ground.standings.without(seq, (parts) =>
    parts.length === 0 ? null : judge(measuredAgain(trade, parts), rules, ground, null, true),
  );
}

function measuredAgain(trade: TradeRequest, open: readonly OpenPart[]): Measured {
  const first = measure(trade, new Map());
  const parts = open.map(({ symbol, side, left, unit, isExit }) => ({
    symbol,
    side,
    qty: decimal(left),
    unit: decimal(unit),
    isExit,
  }));
  const main = parts.filter(({ isExit }) => !isExit);
  const isPriced = main.every(({ unit }) => unit !== '0');
  const sum = main.reduce((value, { qty, unit }) => value.plus(exact(qty).times(unit)), ZERO);
  // A strategy is worth its net price as an order, where it has one.
  const value = 'legs' in trade && first.value !== null ? first.value : isPriced ? decimal(sum) : null;
  const isUnsized = first.qty === null && main.every(({ qty, unit }) => qty === '1' && unit === value);
  return { ...first, parts, isPriced, value, isUnsized };
}
