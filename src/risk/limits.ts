/**
 * The limits: may this order be taken, given where its agent and the account stand? Pure; called by the journal inside the
 * transaction that takes the order in, so that no other order can come in between. Must never count less than what may
 * still happen, nor tell an agent another's numbers: of the account's limits it learns only that one is reached.
 */
import { type Exact, exact } from '../order/decimal.ts';
import { type ErrorCode, type OrderError, orderError } from '../order/errors.ts';
import type { TradeRequest } from '../order/request.ts';
import { optionContract } from '../order/symbol.ts';
import { CEILINGS, type Limits } from '../settings.limits.ts';
import { isOpenAt, waitsForDays } from './hours.ts';
import { assetClassOf, coinOf, type Measured, type Part, plainSymbol, type Quotes } from './measure.ts';
import { few, isSet, type Name, noPrice, reached, type Side, text, usd } from './refusal.ts';
import { ACCOUNT, type Standings, sidesOf, worstValue } from './standing.ts';
import { costOf, type Ground, isReduction, lossOf } from './sums.ts';

export interface LimitRules {
  readonly account: Limits;
  agent(agent: string): Limits;
  /** USD; null for none. */
  allotment(agent: string): string | null;
  readonly quoteSeconds: number;
  readonly conflicts: 'off' | 'refuse' | 'hold';
  readonly marketClosed: 'pass' | 'warn' | 'refuse';
  /** Cancels of one agent in a minute after which the owner is told; null for never. */
  readonly cancelsAlarm: number | null;
}

const ZERO = exact('0');

const many = (orders: number): string => (orders === 1 ? '1 order was' : `${orders} orders were`);

/** Whether the order can be judged only with quotes of what it names. */
export function needsQuote(rules: LimitRules, trade: TradeRequest): boolean {
  const all = [rules.account, rules.agent(trade.agent)];
  const isAny = (...names: readonly Name[]): boolean => all.some((one) => isSet(one, ...names));
  const hasAllotment = rules.allotment(trade.agent) !== null;
  const hasLimit = 'legs' in trade ? trade.limitPrice !== null : 'limitPrice' in trade.terms;
  if (isAny('collar_percent') && hasLimit) return true;
  if ('size' in trade && 'notional' in trade.size) {
    if (hasAllotment || isAny('order_qty', 'position_qty') || all.some(({ shorting }) => !shorting)) return true;
  }
  const isSpent = hasAllotment || isAny('position_value', 'gross_value');
  if (!isSpent && !isAny('order_value', 'day_value')) return false;
  if (!hasLimit) return true;
  // The price of the whole tells nothing of its legs, nor one in coins of dollars.
  return 'legs' in trade ? isSpent : trade.side === 'sell' || coinOf(trade) !== null;
}

/**
 * Null when it may be taken. `isAgain`: it was taken in before and is not counted here; then what is looked at is what may
 * have changed while it waited, and not how often or at what distance from the market it was asked for.
 */
export function judge(
  order: Measured,
  rules: LimitRules,
  ground: Ground,
  quotes: Quotes | null,
  isAgain = false,
): OrderError | null {
  const agent: Side = {
    scope: order.agent,
    limits: rules.agent(order.agent),
    name: (limit) => `agents.${order.agent}.limits.${limit}`,
  };
  const account: Side = { scope: ACCOUNT, limits: rules.account, name: (limit) => `limits.account.${limit}` };
  const ceiling = overCeiling(order);
  if (ceiling !== null) return ceiling;
  if (!isAgain && rules.marketClosed === 'refuse' && waitsForDays(order.session, ground.now))
    return orderError('risk_closed', 'the market is closed, and the order would wait for two days or more', {
      more: { limit: 'limits.market_closed' },
    });
  for (const side of [agent, account]) {
    const error =
      mayNot(order, side, ground) ??
      tooLarge(order, side) ??
      (isAgain ? null : (offMarket(order, side, rules, quotes) ?? tooOften(order, side, ground))) ??
      tooMuch(order, side, ground) ??
      (isAgain ? null : tooMuchToday(order, side, ground)) ??
      tooLossy(order, side, ground);
    if (error !== null) return error;
  }
  return beyondAllotment(order, rules, ground);
}

