/**
 * Placing and replacing orders: from a judged draft to an order in the account.
 * Must never repeat a rule: it asks request.ts, the rules and admission, in the order in which Alpaca refuses.
 */
import { admitCrypto, admitEquity, NO_TERMS, type Terms } from './admission.ts';
import { admitOption, admitStrategy, type StrategyTerms } from './admission-option.ts';
import { endGroup, groupOf } from './advanced.ts';
import {
  assetNotFound,
  cannotReplaceIn,
  forbidden,
  malformed,
  notFound,
  ok,
  orderNotFound,
  refuse,
  subPenny,
  unprocessable,
} from './errors.ts';
import { isWhole, mul } from './fixed.ts';
import { create, end, type Spec, setStatus } from './lifecycle.ts';
import { startWorking, worksIn } from './matching.ts';
import { type Change, type Draft, parseChange, parseOrder } from './request.ts';
import { breaksPennyRule } from './rules-equity.ts';
import { looksLikeOcc } from './rules-option.ts';
import { type Account, type Instrument, isDone, type Order, type Role, setTaken } from './state.ts';
import type { Body, Instant, OrderJson, OrderStatus, OrderType, Refusal, Result, Side } from './types.ts';
import { orderJson } from './views.ts';
import type { World } from './world.ts';

function blocked(account: Account): Refusal | undefined {
  return account.config.suspendTrade ? forbidden('account is not authorized to trade') : undefined;
}

function taken(world: World, account: Account, clientId: string | null): Refusal | undefined {
  if (clientId === null || !world.enforceUnique || !account.byClientId.has(clientId)) return undefined;
  return malformed('client_order_id must be unique');
}

/** The instrument of a symbol or id as clients write it. */
function instrumentOf(world: World, key: string): Result<Instrument> {
  const found = world.market.asset(key) ?? world.market.contract(key);
  if (found !== undefined) return ok(found);
  if (looksLikeOcc(key)) return refuse(unprocessable(`contract "${key}" not found`));
  // Letters and a date, but no contract's symbol: meant as one.
  return refuse(/^[A-Z]{1,6}[0-9]{6}/.test(key) ? unprocessable('invalid symbol') : assetNotFound(key));
}

function admit(world: World, account: Account, draft: Draft, instrument: Instrument, at: Instant): Result<Terms> {
  if (instrument.kind === 'contract') return admitOption(world, account, draft, instrument, at);
  if (instrument.class === 'crypto') return admitCrypto(world, account, draft, instrument, at);
  return admitEquity(world, account, draft, instrument, at);
}

const specOf = (draft: Draft, instrument: Instrument | null, status: OrderStatus, replaces: Order | null): Spec => ({
  instrument,
  class: draft.class,
  role: roleOf(draft),
  type: draft.type,
  side: draft.side,
  tif: draft.tif,
  qty: draft.qty,
  notional: draft.notional,
  limit: draft.limit,
  stop: draft.stop,
  trailPrice: draft.trailPrice,
  trailPercent: draft.trailPercent,
  extended: draft.extended,
  clientId: draft.clientId,
  ratio: null,
  status,
  parent: null,
  replaces,
});

function roleOf(draft: Draft): Role {
  if (draft.class === 'oco') return 'take_profit';
  if (draft.class === 'mleg') return 'strategy';
  return draft.class === 'simple' ? 'single' : 'entry';
}

/** The exits of a bracket, oco or oto, waiting as `held`. */
function createExits(world: World, account: Account, head: Order, draft: Draft): void {
  const exit = (role: Role, type: OrderType, prices: Pick<Spec, 'limit' | 'stop'>): void => {
    const side: Side = draft.class === 'oco' ? draft.side : draft.side === 'buy' ? 'sell' : 'buy';
    const spec: Spec = {
      ...specOf(draft, head.instrument, 'held', null),
      role,
      type,
      side,
      ...prices,
      clientId: null,
      trailPrice: null,
      trailPercent: null,
      parent: head,
    };
    head.legs = [...head.legs, create(world, account, spec, NO_TERMS)];
  };
  if (draft.takeProfit && draft.class !== 'oco') {
    exit('take_profit', 'limit', { limit: draft.takeProfit.limit, stop: null });
  }
  if (draft.stopLoss) {
    const { stop, limit } = draft.stopLoss;
    exit('stop_loss', limit === null ? 'stop' : 'stop_limit', { stop, limit });
  }
}

