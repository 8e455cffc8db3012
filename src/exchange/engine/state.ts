/**
 * The engine's memory: orders, positions, accounts and the lanes that answer "what is open in this symbol" at once.
 * Plain data and the few operations that keep its sums true. Must never judge an order and never move money.
 */
import { assert } from '../../lib/assert.ts';
import { Queue } from './queue.ts';
import type {
  Asset,
  Contract,
  Fixed,
  Instant,
  OrderClass,
  OrderStatus,
  OrderType,
  PositionIntent,
  Side,
  TimeInForce,
} from './types.ts';

export type Instrument = Asset | Contract;

/** What a member of an advanced order is there for. `single`: an order on its own. */
export type Role = 'single' | 'entry' | 'take_profit' | 'stop_loss' | 'strategy' | 'leg';

export interface Order {
  readonly id: string;
  readonly account: Account;
  /** Position in the account's list, and age. Rises over the whole engine. */
  readonly seq: number;
  readonly clientId: string;
  /** null for the parent of a multi-leg order. */
  readonly instrument: Instrument | null;
  readonly class: OrderClass;
  role: Role;
  readonly type: OrderType;
  readonly side: Side;
  readonly tif: TimeInForce;
  qty: Fixed | null;
  readonly notional: Fixed | null;
  readonly limit: Fixed | null;
  /** Of a trailing stop: derived from `hwm`. */
  stop: Fixed | null;
  readonly trailPrice: Fixed | null;
  readonly trailPercent: Fixed | null;
  hwm: Fixed | null;
  readonly extended: boolean;
  readonly intent: PositionIntent | null;
  /** Contracts per unit of a multi-leg order. */
  readonly ratio: Fixed | null;
  status: OrderStatus;
  filledQty: Fixed;
  /** Sum of price × quantity of the fills, scale 18, so that the average price loses nothing. */
  filledCost: bigint;
  readonly created: Instant;
  updated: Instant;
  filledAt: Instant | null;
  expiredAt: Instant | null;
  canceledAt: Instant | null;
  failedAt: Instant | null;
  replacedAt: Instant | null;
  cancelRequestedAt: Instant | null;
  /** What Alpaca shows, and when the engine acts on it (null: never). */
  readonly expiresAt: Instant | null;
  readonly endsAt: Instant | null;
  replaces: string | null;
  replacedBy: string | null;
  parent: Order | null;
  legs: readonly Order[];
  /** Looked at by the matching: resting in a book. A stop loss is watched while Alpaca still shows it as `held`. */
  watched: boolean;
  /** A stop whose price has been reached. */
  triggered: boolean;
  /** The worst price at which a market order or a triggered buy stop may fill. */
  collar: Fixed | null;
  /** When the order was first looked at without filling: from then on it adds liquidity. */
  rested: boolean;
  /** Buying power taken (USD), and the initial margin behind it, for the whole order. */
  reserve: Fixed;
  margin: Fixed;
  /** The share of it still taken: shrinks with every fill, 0 when the order is done. */
  reserved: Fixed;
  marginHeld: Fixed;
  /** Position quantity set aside for this order, and whose: its own symbol, or the shares behind a covered call. */
  holdSymbol: string | null;
  hold: Fixed;
  held: Fixed;
}

export interface Position {
  readonly instrument: Instrument;
  /** Negative when short. Never 0: a closed position is removed. */
  qty: Fixed;
  /** qty × average entry price, scale 18, signed as qty. Without an option's multiplier. */
  cost: bigint;
  /** The last price at which it was valued, for when no quote is known. */
  mark: Fixed;
  /** The trading day on which the position was opened. */
  openedOn: string;
  doNotExercise: boolean;
}

/** The open orders of one account in one symbol. */
export interface Lane {
  readonly buys: Queue<Order>;
  readonly sells: Queue<Order>;
  /** Those that no price protects from a wash trade: market and stop orders. */
  readonly hardBuys: Set<Order>;
  readonly hardSells: Set<Order>;
  /** Open orders by side that would open a position. */
  openingBuys: number;
  openingSells: number;
  held: Fixed;
  readonly holders: Set<Order>;
}

export interface Configurations {
  readonly suspendTrade: boolean;
  readonly noShorting: boolean;
  readonly fractionalTrading: boolean;
  readonly disableOvernight: boolean;
  readonly ptpNoException: boolean;
  readonly maxMultiplier: 1 | 2 | 4;
  readonly maxOptionsLevel: 0 | 1 | 2 | 3 | null;
  readonly confirmEmail: 'all' | 'none';
}

export interface Activity {
  readonly id: string;
  readonly at: Instant;
  readonly type: string;
  readonly orderId: string | null;
  /** The row as Alpaca answers it. */
  readonly row: Readonly<Record<string, unknown>>;
}

