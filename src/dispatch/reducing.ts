/**
 * Which lane an order waits in: does it make a position smaller? Pure. Must never be more than a question of precedence:
 * what is taken for a reduction by mistake is sent a little earlier, and nothing else.
 */
import type { AgentBook } from '../journal/journal.ts';
import { type Decimal, decimal, type Exact, exact } from '../order/decimal.ts';
import type { Side, TradeRequest } from '../order/request.ts';
import type { Lane } from './lanes.ts';

/** Signed quantity of what the account holds, by the name that positions have for a symbol (`BTC/USD` is `BTCUSD`). */
export type Held = (symbol: string) => Decimal;

/** The sum over all books: what the account has, whoever of the agents brought it in. */
export function heldOf(books: readonly AgentBook[]): Held {
  const sums = new Map<string, Exact>();
  for (const { symbol, qty } of books.flatMap(({ holdings }) => holdings))
    sums.set(symbol, (sums.get(symbol) ?? exact('0')).plus(exact(qty)));
  return (symbol) => decimal(sums.get(symbol) ?? exact('0'));
}

/** `held` is null while it is not known: then sells count as reductions, as most of them are. */
export function laneOf(trade: TradeRequest, held: Held | null): Lane {
  return reduces(trade, held) ? 'reduce' : 'order';
}

function reduces(trade: TradeRequest, held: Held | null): boolean {
  switch (trade.type) {
    case 'optionmulti':
      return trade.legs.every(({ symbol, side, ratioQty, positionIntent }) =>
        positionIntent === null
          ? held !== null && shrinks(held(symbol), side, exact(ratioQty).times(exact(trade.qty)).toFixed())
          : positionIntent.endsWith('_to_close'),
      );
    case 'optionsingle':
      if (trade.positionIntent !== null) return trade.positionIntent.endsWith('_to_close');
      return held === null ? trade.side === 'sell' : shrinks(held(trade.symbol), trade.side, trade.qty);
    default: {
      const { symbol, side, size } = trade;
      if (held === null) return side === 'sell';
      return shrinks(held(symbol.replace('/', '')), side, 'qty' in size ? size.qty : null);
    }
  }
}

/** Whether an order of this size only takes from what is held; of an amount of money the size is not known before. */
function shrinks(held: Decimal, side: Side, qty: string | null): boolean {
  const now = exact(held);
  const isOpposite = side === 'sell' ? now.gt(exact('0')) : now.lt(exact('0'));
  return isOpposite && (qty === null || exact(qty).lte(now.abs()));
}