function overCeiling(order: Measured): OrderError | null {
  const qty = order.parts.find((part) => exact(part.qty).gt(CEILINGS.order_qty));
  if (qty !== undefined && order.qty !== null)
    return orderError(
      'risk_qty',
      `the quantity ${order.qty} is above ${CEILINGS.order_qty}, which no setting can raise`,
      {
        field: 'payload.qty',
        got: order.qty,
        allowed: `at most ${CEILINGS.order_qty}`,
        more: { limit: 'ceiling.order_qty' },
      },
    );
  if (order.value !== null && exact(order.value).gt(CEILINGS.order_value))
    return orderError(
      'risk_value',
      `the order is worth ${order.value} USD, above ${CEILINGS.order_value}, which no setting can raise`,
      {
        got: order.value,
        allowed: `at most ${CEILINGS.order_value}`,
        more: { limit: 'ceiling.order_value' },
      },
    );
  return null;
}

const names = (symbol: string): readonly string[] => {
  const root = optionContract(symbol)?.root;
  // Adjusted contracts bear a digit behind the underlying.
  return root === undefined ? [symbol] : [symbol, root, root.replace(/[0-9]$/, '')];
};

function mayNot(order: Measured, side: Side, { now, standings }: Ground): OrderError | null {
  const { limits } = side;
  const listed = (list: readonly string[], symbol: string): boolean =>
    names(symbol).some((name) => list.some((one) => plainSymbol(one) === name));
  for (const { symbol, side: what } of order.parts.filter((part) => !part.isExit)) {
    const refuse = (limit: Name, words: string, allowed: string): OrderError =>
      reached(side, 'risk_restricted', limit, words, null, {
        field: order.type === 'optionmulti' ? 'payload.legs' : 'payload.symbol',
        got: symbol,
        allowed,
      });
    if (limits.symbols !== null && !listed(limits.symbols, symbol))
      return refuse('symbols', `${symbol} is not among the symbols that may be traded`, few(limits.symbols));
    if (limits.symbols_barred !== null && listed(limits.symbols_barred, symbol))
      return refuse('symbols_barred', `${symbol} may not be traded`, `not ${few(limits.symbols_barred)}`);
    if (limits.sides !== null && !limits.sides.includes(what))
      return reached(side, 'risk_restricted', 'sides', `only ${limits.sides.join(', ')} is taken`, null);
  }
  if (limits.asset_classes !== null && !limits.asset_classes.includes(assetClassOf(order.type)))
    return reached(
      side,
      'risk_restricted',
      'asset_classes',
      `only ${limits.asset_classes.join(', ')} may be traded`,
      null,
    );
  if (limits.hours !== null && !isOpenAt(limits.hours, now))
    return reached(
      side,
      'risk_hours',
      'hours',
      `orders are taken at ${limits.hours} in New York, Monday to Friday`,
      null,
    );
  if (!limits.shorting)
    for (const part of order.parts) {
      const error = part.isExit
        ? null
        : notHeld(order, part, side.scope, standings, (words, numbers) =>
            reached(side, 'risk_short', 'shorting', words, numbers),
          );
      if (error !== null) return error;
    }
  return null;
}

/** Selling more than is held and not yet promised to other orders, exits among them. */
function notHeld(
  order: Measured,
  part: Part,
  scope: string,
  standings: Standings,
  refuse: (words: string, numbers: { asked: Exact; used: Exact; allowed: Exact }) => OrderError,
): OrderError | null {
  if (order.coin !== null)
    return refuse(
      `what is priced in ${order.coin} is paid with coins, which the book may not hold: name a pair in USD`,
      {
        asked: exact(part.qty),
        used: ZERO,
        allowed: ZERO,
      },
    );
  if (part.side !== 'sell') return null;
  if (order.isUnsized) return noPrice(order);
  const one = standings.symbol(order.mode, scope, part.symbol);
  const held = one.held.gt(ZERO) ? one.held : ZERO;
  const asked = exact(part.qty);
  const promised = one.sells.plus(one.exitSells);
  if (promised.plus(asked).lte(held)) return null;
  const words = `${text(asked)} ${part.symbol} cannot be sold: the book holds ${text(held)}, of which ${text(promised)} are in open orders`;
  return refuse(words, { asked, used: promised, allowed: held });
}

