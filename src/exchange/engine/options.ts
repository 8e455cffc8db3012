/**
 * The end of options: exercise on demand, and on the day of expiry liquidation of what cannot be paid for, automatic
 * exercise and assignment of what is at least a cent in the money, and worthless expiry of the rest
 * (Alpaca docs: options trading). Also stock splits. Must never match orders.
 */
import { recordNonTrade } from './activities.ts';
import { endGroup } from './advanced.ts';
import {
  forbidden,
  insufficientBuyingPower,
  insufficientQty,
  ok,
  positionNotFound,
  refuse,
  symbolNotFound,
  unprocessable,
} from './errors.ts';
import { abs, CENT, div, divide, max, mul, ONE } from './fixed.ts';
import { availableQty, markOf, power } from './margin.ts';
import { move } from './settle.ts';
import { type Account, type Position, positionQty } from './state.ts';
import { submit } from './submit.ts';
import { HOUR } from './time.ts';
import type { Asset, Contract, Fixed, Instant, Result, TradingDay } from './types.ts';
import type { World } from './world.ts';

type OptionPosition = Position & { readonly instrument: Contract };

const optionPositions = (account: Account): OptionPosition[] =>
  [...account.positions.values()].filter((each): each is OptionPosition => each.instrument.kind === 'contract');

function cancelIn(world: World, account: Account, symbol: string, at: Instant): void {
  for (const order of [...account.open]) {
    const touches = order.instrument?.symbol === symbol || order.legs.some((leg) => leg.instrument?.symbol === symbol);
    if (touches) endGroup(world, order, 'canceled', at);
  }
}

/** How far the contract is in the money, USD per share; 0 when it is not, null when the price is unknown. */
function moneyness(world: World, contract: Contract, asset: Asset | undefined, at: Instant): Fixed | null {
  const quote = asset && world.market.quote(asset.symbol, at);
  if (asset === undefined || quote === undefined) return null;
  const price = markOf(asset, quote);
  return max(0n, contract.type === 'call' ? price - contract.strike : contract.strike - price);
}

/** Turns `qty` contracts (signed as the position) into shares at the strike. */
function deliver(world: World, account: Account, contract: Contract, qty: Fixed, asset: Asset, at: Instant): void {
  const long = qty > 0n;
  const shares = (contract.type === 'call' ? qty : -qty) * 100n;
  const net = -mul(shares, contract.strike);
  move(world, account, contract, -qty, 0n);
  move(world, account, asset, shares, contract.strike);
  account.cash += net;
  const type = long ? 'OPEXC' : 'OPASN';
  const description = long ? 'Option Exercise' : 'Option Assignment';
  recordNonTrade(world, account, at, { type, net: 0n, symbol: contract.symbol, qty: -qty, description });
  recordNonTrade(world, account, at, {
    type: 'OPTRD',
    net,
    symbol: asset.symbol,
    qty: shares,
    price: contract.strike,
    description: 'Option Trade',
  });
}

/** Whether the account can take what exercising `qty` long contracts brings: money for calls, shares for puts. */
function funded(world: World, account: Account, contract: Contract, qty: Fixed, at: Instant): Result<null> {
  const shares = qty * 100n;
  if (contract.type === 'call') {
    const cost = mul(shares, contract.strike);
    const { buyingPower } = power(world, account, at);
    return cost > buyingPower ? refuse(insufficientBuyingPower(buyingPower, cost)) : ok(null);
  }
  const symbol = contract.underlying;
  const free = positionQty(account, symbol) > 0n ? availableQty(account, symbol) : 0n;
  if (shares <= free) return ok(null);
  const existing = max(0n, positionQty(account, symbol));
  return refuse(insufficientQty(symbol, shares, free, existing, existing - free, []));
}

/** The long option position that a request names. */
function longOption(world: World, account: Account, key: string): Result<OptionPosition> {
  const contract = world.market.contract(key);
  if (contract === undefined) return refuse(symbolNotFound(key));
  const position = optionPositions(account).find((each) => each.instrument.id === contract.id);
  if (position === undefined || position.qty < 0n) return refuse(positionNotFound(key));
  return ok(position);
}

