/**
 * How far every limit is from being reached, for people and agents who want to know before they ask. Pure. Must never be
 * read to decide anything: the decision is made where the order is taken in.
 */
import { type Exact, exact } from '../order/decimal.ts';
import type { Mode } from '../order/name.ts';
import type { Limits } from '../settings.limits.ts';
import type { LimitRules } from './limits.ts';
import { ACCOUNT, worstOf } from './standing.ts';
import { costOf, type Ground, lossOf } from './sums.ts';

/** One limit that is set. */
interface Headroom {
  /** Its name in the settings, behind `limits.`; with the symbol where there is one limit for each. */
  readonly limit: string;
  /** What it allows, as text: a number, or a list. */
  readonly at_most: string;
  /** Used now, and left; null for limits of one order alone. */
  readonly used: string | null;
  readonly left: string | null;
}

/** So many agents are told of, at most. */
const SHOWN = 200;
const ZERO = exact('0');
const show = (value: Exact): string => value.round(2, 3).toFixed();

/** Of one agent, or of the account (ACCOUNT). Only limits that are set. */
function headroomOf(mode: string, scope: string, rules: LimitRules, ground: Ground): readonly Headroom[] {
  const limits = scope === ACCOUNT ? rules.account : rules.agent(scope);
  const { standings, now } = ground;
  const totals = standings.totals(mode, scope, now);
  const rows: Headroom[] = [];
  // What nobody has limited is not summed up: this is asked for every second.
  const row = (limit: string, allowed: string | number | null, usedOf: (() => Exact) | null): void => {
    if (allowed === null) return;
    const most = exact(String(allowed));
    const used = usedOf === null ? null : usedOf();
    const left = used === null ? null : most.minus(used);
    rows.push({
      limit,
      at_most: most.toFixed(),
      used: used === null ? null : show(used),
      left: left === null ? null : show(left.lt(ZERO) ? ZERO : left),
    });
  };
  const count = (value: number) => () => exact(String(value));
  row('order_qty', limits.order_qty, null);
  row('order_value', limits.order_value, null);
  if (limits.position_qty !== null || limits.position_value !== null) {
    for (const [symbol, one] of standings.symbols(mode, scope)) {
      const { qty, value } = worstOf(one);
      row(`position_qty ${symbol}`, limits.position_qty, () => qty);
      row(`position_value ${symbol}`, limits.position_value, () => value);
    }
    if (standings.symbols(mode, scope).size === 0) {
      row('position_qty', limits.position_qty, () => ZERO);
      row('position_value', limits.position_value, () => ZERO);
    }
  }
  row('gross_value', limits.gross_value, () => totals.gross);
  row('open_orders', limits.open_orders, count(totals.orders));
  row('orders_per_minute', limits.orders_per_minute, count(totals.minuteOrders));
  row('orders_per_day', limits.orders_per_day, count(totals.dayOrders));
  row('day_value', limits.day_value, () => totals.dayValue);
  row('day_loss', limits.day_loss, () => {
    const loss = lossOf(mode, scope, ground);
    return loss.gt(ZERO) ? loss : ZERO;
  });
  rows.push(...rulesOf(limits));
  const allotment = scope === ACCOUNT ? null : rules.allotment(scope);
  if (allotment !== null) {
    const funds = exact(allotment).plus(totals.profit);
    row('allotment', funds.lt(ZERO) ? '0' : show(funds), () => costOf(mode, scope, standings).plus(totals.openBuys));
  }
  return rows;
}

/** Limits that nothing is used up of. */
function rulesOf(limits: Limits): readonly Headroom[] {
  const rows: (readonly [string, string | null])[] = [
    ['symbols', limits.symbols?.join(' ') ?? null],
    ['symbols_barred', limits.symbols_barred?.join(' ') ?? null],
    ['asset_classes', limits.asset_classes?.join(' ') ?? null],
    ['sides', limits.sides?.join(' ') ?? null],
    ['shorting', limits.shorting ? null : 'no'],
    ['hours', limits.hours],
    ['collar_percent', limits.collar_percent],
    ['similar_seconds', limits.similar_seconds === 0 ? null : String(limits.similar_seconds)],
    ['in_doubt', limits.in_doubt === 'pass' ? null : limits.in_doubt],
    ['repeat_orders', limits.repeat_orders === null ? null : `${limits.repeat_orders} in ${limits.repeat_seconds} s`],
  ];
  return rows.flatMap(([limit, at_most]) => (at_most === null ? [] : [{ limit, at_most, used: null, left: null }]));
}

/** What `tower limits` shows: the account, every agent that is named in the settings or trades, and any other. */
export function limitReports(
  modes: readonly Mode[],
  named: readonly string[],
  rules: LimitRules,
  ground: Ground,
): readonly { readonly mode: Mode; readonly agent: string | null; readonly limits: readonly Headroom[] }[] {
  return modes.flatMap((mode) => {
    const agents = [...new Set([...named, ...ground.standings.agents(mode)])].sort().slice(0, SHOWN);
    return [
      { mode, agent: null, limits: headroomOf(mode, ACCOUNT, rules, ground) },
      ...agents.map((agent) => ({ mode, agent, limits: headroomOf(mode, agent, rules, ground) })),
      { mode, agent: '', limits: headroomOf(mode, '', rules, ground) },
    ];
  });
}