function createLegs(world: World, account: Account, parent: Order, draft: Draft, terms: StrategyTerms): void {
  for (const [i, { contract, terms: own }] of terms.legs.entries()) {
    const ratio = draft.legs[i]?.ratio ?? 0n;
    const spec: Spec = {
      ...specOf(draft, contract, parent.status, null),
      role: 'leg',
      side: own.intent?.startsWith('sell') ? 'sell' : 'buy',
      qty: mul(ratio, draft.qty ?? 0n),
      limit: null,
      clientId: null,
      ratio,
      parent,
    };
    parent.legs = [...parent.legs, create(world, account, spec, own)];
  }
}

/** Answers the order as it was accepted, then lets it work or wait. An oco watches its stop as well. */
function release(world: World, order: Order, fate?: 'rejected'): OrderJson {
  const view = orderJson(order, true);
  // What happens to the order from here on happens after it was made.
  const at = world.stamp;
  if (fate === 'rejected') {
    endGroup(world, order, 'rejected', at);
    return view;
  }
  if (order.status === 'accepted') {
    world.queued.add(order);
    world.emit(order, 'accepted', at);
  } else {
    startWorking(world, order, at);
  }
  // The stop of an oco is there from the beginning.
  if (order.class === 'oco') for (const leg of order.legs) if (!isDone(leg)) world.watch(leg);
  return view;
}

/** `pending_new` when the order can work now, `accepted` when it waits for a session. */
function firstStatus(
  world: World,
  draft: Draft,
  instrument: Instrument | null,
  account: Account,
  at: Instant,
): OrderStatus {
  const probe = { instrument, tif: draft.tif, extended: draft.extended, account };
  const crypto = instrument?.kind === 'asset' && instrument.class === 'crypto';
  return worksIn(world, probe, crypto ? 'core' : world.market.session(at)) ? 'pending_new' : 'accepted';
}

/** POST /v2/orders. With the fate `rejected` an order that is in order is answered as accepted, and then turned away. */
export function submit(world: World, account: Account, body: Body, at: Instant, fate?: 'rejected'): Result<OrderJson> {
  const stopped = blocked(account);
  if (stopped) return refuse(stopped);
  const parsed = parseOrder(body);
  if (!parsed.ok) return parsed;
  const draft = parsed.value;
  const duplicate = taken(world, account, draft.clientId);
  if (duplicate) return refuse(duplicate);
  if (draft.class === 'mleg') {
    const terms = admitStrategy(world, account, draft, at);
    if (!terms.ok) return terms;
    const status = firstStatus(world, draft, null, account, at);
    const parent = create(world, account, specOf(draft, null, status, null), terms.value.parent);
    createLegs(world, account, parent, draft, terms.value);
    return ok(release(world, parent, fate));
  }
  const instrument = instrumentOf(world, draft.symbol);
  if (!instrument.ok) return instrument;
  const terms = admit(world, account, draft, instrument.value, at);
  if (!terms.ok) return terms;
  const status = firstStatus(world, draft, instrument.value, account, at);
  const order = create(world, account, specOf(draft, instrument.value, status, null), terms.value);
  createExits(world, account, order, draft);
  return ok(release(world, order, fate));
}

// ------------------------------------------------------------------------------------------------------------- replace

const REPLACEABLE: readonly OrderStatus[] = ['new', 'partially_filled', 'held'];

function replaceable(order: Order): Refusal | undefined {
  if (order.status === 'replaced') return unprocessable('order already replaced');
  if (isDone(order)) return unprocessable('unable to replace order, order is not open');
  if (!REPLACEABLE.includes(order.status)) return cannotReplaceIn(order.status);
  if (order.notional !== null) return unprocessable('unable to replace order in current state');
  if (order.class === 'oto' || order.role === 'leg') return unprocessable('unable to replace order in current state');
  return undefined;
}