function tooLarge(order: Measured, side: Side): OrderError | null {
  const { order_qty, order_value } = side.limits;
  if (order_qty !== null) {
    if (order.isUnsized) return noPrice(order);
    const largest = order.parts
      .filter((part) => !part.isExit)
      .map((part) => exact(part.qty))
      .find((qty) => qty.gt(order_qty));
    if (largest !== undefined)
      return reached(
        side,
        'risk_qty',
        'order_qty',
        `the quantity ${text(largest)} is above the limit of ${order_qty}`,
        {
          asked: largest,
          allowed: exact(order_qty),
        },
        order.parts.length === 1 ? { field: 'payload.qty' } : {},
      );
  }
  if (order_value === null) return null;
  if (order.value === null) return noPrice(order);
  const value = exact(order.value);
  if (value.lte(order_value)) return null;
  return reached(
    side,
    'risk_value',
    'order_value',
    `the order is worth ${text(value)} USD, and the limit is ${order_value}`,
    {
      asked: value,
      allowed: exact(order_value),
    },
  );
}

/** A limit price that gives money away. */
function offMarket(order: Measured, side: Side, rules: LimitRules, quotes: Quotes | null): OrderError | null {
  const { collar_percent } = side.limits;
  const { limit, meeting } = order;
  if (collar_percent === null || limit === null || meeting === null) return null;
  const quote = [...(quotes ?? [])].find(([symbol]) => plainSymbol(symbol) === meeting.symbol)?.[1];
  if (quote === undefined || quote.ageMs > rules.quoteSeconds * 1000 || !isSound(quote)) return noPrice(order);
  const isBuy = meeting.side === 'buy';
  const market = exact(isBuy ? quote.ask : quote.bid);
  const change = market.times(collar_percent).div('100');
  const bound = isBuy ? market.plus(change) : market.minus(change);
  if (isBuy ? exact(limit).lte(bound) : exact(limit).gte(bound)) return null;
  const words = `the price ${limit} is more than ${collar_percent} % worse than the market's ${text(market)}`;
  return orderError('risk_collar', words, {
    field: 'payload.limit_price',
    got: limit,
    allowed: `${isBuy ? 'at most' : 'at least'} ${text(bound)}`,
    more: { limit: side.name('collar_percent'), market: text(market) },
  });
}

/** A quote that is crossed or one-sided is no reference. */
export const isSound = ({ bid, ask }: { readonly bid: string; readonly ask: string }): boolean =>
  exact(bid).gt(ZERO) && exact(ask).gte(bid);

function tooOften(order: Measured, side: Side, { standings, now }: Ground): OrderError | null {
  const { limits, scope } = side;
  const totals = standings.totals(order.mode, scope, now);
  const over = (
    code: ErrorCode,
    limit: Name,
    used: number,
    allowed: number | null,
    words: () => string,
  ): OrderError | null =>
    allowed === null || used < allowed
      ? null
      : reached(side, code, limit, words(), {
          asked: exact('1'),
          used: exact(String(used)),
          allowed: exact(String(allowed)),
        });
  const often =
    over(
      'risk_rate',
      'orders_per_minute',
      totals.minuteOrders,
      limits.orders_per_minute,
      () =>
        `${many(totals.minuteOrders)} taken in this minute; the next is taken in ${Math.max(1, Math.ceil((totals.nextAt - now) / 1e6))} s`,
    ) ??
    over(
      'risk_rate',
      'orders_per_day',
      totals.dayOrders,
      limits.orders_per_day,
      () => `${many(totals.dayOrders)} taken today; the next is taken tomorrow (UTC)`,
    ) ??
    over(
      'risk_orders',
      'open_orders',
      totals.orders,
      limits.open_orders,
      () =>
        `${totals.orders} ${totals.orders === 1 ? 'order is' : 'orders are'} open, waiting or in doubt, and the limit is ${limits.open_orders}`,
    );
  if (often !== null || scope === ACCOUNT) return often;
  return repeated(order, side, standings, now);
}

