/**
 * Opening and configuring accounts, closing positions, cancelling everything: the account-wide commands.
 * Must never repeat an order rule: closing a position places an order like any other.
 */
import { findPosition } from './account-views.ts';
import { recordNonTrade } from './activities.ts';
import { endGroup, groupOf } from './advanced.ts';
import { closeAfter } from './days.ts';
import { alreadyInState, bodyOf, legAlreadyInState, malformed, ok, positionNotFound, refuse } from './errors.ts';
import { abs, fixed, isWhole, ONE, text, whole } from './fixed.ts';
import { findOrder } from './listing.ts';
import { parseClose } from './request.ts';
import { type Account, type Configurations, isDone, type Position } from './state.ts';
import { submit } from './submit.ts';
import { isoDate } from './time.ts';
import type {
  AccountSetup,
  Body,
  CancelStatus,
  CloseStatus,
  ConfigurationsJson,
  Instant,
  OrderJson,
  Query,
  Result,
} from './types.ts';
import { configurationsJson } from './views.ts';
import type { World } from './world.ts';

/** Opens an account. Opening one that exists is a programming error and throws. */
export function openAccount(world: World, setup: AccountSetup, at: Instant): void {
  if (world.accounts.has(setup.id)) throw new RangeError(`account ${setup.id} exists already`);
  const cash = fixed(setup.cash ?? '100000');
  const multiplier = setup.multiplier ?? 2;
  const account: Account = {
    id: setup.id,
    number:
      setup.number ??
      `PA3${setup.id
        .replace(/[^0-9a-z]/gi, '')
        .slice(0, 9)
        .toUpperCase()
        .padEnd(9, '0')}`,
    opened: at,
    optionsLevel: setup.optionsLevel ?? 3,
    shorting: setup.shorting ?? true,
    multiplier,
    config: {
      suspendTrade: false,
      noShorting: false,
      fractionalTrading: true,
      disableOvernight: false,
      ptpNoException: false,
      maxMultiplier: multiplier,
      maxOptionsLevel: null,
      confirmEmail: 'all',
    },
    cash,
    reserved: 0n,
    marginHeld: 0n,
    lastEquity: cash,
    lastMaintenance: 0n,
    balanceAsOf: isoDate(at),
    positions: new Map(),
    lanes: new Map(),
    orders: [],
    open: new Set(),
    byId: new Map(),
    byClientId: new Map(),
    activities: [],
    samples: [[at, cash]],
    stirred: false,
  };
  world.accounts.set(account.id, account);
  world.nextClose ??= closeAfter(world, at);
  world.changed();
}

/** Pays in or out; TRANS-like journal entry in the activities. */
export function adjustCash(world: World, account: Account, amount: string, at: Instant): void {
  const net = fixed(amount);
  account.cash += net;
  account.stirred = true;
  recordNonTrade(world, account, at, { type: net < 0n ? 'CSW' : 'CSD', net });
}

const KNOWN: Readonly<Record<string, readonly unknown[]>> = {
  suspend_trade: [true, false],
  no_shorting: [true, false],
  fractional_trading: [true, false],
  disable_overnight_trading: [true, false],
  ptp_no_exception_entry: [true, false],
  max_margin_multiplier: ['1', '2', '4'],
  max_options_trading_level: [0, 1, 2, 3],
  trade_confirm_email: ['all', 'none'],
};