function unchanged(order: Order, change: Change): boolean {
  const same = <T>(asked: T | null, now: T | null): boolean => asked === null || asked === now;
  return (
    same(change.qty, order.qty) &&
    same(change.tif, order.tif) &&
    same(change.limit, order.limit) &&
    same(change.stop, order.stop) &&
    same(change.trail, order.trailPrice ?? order.trailPercent) &&
    change.clientId === null
  );
}

/** The prices that this type of order does not have cannot be changed. */
function fits(order: Order, change: Change): Refusal | undefined {
  const has = { limit: order.limit !== null, stop: order.type === 'stop' || order.type === 'stop_limit' };
  if (change.limit !== null && !has.limit) return malformed(`${order.type} orders require no limit price`);
  if (change.stop !== null && !has.stop) return malformed(`${order.type} orders require no stop price`);
  if (change.trail !== null && order.type !== 'trailing_stop') {
    return malformed('trail is for trailing stop orders');
  }
  if (change.trail !== null && order.triggered) return unprocessable('unable to replace order in current state');
  if (change.qty !== null && change.qty !== order.qty) {
    if (order.class !== 'simple' && order.class !== 'mleg') {
      return unprocessable('qty cannot be changed for advanced orders');
    }
    if (change.qty <= order.filledQty) return unprocessable('qty must be > filled_qty');
    if (order.qty !== null && !isWhole(order.qty) && order.instrument?.kind === 'asset') {
      if (order.instrument.class !== 'crypto') return unprocessable('qty cannot be changed for fractional orders');
    }
  }
  return undefined;
}

/**
 * The order as a draft, with the change applied. A new quantity is the total: what the old order has filled stays with the
 * old order, and the successor is for the rest, so that every fill is counted once.
 */
function changed(order: Order, change: Change): Draft {
  const trails = order.type === 'trailing_stop';
  return {
    symbol: order.instrument?.symbol ?? '',
    qty: (change.qty ?? order.qty ?? 0n) - order.filledQty,
    notional: null,
    side: order.side,
    type: order.type,
    tif: change.tif ?? order.tif,
    limit: change.limit ?? order.limit,
    stop: trails ? null : (change.stop ?? order.stop),
    trailPrice: order.trailPrice === null ? null : (change.trail ?? order.trailPrice),
    trailPercent: order.trailPercent === null ? null : (change.trail ?? order.trailPercent),
    extended: order.extended,
    clientId: change.clientId,
    class: order.class,
    takeProfit: null,
    stopLoss: null,
    legs: order.legs.map((leg) => ({
      symbol: leg.instrument?.symbol ?? '',
      ratio: leg.ratio ?? 0n,
      side: leg.side,
      intent: leg.intent,
    })),
    intent: order.intent,
  };
}

/** PATCH /v2/orders/{id}. The successor counts alone: what the old order took is given back before it is judged. */
export function replace(world: World, account: Account, orderId: string, body: Body, at: Instant): Result<OrderJson> {
  const order = account.byId.get(orderId);
  if (order === undefined) return refuse(orderNotFound(orderId));
  const stopped = blocked(account) ?? replaceable(order);
  if (stopped) return refuse(stopped);
  const parsed = parseChange(body, order.class === 'mleg');
  if (!parsed.ok) return parsed;
  const change = parsed.value;
  const wrong = taken(world, account, change.clientId) ?? fits(order, change);
  if (wrong) return refuse(wrong);
  if (unchanged(order, change)) return refuse(unprocessable('order parameters are not changed'));
  const draft = changed(order, change);

  if (order.status === 'held' || (order.parent !== null && order.role !== 'leg') || order.class === 'oco') {
    return replaceExit(world, account, order, draft, at);
  }
  const family = [order, ...(order.role === 'strategy' ? order.legs : [])];
  const before = family.map(({ reserved, marginHeld, held }) => ({ reserved, marginHeld, held }));
  for (const each of family) setTaken(each, 0n, 0n, 0n);
  const judged = judge(world, account, order, draft, at);
  for (const [i, each] of family.entries()) {
    const old = before[i];
    if (old) setTaken(each, old.reserved, old.marginHeld, old.held);
  }
  if (!judged.ok) return judged;
  return ok(succeed(world, account, order, draft, judged.value, at));
}

