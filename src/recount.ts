/**
 * Orders that are open and that no limit counts, since an earlier version of the tower took them in: counted from the start
 * on. Must never make one look smaller than it can become; what cannot be read is told.
 */
import { requestOf } from './admit.ts';
import type { Counted, Journal } from './journal/journal.ts';
import type { Clock } from './lib/clock.ts';
import type { Decimal } from './order/decimal.ts';
import { isTrade, type TradeRequest } from './order/request.ts';
import { measure, plainSymbol, type Quotes, symbolsOf } from './risk/measure.ts';
import type { Ground } from './risk/sums.ts';

/** Before anything is taken in. Nothing can be asked of the market yet: the last known prices stand for quotes. */
export async function countOpen(
  journal: Journal,
  clock: Clock,
  notice: (level: 'warn', text: string, remedy: string) => void,
): Promise<void> {
  const entries = await journal.uncounted();
  if (entries.length === 0) return;
  const ground = await journal.ground(clock.now());
  const orders: Counted[] = [];
  for (const entry of entries) {
    const request = requestOf(entry);
    if (request !== null && isTrade(request))
      orders.push({ seq: entry.seq, measured: measure(request, lastPrices(request, ground)) });
    else
      notice(
        'warn',
        `${entry.clientOrderId} is open and cannot be read any more: no limit counts it`,
        'look at it at Alpaca, and leave room for it',
      );
  }
  await journal.count(orders);
}

function lastPrices(trade: TradeRequest, ground: Ground): Quotes {
  return new Map(
    symbolsOf(trade).flatMap((symbol) => {
      const price = ground.mark(trade.mode, plainSymbol(symbol));
      return price === null ? [] : [[symbol, { bid: price as Decimal, ask: price as Decimal, ageMs: 0 }]];
    }),
  );
}
