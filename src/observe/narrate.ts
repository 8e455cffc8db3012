/** An entry of the journal as one line for a person. Pure. */
import type { Entry } from '../journal/journal.ts';
import type { Micros } from '../lib/clock.ts';
import type { OrderEvent } from './events.ts';

function stepOf(entry: Entry): string {
  switch (entry.state) {
    case 'admitted':
      return 'received';
    case 'sending':
      return 'sent';
    case 'in_doubt':
    case 'unresolved':
      return 'in doubt';
    case 'working':
    case 'closed':
      return entry.brokerStatus ?? entry.state;
    case 'answered':
      return 'answered';
    default:
      return 'refused';
  }
}

/** What an order asks for, in the words of its wire body. */
function wanted(wire: string): string {
  const body: Record<string, unknown> = JSON.parse(wire);
  const { side, qty, notional, symbol, type, limit_price: limit, legs } = body;
  const size = qty === undefined ? `${String(notional)} USD of` : String(qty);
  const what = Array.isArray(legs) ? `${legs.length} legs` : String(symbol);
  return [side, size, what, type, limit === undefined ? '' : `at ${String(limit)}`].filter(Boolean).join(' ');
}

export function orderEvent(entry: Entry, now: Micros): OrderEvent {
  const error = entry.answer !== null && 'error' in entry.answer ? entry.answer.error : null;
  const filled = entry.filledQty !== null && entry.filledQty !== '0' ? `filled ${entry.filledQty}` : '';
  const text =
    error === null
      ? [entry.wire === null ? '' : wanted(entry.wire), filled].filter(Boolean).join(', ')
      : `${error.code}: ${error.message}`;
  return {
    kind: 'order',
    clientOrderId: entry.clientOrderId,
    agent: entry.agent,
    type: entry.type,
    mode: entry.mode,
    step: stepOf(entry),
    text,
    atMs: now / 1000,
  };
}
