/**
 * The life of one order: made, activated, filled, ended. Keeps its status, times, reservations, books and events true.
 * Must never judge whether a step may happen, and knows nothing of groups: brackets and their like are in advanced.ts.
 */
import { assert } from '../../lib/assert.ts';
import { recordFill } from './activities.ts';
import type { Terms } from './admission.ts';
import { part, text, whole } from './fixed.ts';
import { sellsShort, settle } from './settle.ts';
import {
  type Account,
  type Instrument,
  isDone,
  type Order,
  positionQty,
  type Role,
  shrink,
  takeIn,
  takeOut,
} from './state.ts';
import { DAY, iso, MINUTE } from './time.ts';
import type { Fixed, Instant, OrderClass, OrderStatus, OrderType, Side, TimeInForce } from './types.ts';
import { World } from './world.ts';

/** What a new order is made from. */
export interface Spec {
  readonly instrument: Instrument | null;
  readonly class: OrderClass;
  readonly role: Role;
  readonly type: OrderType;
  readonly side: Side;
  readonly tif: TimeInForce;
  readonly qty: Fixed | null;
  readonly notional: Fixed | null;
  readonly limit: Fixed | null;
  readonly stop: Fixed | null;
  readonly trailPrice: Fixed | null;
  readonly trailPercent: Fixed | null;
  readonly extended: boolean;
  readonly clientId: string | null;
  readonly ratio: Fixed | null;
  readonly status: OrderStatus;
  readonly parent: Order | null;
  readonly replaces: Order | null;
}

const NO_LEGS: readonly Order[] = [];

/** Where a trailing stop stands when the best price is `hwm`. */
export function trailedStop(side: Side, hwm: Fixed, trailPrice: Fixed | null, trailPercent: Fixed | null): Fixed {
  const distance = trailPrice ?? part(hwm, trailPercent ?? 0n, whole(100));
  return side === 'sell' ? hwm - distance : hwm + distance;
}

/** When an order shows that it expires, and when the engine ends it (Alpaca docs: orders, time in force). */
function ending(
  world: World,
  spec: Spec,
  at: Instant,
): { readonly expiresAt: Instant | null; readonly endsAt: Instant | null } {
  const crypto = spec.instrument?.kind === 'asset' && spec.instrument.class === 'crypto';
  if (spec.tif === 'gtc') {
    // Aged orders: 90 days after creation, by a job at 16:15 New York.
    const { close } = world.market.tradingDay(at + 90n * DAY);
    return { expiresAt: close, endsAt: close + 15n * MINUTE };
  }
  if (crypto) return { expiresAt: null, endsAt: null };
  let day = world.market.tradingDay(at);
  const over = spec.extended ? day.postClose : spec.tif === 'opg' ? day.open : day.close;
  if (at >= over) day = world.market.tradingDay(day.postClose);
  const expiresAt = spec.extended ? day.postClose : day.close;
  // An auction order is looked at when its auction is due, which for the closing one is the end of its day.
  const slack = spec.tif === 'cls' ? 15n * MINUTE : 0n;
  return { expiresAt, endsAt: world.market.keepsHours ? expiresAt + slack : null };
}

/** Makes an order, takes what it needs and enters it into the account. No event yet. */
export function create(world: World, account: Account, spec: Spec, terms: Terms): Order {
  const at = world.stampOrder();
  const { expiresAt, endsAt } = ending(world, spec, at);
  const { trailPrice, trailPercent } = spec;
  const order: Order = {
    id: world.draws.uuid(),
    account,
    seq: ++world.orderSeq,
    clientId: spec.clientId ?? world.draws.uuid(),
    instrument: spec.instrument,
    class: spec.class,
    role: spec.role,
    type: spec.type,
    side: spec.side,
    tif: spec.tif,
    qty: spec.qty,
    notional: spec.notional,
    limit: spec.limit,
    stop: terms.hwm === null ? spec.stop : trailedStop(spec.side, terms.hwm, trailPrice, trailPercent),
    trailPrice,
    trailPercent,
    hwm: terms.hwm,
    extended: spec.extended,
    intent: terms.intent,
    ratio: spec.ratio,
    status: spec.status,
    filledQty: 0n,
    filledCost: 0n,
    created: at,
    updated: at,
    filledAt: null,
    expiredAt: null,
    canceledAt: null,
    failedAt: null,
    replacedAt: null,
    cancelRequestedAt: null,
    expiresAt,
    endsAt,
    replaces: spec.replaces?.id ?? null,
    replacedBy: null,
    parent: spec.parent,
    legs: NO_LEGS,
    watched: false,
    triggered: false,
    collar: terms.collar,
    rested: false,
    reserve: terms.reserve,
    margin: terms.margin,
    reserved: 0n,
    marginHeld: 0n,
    holdSymbol: terms.holdSymbol,
    hold: terms.hold,
    held: 0n,
  };
  account.orders.push(order);
  account.byId.set(order.id, order);
  account.byClientId.set(order.clientId, order);
  takeIn(order);
  world.willEnd(order);
  world.changed();
  return order;
}

