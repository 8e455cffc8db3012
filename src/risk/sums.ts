/** Sums over what an agent, or the account, holds and has ordered: what several rules and the headroom ask for. Pure. */
import { type Exact, exact } from '../order/decimal.ts';
import { optionContract } from '../order/symbol.ts';
import type { Measured } from './measure.ts';
import type { Standings } from './standing.ts';

const ZERO = exact('0');

/** What the judge may look at. */
export interface Ground {
  readonly standings: Standings;
  /** The last known price of a symbol, USD per share or coin; null when none is known. */
  mark(mode: string, symbol: string): string | null;
  /** Microseconds. */
  readonly now: number;
}

/** USD lost today: what was realised, and what is open now at the last known prices. Negative when it is a gain. */
export function lossOf(mode: string, scope: string, { standings, mark, now }: Ground): Exact {
  let open = ZERO;
  for (const [symbol, { held, basis }] of standings.symbols(mode, scope)) {
    const price = held.eq(ZERO) ? null : mark(mode, symbol);
    if (price !== null)
      open = open.plus(held.times(price).times(optionContract(symbol) === null ? '1' : '100')).minus(basis);
  }
  return ZERO.minus(standings.totals(mode, scope, now).dayProfit).minus(open);
}

/** It cannot make the worst of any of its symbols worse. */
export function isReduction(order: Measured, scope: string, standings: Standings): boolean {
  return order.parts.every((part) => {
    if (part.isExit) return true;
    const one = standings.symbol(order.mode, scope, part.symbol);
    if (part.side === 'sell') {
      // A sum of money sells fractions, which Alpaca never sells short (Alpaca docs: fractional trading).
      const qty = order.qty === null ? ZERO : exact(part.qty);
      return one.held.gt(ZERO) && one.sells.plus(one.exitSells).plus(qty).lte(one.held);
    }
    const promised = one.buys.plus(one.exitBuys);
    return !order.isUnsized && one.held.lt(ZERO) && promised.plus(part.qty).lte(one.held.abs());
  });
}

/** What an agent's positions have cost. */
export function costOf(mode: string, agent: string, standings: Standings): Exact {
  let cost = ZERO;
  for (const { basis } of standings.symbols(mode, agent).values()) cost = cost.plus(basis.abs());
  return cost;
}