/** POST /v2/positions/{symbol_or_contract_id}/exercise: all contracts that no order holds. */
export function exercise(world: World, account: Account, key: string, at: Instant): Result<null> {
  const found = longOption(world, account, key);
  if (!found.ok) return found;
  const { instrument: contract } = found.value;
  const day = world.market.tradingDay(at);
  // From the close until midnight, four hours after extended trading has ended.
  if (world.market.keepsHours && at >= day.close && at < day.postClose + 4n * HOUR) {
    return refuse(forbidden('options cannot be exercised between market close and midnight'));
  }
  const qty = availableQty(account, contract.symbol);
  if (qty === 0n) {
    return refuse(insufficientQty(contract.symbol, found.value.qty, 0n, found.value.qty, found.value.qty, []));
  }
  const asset = world.market.asset(contract.underlying);
  if (asset === undefined) return refuse(unprocessable(`underlying asset "${contract.underlying}" not found`));
  const paid = funded(world, account, contract, qty, at);
  if (!paid.ok) return paid;
  deliver(world, account, contract, qty, asset, at);
  return ok(null);
}

/** POST /v2/positions/{symbol_or_contract_id}/do-not-exercise. */
export function doNotExercise(world: World, account: Account, key: string): Result<null> {
  const found = longOption(world, account, key);
  if (!found.ok) return found;
  found.value.doNotExercise = true;
  world.changed();
  return ok(null);
}

/** Half an hour before the close: long contracts in the money that the account cannot pay for are sold. */
export function liquidateUnfunded(world: World, day: TradingDay, at: Instant): void {
  for (const account of world.accounts.values()) {
    for (const position of optionPositions(account)) {
      const contract = position.instrument;
      if (contract.expiry !== day.date || position.qty < 0n || position.doNotExercise) continue;
      const inner = moneyness(world, contract, world.market.asset(contract.underlying), at);
      if (inner === null || inner < CENT || funded(world, account, contract, position.qty, at).ok) continue;
      cancelIn(world, account, contract.symbol, at);
      const qty = String(position.qty / ONE);
      submit(world, account, { symbol: contract.symbol, qty, side: 'sell', type: 'market', time_in_force: 'day' }, at);
    }
  }
}

const isExpired = (contract: Contract, day: TradingDay, at: Instant): boolean =>
  contract.expiry < day.date || (contract.expiry === day.date && at >= day.close);

/** After the close: every position in a contract that has expired is exercised, assigned or expires worthless. */
export function settleExpired(world: World, day: TradingDay, at: Instant): void {
  for (const account of world.accounts.values()) {
    // Assignments first: what an account must deliver comes before what it may choose to buy.
    const due = optionPositions(account)
      .filter((each) => isExpired(each.instrument, day, at))
      .sort((a, b) => Number(a.qty > 0n) - Number(b.qty > 0n));
    for (const position of due) {
      const { instrument: contract, qty } = position;
      cancelIn(world, account, contract.symbol, at);
      const asset = world.market.asset(contract.underlying);
      const inner = moneyness(world, contract, asset, at);
      const long = qty > 0n;
      const wanted = asset !== undefined && inner !== null && inner >= CENT && !(long && position.doNotExercise);
      if (wanted && (!long || funded(world, account, contract, qty, at).ok)) {
        deliver(world, account, contract, qty, asset, at);
        continue;
      }
      move(world, account, contract, -qty, 0n);
      const description = 'Option Expiration';
      recordNonTrade(world, account, at, { type: 'OPEXP', net: 0n, symbol: contract.symbol, qty: -qty, description });
    }
  }
}

/**
 * `numerator` new shares for `denominator` old ones: open orders of the symbol are cancelled, positions keep their cost.
 * Options on the symbol are left alone.
 */
export function split(world: World, symbol: string, numerator: bigint, denominator: bigint, at: Instant): void {
  for (const account of world.accounts.values()) {
    cancelIn(world, account, symbol, at);
    const position = account.positions.get(symbol);
    if (position === undefined) continue;
    const before = position.qty;
    position.qty = divide(before * numerator, denominator);
    position.mark = divide(position.mark * denominator, numerator);
    if (position.qty === 0n) account.positions.delete(symbol);
    account.stirred = true;
    world.changed();
    recordNonTrade(world, account, at, {
      type: 'SPLIT',
      net: 0n,
      symbol,
      qty: position.qty - before,
      price: abs(div(position.cost / ONE, position.qty || ONE)),
      description: `${numerator} for ${denominator}`,
    });
  }
}