/** PATCH /v2/account/configurations. Keys that are absent or null stay; retired and unknown keys are ignored. */
export function configure(world: World, account: Account, body: Body): Result<ConfigurationsJson> {
  const asked: Record<string, unknown> = {};
  for (const [key, allowed] of Object.entries(KNOWN)) {
    const given = body[key];
    if (given === undefined || given === null) continue;
    const value = key === 'max_margin_multiplier' ? String(given) : given;
    if (!allowed.includes(value)) {
      return refuse(malformed(`invalid ${key}: ${JSON.stringify(given)}, send one of ${JSON.stringify(allowed)}`));
    }
    asked[key] = value;
  }
  const pick = <T>(key: string, now: T): T => (key in asked ? (asked[key] as T) : now);
  const { config } = account;
  const next: Configurations = {
    suspendTrade: pick('suspend_trade', config.suspendTrade),
    noShorting: pick('no_shorting', config.noShorting),
    fractionalTrading: pick('fractional_trading', config.fractionalTrading),
    disableOvernight: pick('disable_overnight_trading', config.disableOvernight),
    ptpNoException: pick('ptp_no_exception_entry', config.ptpNoException),
    maxMultiplier: Number(pick('max_margin_multiplier', String(config.maxMultiplier))) as 1 | 2 | 4,
    maxOptionsLevel: pick('max_options_trading_level', config.maxOptionsLevel),
    confirmEmail: pick('trade_confirm_email', config.confirmEmail),
  };
  if (JSON.stringify(next) !== JSON.stringify(config)) {
    account.config = next;
    world.changed();
  }
  return ok(configurationsJson(account.config));
}

/** DELETE /v2/orders/{id}: the order and, for a member of a group, the rest of it. */
export function cancel(world: World, account: Account, orderId: string, at: Instant): Result<null> {
  const found = findOrder(account, orderId);
  if (!found.ok) return found;
  const { role, status } = found.value;
  if (isDone(found.value)) return refuse(role === 'leg' ? legAlreadyInState(status) : alreadyInState(status));
  for (const each of groupOf(found.value)) if (!isDone(each)) each.cancelRequestedAt = at;
  endGroup(world, found.value, 'canceled', at);
  return ok(null);
}

/** DELETE /v2/orders. */
export function cancelAll(world: World, account: Account, at: Instant): readonly CancelStatus[] {
  const open = [...account.open].filter((order) => order.role !== 'leg');
  for (const order of open) {
    if (!isDone(order)) {
      for (const each of groupOf(order)) if (!isDone(each)) each.cancelRequestedAt = at;
      endGroup(world, order, 'canceled', at);
    }
  }
  return open.map(({ id }) => ({ id, status: 200 }));
}

/** The market order that closes a position, or the part of it that is asked for. */
function closingBody(position: Position, qty: bigint): Body {
  const { instrument } = position;
  const crypto = instrument.kind === 'asset' && instrument.class === 'crypto';
  return {
    symbol: instrument.symbol,
    qty: text(qty),
    side: position.qty > 0n ? 'sell' : 'buy',
    type: 'market',
    time_in_force: crypto ? 'gtc' : 'day',
  };
}

/** DELETE /v2/positions/{symbol_or_asset_id}. */
export function closePosition(
  world: World,
  account: Account,
  key: string,
  query: Query,
  at: Instant,
): Result<OrderJson> {
  const asked = parseClose(query);
  if (!asked.ok) return asked;
  const position = findPosition(account, key);
  if (position === undefined) return refuse(positionNotFound(key));
  const { qty, percentage } = asked.value;
  const all = abs(position.qty);
  let part = qty ?? all;
  if (percentage !== null) {
    part = (all * percentage) / whole(100);
    // Whole positions are closed in whole units.
    const fractions = position.instrument.kind === 'asset' && position.instrument.fractionable && position.qty > 0n;
    if (percentage !== whole(100) && !fractions && isWhole(all)) part = (part / ONE) * ONE;
  }
  return submit(world, account, closingBody(position, part), at);
}

/**
 * DELETE /v2/positions. Written options are bought back first: what covers them cannot be sold before. Everything else goes
 * in the order in which it came.
 */
export function closeAll(world: World, account: Account, cancelOrders: boolean, at: Instant): readonly CloseStatus[] {
  if (cancelOrders) cancelAll(world, account, at);
  const positions = [...account.positions.values()];
  const written = positions.filter(({ instrument, qty }) => instrument.kind === 'contract' && qty < 0n);
  const others = positions.filter((position) => !written.includes(position));
  return [...written, ...others].map((position) => {
    const result = submit(world, account, closingBody(position, abs(position.qty)), at);
    const symbol = position.instrument.symbol.replaceAll('/', '');
    return result.ok
      ? { symbol, status: 200, body: result.value }
      : { symbol, status: result.error.status, body: bodyOf(result.error) };
  });
}