export function setStatus(world: World, order: Order, status: OrderStatus, at: Instant): void {
  order.status = status;
  order.updated = at;
  world.changed();
  if (order.role === 'strategy') {
    for (const leg of order.legs) {
      leg.status = status;
      leg.updated = at;
    }
  }
}

/** The order works from now on. The caller looks at it and, if it stays, watches it. */
export function activate(world: World, order: Order, at: Instant): void {
  world.queued.delete(order);
  setStatus(world, order, 'new', at);
  world.emit(order, 'new', at);
}

export type Ending = 'canceled' | 'expired' | 'replaced' | 'rejected';

/** The order is over: it gives everything back and leaves every book. Ending an order that is over does nothing. */
export function end(world: World, order: Order, how: Ending, at: Instant): void {
  if (isDone(order)) return;
  const ended = [order, ...(order.role === 'strategy' ? order.legs : [])];
  world.unwatch(order);
  world.queued.delete(order);
  setStatus(world, order, how, at);
  for (const each of ended) {
    if (how === 'canceled') each.canceledAt = at;
    else if (how === 'expired') each.expiredAt = at;
    else if (how === 'replaced') each.replacedAt = at;
    else each.failedAt = at;
    takeOut(each);
  }
  world.emit(order, how, at);
}

function book(order: Order, qty: Fixed, price: Fixed, at: Instant): void {
  order.filledQty += qty;
  order.filledCost += qty * price;
  order.updated = at;
  const done = order.qty === null || order.filledQty === order.qty;
  assert(order.qty === null || order.filledQty <= order.qty, `order ${order.id} is overfilled`);
  order.status = done ? 'filled' : 'partially_filled';
  if (done) order.filledAt = at;
  else if (order.qty !== null) shrink(order, order.qty - order.filledQty, order.qty);
}

function finish(world: World, order: Order): void {
  world.unwatch(order);
  world.queued.delete(order);
  takeOut(order);
}

/** One execution of a single order at `price`. `qty` is at most what is left. */
export function fill(world: World, order: Order, qty: Fixed, price: Fixed, at: Instant): void {
  const { account, instrument } = order;
  assert(instrument !== null && qty > 0n, 'a fill has an instrument and a quantity');
  const short = sellsShort(account, instrument.symbol);
  book(order, qty, price, at);
  if (order.status === 'filled') finish(world, order);
  settle(world, account, instrument, order.side === 'buy' ? qty : -qty, price, order.rested, at);
  recordFill(world, order, instrument, qty, price, at, short);
  const execution = { id: world.draws.uuid(), order, qty, price };
  const event = order.status === 'filled' ? 'fill' : 'partial_fill';
  world.emit(order, event, at, World.execution(execution, positionQty(account, instrument.symbol)));
}

/** Fills all units of a multi-leg order at once, each leg at its own price. `net`: the price of one unit. */
export function fillStrategy(world: World, order: Order, prices: readonly Fixed[], net: Fixed, at: Instant): void {
  const units = order.qty ?? 0n;
  book(order, units, net, at);
  finish(world, order);
  const legs = order.legs.map((leg, i) => {
    const { instrument } = leg;
    const price = prices[i] ?? 0n;
    const qty = leg.qty ?? 0n;
    assert(instrument !== null, 'a leg has an instrument');
    const short = sellsShort(order.account, instrument.symbol);
    book(leg, qty, price, at);
    finish(world, leg);
    settle(world, order.account, instrument, leg.side === 'buy' ? qty : -qty, price, false, at);
    recordFill(world, leg, instrument, qty, price, at, short);
    return {
      execution_id: world.draws.uuid(),
      qty: text(qty),
      price: text(price),
      order_id: leg.id,
      symbol: instrument.symbol,
      timestamp: iso(at),
    };
  });
  const symbols = order.legs.flatMap((leg) => (leg.instrument ? [leg.instrument.symbol] : []));
  world.emit(order, 'fill', at, {
    execution_id: world.draws.uuid(),
    price: text(net),
    qty: text(units),
    position_qtys: Object.fromEntries(symbols.map((symbol) => [symbol, text(positionQty(order.account, symbol))])),
    legs,
  });
}