export interface Account {
  readonly id: string;
  readonly number: string;
  readonly opened: Instant;
  readonly optionsLevel: 0 | 1 | 2 | 3;
  readonly shorting: boolean;
  readonly multiplier: 1 | 2 | 4;
  config: Configurations;
  cash: Fixed;
  /** Sums over the open orders. */
  reserved: Fixed;
  marginHeld: Fixed;
  lastEquity: Fixed;
  lastMaintenance: Fixed;
  balanceAsOf: string;
  readonly positions: Map<string, Position>;
  readonly lanes: Map<string, Lane>;
  /** Every order ever, oldest first; rising in `seq` and in `created`. */
  readonly orders: Order[];
  readonly open: Set<Order>;
  readonly byId: Map<string, Order>;
  readonly byClientId: Map<string, Order>;
  readonly activities: Activity[];
  /** Equity over time: `[instant, equity]`, at most one a minute. */
  samples: (readonly [Instant, Fixed])[];
  /** Money moved since the last sample. */
  stirred: boolean;
}

const DONE: ReadonlySet<OrderStatus> = new Set(['filled', 'canceled', 'expired', 'rejected', 'replaced']);
export const isDone = (order: Order): boolean => DONE.has(order.status);

export const multiplierOf = (instrument: Instrument): bigint => (instrument.kind === 'contract' ? 100n : 1n);

/** What is left to fill. Of a notional order the quantity is not known before it fills: null. */
export const leavesOf = (order: Order): Fixed | null => (order.qty === null ? null : order.qty - order.filledQty);

export function laneOf(account: Account, symbol: string): Lane {
  let lane = account.lanes.get(symbol);
  if (lane === undefined) {
    const stands = (order: Order): boolean => !isDone(order);
    lane = {
      buys: new Queue(false, stands),
      sells: new Queue(true, stands),
      hardBuys: new Set(),
      hardSells: new Set(),
      openingBuys: 0,
      openingSells: 0,
      held: 0n,
      holders: new Set(),
    };
    account.lanes.set(symbol, lane);
  }
  return lane;
}

/** Only simple orders and multi-leg legs can wash; advanced orders and trailing stops are exempt (user protection). */
const canWash = (order: Order): boolean =>
  order.class === 'simple' && order.role === 'single' && order.type !== 'trailing_stop';

/** Price that protects from a wash trade, if the order has one. */
export const washLimit = (type: OrderType, limit: Fixed | null): Fixed | null =>
  type === 'limit' || type === 'stop_limit' ? limit : null;

const opens = (order: Order): boolean => order.hold === 0n && canWash(order);

/** Takes what the order needs: buying power, margin, position quantity; and makes it known to its lane. */
export function takeIn(order: Order): void {
  const { account } = order;
  account.open.add(order);
  order.reserved = order.reserve;
  order.marginHeld = order.margin;
  order.held = order.hold;
  account.reserved += order.reserved;
  account.marginHeld += order.marginHeld;
  if (order.holdSymbol !== null && order.hold > 0n) {
    const held = laneOf(account, order.holdSymbol);
    held.held += order.hold;
    held.holders.add(order);
  }
  if (order.instrument === null || !canWash(order)) return;
  const lane = laneOf(account, order.instrument.symbol);
  const buy = order.side === 'buy';
  const limit = washLimit(order.type, order.limit);
  if (limit === null) (buy ? lane.hardBuys : lane.hardSells).add(order);
  else (buy ? lane.buys : lane.sells).push(order, limit, order.seq);
  if (opens(order)) {
    if (buy) lane.openingBuys++;
    else lane.openingSells++;
  }
}

/** Lets go in proportion to what has been filled: `left` of `whole` stays. */
export function shrink(order: Order, left: Fixed, whole: Fixed): void {
  const keep = (value: Fixed): Fixed => (left <= 0n ? 0n : (value * left) / whole);
  setTaken(order, keep(order.reserve), keep(order.margin), keep(order.hold));
}

/** Sets exactly what the order still takes. */
export function setTaken(order: Order, reserved: Fixed, margin: Fixed, held: Fixed): void {
  const { account } = order;
  account.reserved += reserved - order.reserved;
  account.marginHeld += margin - order.marginHeld;
  if (order.holdSymbol !== null) {
    const lane = laneOf(account, order.holdSymbol);
    lane.held += held - order.held;
    if (held > 0n) lane.holders.add(order);
    else lane.holders.delete(order);
    assert(lane.held >= 0n, `negative hold on ${order.holdSymbol}`);
  }
  order.reserved = reserved;
  order.marginHeld = margin;
  order.held = held;
  assert(account.reserved >= 0n && account.marginHeld >= 0n, `negative reservation of account ${account.id}`);
}

/** The order is done: gives everything back and leaves its lane. Call after its status has become final. */
export function takeOut(order: Order): void {
  const { account } = order;
  if (!account.open.delete(order)) return;
  setTaken(order, 0n, 0n, 0n);
  if (order.instrument === null || !canWash(order)) return;
  const lane = laneOf(account, order.instrument.symbol);
  const buy = order.side === 'buy';
  if (washLimit(order.type, order.limit) === null) (buy ? lane.hardBuys : lane.hardSells).delete(order);
  else (buy ? lane.buys : lane.sells).left();
  if (opens(order)) {
    if (buy) lane.openingBuys--;
    else lane.openingSells--;
  }
}

/** Signed quantity of the position; 0 when there is none. */
export const positionQty = (account: Account, symbol: string): Fixed => account.positions.get(symbol)?.qty ?? 0n;
