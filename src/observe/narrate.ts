/**
 * The way of each order, told to a person a line a step. Told after what is urgent: in the turn that follows. Must never hold
 * up an order, nor tell a step twice.
 */
import type { Entry } from '../journal/journal.ts';
import type { Clock, Micros } from '../lib/clock.ts';
import { STATES } from '../order/states.ts';
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

export class Narrator {
  readonly #clock: Clock;
  readonly #tell: (event: OrderEvent) => void;
  /** The step of each order that is not done. */
  readonly #steps = new Map<number, string>();
  #untold: { readonly entry: Entry; readonly at: Micros }[] = [];

  constructor(clock: Clock, tell: (event: OrderEvent) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Takes note of an entry that has changed. Returns the step before; undefined for a new one. */
  changed(entry: Entry): string | undefined {
    const step = stepOf(entry);
    const before = this.#steps.get(entry.seq);
    if (STATES[entry.state].final) this.#steps.delete(entry.seq);
    else this.#steps.set(entry.seq, step);
    if (before === step) return before;
    if (this.#untold.length === 0) this.#clock.after(0, () => this.flush());
    // Whoever reads along is told of every order that it was received, also of one that was sent in the same moment.
    if (before === undefined && entry.state === 'sending')
      this.#untold.push({ entry: { ...entry, state: 'admitted' }, at: entry.receivedAt });
    this.#untold.push({ entry, at: this.#clock.now() });
    return before;
  }

  /** Tells what has not been told yet. */
  flush(): void {
    const untold = this.#untold;
    this.#untold = [];
    for (const { entry, at } of untold) this.#tell(orderEvent(entry, at));
  }
}

function orderEvent(entry: Entry, now: Micros): OrderEvent {
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