/** Of an agent alone: the same again, more while nothing is known of the last, and a machine that has run away. */
function repeated(order: Measured, side: Side, standings: Standings, now: number): OrderError | null {
  const { limits } = side;
  if (limits.similar_seconds > 0) {
    const found = standings.similar(order.mode, order.agent, order.content, now - limits.similar_seconds * 1e6);
    if (found !== null) {
      const age = Math.floor((now - found.at) / 1e6);
      return orderError('risk_duplicate', `the order is the same as ${found.clientOrderId}, ${age} s ago`, {
        hint: `if it is meant, send it again in ${limits.similar_seconds - age} s`,
        more: { limit: side.name('similar_seconds'), similar_to: found.clientOrderId },
      });
    }
  }
  if (limits.in_doubt === 'refuse') {
    for (const part of order.parts) {
      for (const other of standings.doubtful(order.mode, part.symbol, part.side)) {
        if (other.agent !== order.agent) continue;
        return orderError('risk_in_doubt', `${other.clientOrderId}, for the same symbol and side, is in doubt`, {
          hint: `wait for the answer to ${other.clientOrderId}`,
          more: { limit: side.name('in_doubt'), in_doubt: other.clientOrderId },
        });
      }
    }
  }
  if (limits.repeat_orders === null) return null;
  const times = standings.repeats(order.mode, order.agent, repeatsOf(order), now - limits.repeat_seconds * 1e6);
  if (times < limits.repeat_orders) return null;
  return reached(
    side,
    'risk_repeat',
    'repeat_orders',
    `${times} ${times === 1 ? 'order' : 'orders'} for the same symbol and side in ${limits.repeat_seconds} s; the agent is halted until a person resumes it`,
    { asked: exact('1'), used: exact(String(times)), allowed: exact(String(limits.repeat_orders)) },
  );
}

/** What counts as the same strategy for the throttle. */
export const repeatsOf = (order: Measured): string => order.parts.map(({ symbol, side }) => `${side} ${symbol}`).join();

/** Exposure with this order in full. What can only make it smaller passes. */
function tooMuch(order: Measured, side: Side, { standings, now }: Ground): OrderError | null {
  const { limits, scope } = side;
  if (!isSet(limits, 'position_qty', 'position_value', 'gross_value')) return null;
  const totals = standings.totals(order.mode, scope, now);
  let gross = limits.gross_value === null ? ZERO : totals.gross;
  let isMore = false;
  for (const part of order.parts) {
    if (part.isExit) continue;
    const before = standings.symbol(order.mode, scope, part.symbol);
    const qty = exact(part.qty);
    const value = qty.times(part.unit);
    const after =
      part.side === 'buy'
        ? { ...before, buys: before.buys.plus(qty), buyValue: before.buyValue.plus(value) }
        : { ...before, sells: before.sells.plus(qty), sellValue: before.sellValue.plus(value) };
    const [sidesBefore, sidesAfter] = [sidesOf(before), sidesOf(after)];
    gross = gross.minus(worstValue(sidesBefore)).plus(worstValue(sidesAfter));
    // Its own side alone: what is open or in doubt on the other one makes no room for it.
    const grows = part.side === 'buy' ? 'long' : 'short';
    const [was, will] = [sidesBefore[grows], sidesAfter[grows]];
    isMore ||= will.value.gt(was.value);
    if (limits.position_qty !== null && order.isUnsized) return noPrice(order);
    if (limits.position_qty !== null && will.qty.gt(limits.position_qty) && will.qty.gt(was.qty))
      return reached(
        side,
        'risk_position',
        'position_qty',
        `${part.symbol} could come to ${text(will.qty)}, and the limit is ${limits.position_qty}`,
        {
          asked: qty,
          used: was.qty,
          allowed: exact(limits.position_qty),
        },
      );
    if (limits.position_value === null) continue;
    if (!order.isPriced && will.qty.gt(was.qty)) return noPrice(order);
    if (will.value.gt(limits.position_value) && will.value.gt(was.value))
      return reached(
        side,
        'risk_position',
        'position_value',
        `${part.symbol} could come to ${usd(will.value)} USD, and the limit is ${limits.position_value}`,
        {
          asked: value,
          used: was.value,
          allowed: exact(limits.position_value),
        },
      );
  }
  if (limits.gross_value !== null) {
    if (!order.isPriced) return noPrice(order);
    if (gross.gt(limits.gross_value) && isMore)
      return reached(
        side,
        'risk_exposure',
        'gross_value',
        `all positions could come to ${usd(gross)} USD, and the limit is ${limits.gross_value}`,
        {
          asked: gross.minus(totals.gross),
          used: totals.gross,
          allowed: exact(limits.gross_value),
        },
      );
  }
  return null;
}

