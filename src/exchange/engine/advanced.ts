/**
 * Brackets, oco and oto: what the members of a group do to each other (Alpaca docs: orders).
 * The exits wait as `held` until the entry has filled completely; then the take profit works and the stop is watched;
 * when one exit fills or is reached the other goes; ending a member ends the rest. Shares are held once for both exits.
 */
import { type Ending, end, setStatus } from './lifecycle.ts';
import { isDone, type Order, setTaken } from './state.ts';
import type { Fixed, Instant } from './types.ts';
import type { World } from './world.ts';

/** Every member of the order's group, the order itself included. A multi-leg order is one. */
export function groupOf(order: Order): readonly Order[] {
  if (order.role === 'strategy' || order.role === 'leg') return [order.parent ?? order];
  const head = order.parent ?? order;
  return [head, ...head.legs];
}

const openExits = (order: Order): Order[] =>
  groupOf(order).filter((each) => each !== order && !isDone(each) && each.role !== 'entry');

/** Ends the order and every open member of its group. */
export function endGroup(world: World, order: Order, how: Ending, at: Instant): void {
  for (const each of groupOf(order)) end(world, each, how, at);
}

function holdPosition(order: Order, qty: Fixed): void {
  order.holdSymbol = order.instrument?.symbol ?? null;
  order.hold = qty;
  setTaken(order, 0n, 0n, qty);
}

/**
 * After an execution of `order`. Members that now begin to work are returned; the caller looks at them and watches them.
 */
export function afterFill(world: World, order: Order, at: Instant): readonly Order[] {
  if (order.role === 'entry') {
    if (order.status !== 'filled') return [];
    const exits = order.legs.filter((leg) => !isDone(leg));
    const profit = exits.find((leg) => leg.role === 'take_profit');
    const first = profit ?? exits[0];
    if (first !== undefined) holdPosition(first, order.filledQty);
    // Beside a take profit the stop stays `held` in Alpaca's eyes, but it is watched.
    if (first !== undefined) {
      setStatus(world, first, 'new', at);
      world.emit(first, 'new', at);
    }
    return exits;
  }
  if (order.role !== 'take_profit' && order.role !== 'stop_loss') return [];
  for (const other of openExits(order)) {
    if (order.status === 'filled') end(world, other, 'canceled', at);
    else if (other.qty !== null && order.qty !== null) {
      // A partly filled exit shrinks the other one.
      other.qty = order.qty - order.filledQty + other.filledQty;
      world.changed();
    }
  }
  return [];
}

/** The stop of a pair has been reached: the take profit makes room and its hold passes to the stop. */
export function stopReached(world: World, order: Order, at: Instant): void {
  if (order.role !== 'stop_loss' || order.status !== 'held') return;
  for (const other of openExits(order)) end(world, other, 'canceled', at);
  holdPosition(order, (order.qty ?? 0n) - order.filledQty);
  setStatus(world, order, 'new', at);
  world.emit(order, 'new', at);
}
