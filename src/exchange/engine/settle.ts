/**
 * What an execution does to an account: positions, cash, fees. The only place where money moves.
 * Must never decide whether an execution happens.
 */
import { recordNonTrade } from './activities.ts';
import { coinsOf } from './admission.ts';
import { abs, divide, mul, ONE, part } from './fixed.ts';
import { markOf } from './margin.ts';
import { type Account, type Instrument, multiplierOf, positionQty } from './state.ts';
import type { Asset, Fixed, Instant } from './types.ts';
import type { World } from './world.ts';

/** Adds `qty` (negative: takes away) at `price` to the position. The cost of what leaves is let go in proportion. */
export function move(world: World, account: Account, instrument: Instrument, qty: Fixed, price: Fixed): void {
  if (qty === 0n) return;
  const { symbol } = instrument;
  const position = account.positions.get(symbol);
  world.changed();
  account.stirred = true;
  const open = (amount: Fixed): void => {
    account.positions.set(symbol, {
      instrument,
      qty: amount,
      cost: amount * price,
      mark: price,
      openedOn: world.market.tradingDay(world.now).date,
      doNotExercise: false,
    });
  };
  if (position === undefined) {
    open(qty);
    return;
  }
  const before = position.qty;
  if (before > 0n === qty > 0n) {
    position.cost += qty * price;
  } else if (abs(qty) < abs(before)) {
    position.cost += divide(position.cost * qty, before);
  } else {
    account.positions.delete(symbol);
    if (before + qty !== 0n) open(before + qty);
    return;
  }
  position.qty += qty;
  position.mark = price;
}

/** Fee rates in basis points at tier 1 (Alpaca docs: crypto trading). */
const MAKER_BPS = 15n;
const TAKER_BPS = 25n;

/** Crypto: the fee comes out of what is received, coins on a buy, money on a sale. */
function settleCrypto(
  world: World,
  account: Account,
  asset: Asset,
  qty: Fixed,
  price: Fixed,
  maker: boolean,
  at: Instant,
): void {
  const [coin, money] = coinsOf(asset.symbol);
  const bps = maker ? MAKER_BPS : TAKER_BPS;
  const value = mul(qty, price);
  const description = 'Coin Pair Transaction Fee';
  if (qty > 0n) {
    const fee = part(qty, bps, 10_000n);
    move(world, account, asset, qty - fee, price);
    pay(world, account, money, -value, at);
    recordNonTrade(world, account, at, { type: 'CFEE', net: 0n, symbol: asset.symbol, qty: -fee, price, description });
  } else {
    const fee = part(-value, bps, 10_000n);
    move(world, account, asset, qty, price);
    pay(world, account, money, -value - fee, at);
    const net = money === 'USD' ? -fee : 0n;
    recordNonTrade(world, account, at, { type: 'CFEE', net, symbol: `${coin}/${money}`, description });
  }
}

/** Money in (or, negative, out): dollars are cash, another coin is a position in that coin. */
function pay(world: World, account: Account, money: string, amount: Fixed, at: Instant): void {
  if (money === 'USD') {
    account.cash += amount;
    return;
  }
  const pair = world.market.asset(`${money}/USD`);
  if (pair === undefined) return;
  const quote = world.market.quote(pair.symbol, at);
  move(world, account, pair, amount, (quote && markOf(pair, quote)) || ONE);
}

/** One execution: `qty` signed (negative: sold), `price` for one share, coin or contract's share. */
export function settle(
  world: World,
  account: Account,
  instrument: Instrument,
  qty: Fixed,
  price: Fixed,
  maker: boolean,
  at: Instant,
): void {
  if (instrument.kind === 'asset' && instrument.class === 'crypto') {
    settleCrypto(world, account, instrument, qty, price, maker, at);
    return;
  }
  move(world, account, instrument, qty, price);
  account.cash -= mul(qty * multiplierOf(instrument), price);
}

/** Whether selling now goes, or goes further, short. */
export const sellsShort = (account: Account, symbol: string): boolean => positionQty(account, symbol) <= 0n;