function tooMuchToday(order: Measured, side: Side, { standings, now }: Ground): OrderError | null {
  const { limits, scope } = side;
  if (limits.day_value === null) return null;
  if (order.value === null) return noPrice(order);
  const totals = standings.totals(order.mode, scope, now);
  const day = totals.dayValue.plus(order.value);
  if (day.lte(limits.day_value)) return null;
  return reached(
    side,
    'risk_agent_day',
    'day_value',
    `the orders of today would come to ${usd(day)} USD, and the limit is ${limits.day_value}`,
    {
      asked: exact(order.value),
      used: totals.dayValue,
      allowed: exact(limits.day_value),
    },
  );
}

function tooLossy(order: Measured, side: Side, ground: Ground): OrderError | null {
  const { day_loss } = side.limits;
  if (day_loss === null || isReduction(order, side.scope, ground.standings)) return null;
  const loss = lossOf(order.mode, side.scope, ground);
  if (loss.lt(day_loss)) return null;
  return reached(
    side,
    'risk_loss',
    'day_loss',
    `${usd(loss)} USD are lost today, and the limit is ${day_loss}: only reductions are taken`,
    {
      asked: ZERO,
      used: loss,
      allowed: exact(day_loss),
    },
  );
}

function beyondAllotment(order: Measured, rules: LimitRules, { standings, now }: Ground): OrderError | null {
  const allotment = rules.allotment(order.agent);
  if (allotment === null) return null;
  const name = `agents.${order.agent}.allotment`;
  const refuse = (words: string, numbers: { asked: Exact; used: Exact; allowed: Exact }): OrderError =>
    orderError('risk_allotment', words, {
      got: text(numbers.asked),
      allowed: `at most ${text(numbers.allowed)}`,
      more: {
        limit: name,
        asked: text(numbers.asked),
        used: text(numbers.used),
        at_most: text(numbers.allowed),
        left: text(numbers.allowed.minus(numbers.used).lt(ZERO) ? ZERO : numbers.allowed.minus(numbers.used)),
      },
    });
  for (const part of order.parts) {
    const error = part.isExit || isCovered(order, part) ? null : notHeld(order, part, order.agent, standings, refuse);
    if (error !== null) return error;
  }
  const buys = order.parts.filter((part) => part.side === 'buy' && !part.isExit);
  if (buys.length === 0) return null;
  const isStrategy = order.meeting === null;
  if (order.value === null || (isStrategy && !order.isPriced)) return noPrice(order);
  const totals = standings.totals(order.mode, order.agent, now);
  const funds = exact(allotment).plus(totals.profit);
  const used = costOf(order.mode, order.agent, standings).plus(totals.openBuys);
  // Each leg becomes a position that has cost what it cost.
  const asked = isStrategy
    ? order.parts.reduce((sum, { qty, unit }) => sum.plus(exact(qty).times(unit)), ZERO)
    : exact(order.value);
  if (used.plus(asked).lte(funds)) return null;
  return refuse(`the order costs ${usd(asked)} USD, and ${usd(funds.minus(used))} of the allotment are left`, {
    asked,
    used,
    allowed: funds,
  });
}

/** A leg that is sold with as many bought ones of the same kind on the same underlying. */
function isCovered(order: Measured, part: Part): boolean {
  const kind = ({ symbol }: Part): string => {
    const contract = optionContract(symbol);
    return `${contract?.root} ${contract?.type}`;
  };
  const of = (side: Part['side']): Exact =>
    order.parts
      .filter((one) => one.side === side && kind(one) === kind(part))
      .reduce((sum, { qty }) => sum.plus(qty), ZERO);
  return order.meeting === null && of('sell').lte(of('buy'));
}