function judge(world: World, account: Account, order: Order, draft: Draft, at: Instant): Result<StrategyTerms> {
  if (order.class === 'mleg') return admitStrategy(world, account, draft, at);
  if (order.instrument === null) return refuse(notFound('order not found'));
  const terms = admit(world, account, draft, order.instrument, at);
  if (!terms.ok) return terms;
  // A trailing stop goes on from the best price that it has seen.
  const hwm = terms.value.hwm === null ? null : order.hwm;
  return ok({ parent: { ...terms.value, hwm }, legs: [] });
}

/** Exits hold what their group holds: only the new prices are judged, and what is held passes on. */
function replaceExit(world: World, account: Account, order: Order, draft: Draft, at: Instant): Result<OrderJson> {
  for (const [field, price] of [
    ['limit_price', draft.limit],
    ['stop_price', draft.stop],
  ] as const) {
    if (price !== null && breaksPennyRule(price)) return refuse(subPenny(field, price));
  }
  const sign = order.side === 'sell' ? 1n : -1n;
  for (const other of groupOf(order)) {
    const profit = order.role === 'take_profit' ? draft.limit : other.role === 'take_profit' ? other.limit : null;
    const stop = order.role === 'stop_loss' ? draft.stop : other.role === 'stop_loss' ? other.stop : null;
    if (profit !== null && stop !== null && sign * (profit - stop) <= 0n) {
      return refuse(unprocessable(`take_profit.limit_price must be ${sign > 0n ? '>' : '<'} stop_loss.stop_price`));
    }
  }
  const { held, holdSymbol } = order;
  const terms: Terms = { ...NO_TERMS, holdSymbol, hold: held };
  return ok(succeed(world, account, order, draft, { parent: terms, legs: [] }, at));
}

/** Ends the old order as replaced, with its successor in its place. */
function succeed(
  world: World,
  account: Account,
  order: Order,
  draft: Draft,
  terms: StrategyTerms,
  at: Instant,
): OrderJson {
  const head = order.parent;
  const held = order.status === 'held';
  const exits = order.role === 'strategy' ? [] : order.legs;
  const watched = order.watched;
  // Events tell of the old order before the new one, and the old one names its successor.
  const status: OrderStatus = held ? 'held' : firstStatus(world, draft, order.instrument, account, at);
  const spec: Spec = {
    ...specOf(draft, order.instrument, status, order),
    class: order.class,
    role: order.role,
    parent: head,
  };
  for (const each of [order, ...(order.role === 'strategy' ? order.legs : [])]) setTaken(each, 0n, 0n, 0n);
  const successor = create(world, account, spec, terms.parent);
  if (order.role === 'strategy') createLegs(world, account, successor, draft, terms);
  order.replacedBy = successor.id;
  end(world, order, 'replaced', at);
  for (const exit of exits) {
    exit.parent = successor;
    successor.legs = [...successor.legs, exit];
  }
  if (head !== null) head.legs = head.legs.map((leg) => (leg === order ? successor : leg));
  if (held) {
    const view = orderJson(successor, true);
    if (watched) world.watch(successor);
    return view;
  }
  if (status === 'accepted' && watched) {
    // It worked before and goes on working: `new` orders rest outside their session.
    const view = orderJson(successor, true);
    startResting(world, successor, at);
    return view;
  }
  return release(world, successor);
}

function startResting(world: World, order: Order, at: Instant): void {
  setStatus(world, order, 'new', at);
  world.emit(order, 'new', at);
  world.watch(order);
}
