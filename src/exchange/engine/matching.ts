/**
 * The paper fill model (Alpaca docs: paper trading): an order fills when it is marketable against the quote, at the
 * quote, whatever its size; multi-leg orders fill as a unit; optionally an eligible order fills only in part now and
 * then. Also triggers stops, trails trailing stops and opens and ends sessions. Must never judge whether an order may exist.
 */

import { qtyForNotional } from './admission.ts';
import { naturalPrice } from './admission-option.ts';
import { afterFill, endGroup, stopReached } from './advanced.ts';
import { waitsForStop, waitsForTrail, worstPrice } from './book.ts';
import { isWhole, max, min, ONE } from './fixed.ts';
import { activate, end, fill, fillStrategy, trailedStop } from './lifecycle.ts';
import { availableQty, markOf } from './margin.ts';
import { isDone, leavesOf, type Order } from './state.ts';
import type { Contract, Fixed, Instant, Quote, Session, Side } from './types.ts';
import type { SymbolBook, World } from './world.ts';

/** Whether the order can work in this session. Auction orders wait for their auction instead. */
export function worksIn(
  world: World,
  order: Pick<Order, 'instrument' | 'tif' | 'extended' | 'account'>,
  session: Session,
): boolean {
  const { instrument } = order;
  if (instrument?.kind === 'asset' && instrument.class === 'crypto') return true;
  if ((order.tif === 'opg' || order.tif === 'cls') && world.market.keepsHours) return false;
  if (session === 'core') return true;
  if (!order.extended || session === 'closed') return false;
  if (session !== 'overnight') return true;
  return (
    instrument?.kind === 'asset' &&
    instrument.attributes.includes('overnight_tradable') &&
    !order.account.config.disableOvernight
  );
}

/** Part of what is left, at random: whole units where the order is whole, hundredths otherwise. */
function partOf(world: World, leaves: Fixed): Fixed {
  if (isWhole(leaves)) {
    const units = leaves / ONE;
    return units < 2n ? leaves : BigInt(1 + world.draws.below(Number(min(units - 1n, 1_000_000n)))) * ONE;
  }
  return max(1n, (leaves * BigInt(1 + world.draws.below(99))) / 100n);
}

/** How much of a marketable order fills now at `price`. */
function quantity(world: World, order: Order, price: Fixed): Fixed {
  const leaves = leavesOf(order);
  const { instrument } = order;
  if (leaves === null) {
    if (instrument?.kind !== 'asset' || order.notional === null) return 0n;
    const qty = qtyForNotional(order.notional, instrument, price, order.side === 'buy');
    // A falling price must not sell more than there is.
    return order.side === 'buy' ? qty : min(qty, availableQty(order.account, instrument.symbol) + order.held);
  }
  if (world.partialFills > 0 && order.tif !== 'fok') {
    if (world.draws.uint32() < world.partialFills * 0x1_0000_0000) return partOf(world, leaves);
  }
  return leaves;
}

/** Looks at exits that have just begun to work; watches those that stay. */
function begin(world: World, orders: readonly Order[], at: Instant): void {
  for (const order of orders) {
    if (isDone(order)) continue;
    const session = order.instrument?.kind === 'asset' ? world.market.session(at) : 'core';
    if (worksIn(world, order, session)) consider(world, order, at);
    if (!isDone(order)) world.watch(order);
  }
}

function trail(world: World, order: Order, price: Fixed): void {
  const better = order.hwm === null || (order.side === 'sell' ? price > order.hwm : price < order.hwm);
  if (!better) return;
  order.hwm = price;
  order.stop = trailedStop(order.side, price, order.trailPrice, order.trailPercent);
  world.changed();
}

/** Stops and trails: true when the order may now fill. */
function released(world: World, order: Order, price: Fixed, at: Instant): boolean {
  if (!waitsForStop(order) && !waitsForTrail(order)) return true;
  if (price === 0n) return false;
  if (waitsForTrail(order)) trail(world, order, price);
  const stop = order.stop ?? 0n;
  if (order.side === 'buy' ? price < stop : price > stop) return false;
  stopReached(world, order, at);
  order.triggered = true;
  world.changed();
  return true;
}

/** Looks at one order against the market: triggers it, fills it. It may be in no book while this runs, or in its own. */
function consider(world: World, order: Order, at: Instant, known?: Quote): void {
  if (order.role === 'strategy') {
    considerStrategy(world, order, at);
    return;
  }
  const { instrument } = order;
  if (instrument === null || isDone(order)) return;
  const { symbol } = instrument;
  const quote = known ?? world.market.quote(symbol, at);
  if (quote === undefined || world.market.halted(symbol, at)) return;
  if (!released(world, order, markOf(instrument, quote), at)) return;
  const buy = order.side === 'buy';
  const price = buy ? quote.ask : quote.bid;
  if (price === 0n) return;
  const worst = worstPrice(order);
  if (worst !== null && (buy ? price > worst : price < worst)) return;
  const qty = quantity(world, order, price);
  if (qty === 0n) {
    // The money does not buy the smallest quantity.
    end(world, order, 'rejected', at);
    return;
  }
  fill(world, order, qty, price, at);
  begin(world, afterFill(world, order, at), at);
}

function considerStrategy(world: World, order: Order, at: Instant): void {
  if (isDone(order)) return;
  const legs: { contract: Contract; side: Side; ratio: Fixed }[] = [];
  for (const { instrument, side, ratio } of order.legs) {
    if (instrument?.kind !== 'contract' || ratio === null) return;
    if (world.market.halted(instrument.symbol, at)) return;
    legs.push({ contract: instrument, side, ratio });
  }
  const net = naturalPrice(world, legs, at);
  if (net === null || (order.limit !== null && net > order.limit)) return;
  const prices = legs.map(({ contract, side }) => {
    const quote = world.market.quote(contract.symbol, at);
    return (side === 'buy' ? quote?.ask : quote?.bid) ?? 0n;
  });
  fillStrategy(world, order, prices, net, at);
}

/** An order begins to work: `new`, then whatever the market does with it at once. */
export function startWorking(world: World, order: Order, at: Instant): void {
  activate(world, order, at);
  consider(world, order, at);
  if (isDone(order)) return;
  if (order.tif === 'ioc' || order.tif === 'fok') {
    endGroup(world, order, 'canceled', at);
    return;
  }
  order.rested = true;
  world.watch(order);
}

const NO_QUOTE: Quote = { bid: 0n, ask: 0n, bidSize: 0n, askSize: 0n, last: 0n, prevClose: 0n };

/** Everything in one book that this moment can move, oldest order first. */
function look(world: World, books: SymbolBook, at: Instant, session: Session): void {
  const { instrument, regular, extended } = books;
  const always = instrument?.kind === 'asset' && instrument.class === 'crypto';
  const inRegular = (always || session === 'core') && !regular.empty;
  const inExtended = session !== 'closed' && !extended.empty;
  if (!inRegular && !inExtended) return;
  // A multi-leg order looks at the quotes of its legs itself.
  const quote = instrument === null ? NO_QUOTE : world.market.quote(instrument.symbol, at);
  if (quote === undefined || (instrument !== null && world.market.halted(instrument.symbol, at))) return;
  const found: Order[] = [];
  const trigger = instrument === null ? 0n : markOf(instrument, quote);
  if (inRegular) regular.take(quote, trigger, found);
  if (inExtended) extended.take(quote, trigger, found);
  found.sort((a, b) => a.seq - b.seq);
  for (const order of found) {
    if (isDone(order)) continue;
    if (worksIn(world, order, session)) consider(world, order, at, quote);
    if (!isDone(order)) world.sideBook(order).replace(order);
  }
}

export function lookAtAll(world: World, at: Instant, session: Session): void {
  for (const key of world.bookKeys()) {
    const books = world.books.get(key);
    if (books === undefined) continue;
    const mark = world.market.mark();
    const before = world.version;
    look(world, books, at, session);
    if (world.version === before) world.market.forget(mark);
  }
}

/** Orders whose time is up. Aged gtc orders are cancelled, the others expire. */
export function endDue(world: World, at: Instant): void {
  for (let due = world.takeEnding(at); due !== undefined; due = world.takeEnding(at)) {
    for (const order of due) {
      if (isDone(order)) continue;
      // A closing auction that nobody looked at in time is over too.
      const how = order.tif === 'day' ? 'expired' : 'canceled';
      if (order.role === 'leg' && order.parent !== null) end(world, order.parent, how, at);
      else endGroup(world, order, how, at);
    }
  }
}

/** Auction orders fill in their auction or are cancelled; the other waiting orders start when their session does. */
export function startWaiting(world: World, at: Instant, session: Session): void {
  for (const order of [...world.queued]) {
    if (isDone(order)) continue;
    if (order.tif === 'opg' && world.market.keepsHours) {
      if (session === 'core') auction(world, order, at);
    } else if (order.tif === 'cls' && world.market.keepsHours) {
      if (order.expiresAt !== null && at >= order.expiresAt) auction(world, order, at);
    } else if (worksIn(world, order, session)) {
      startWorking(world, order, at);
    }
  }
}

function auction(world: World, order: Order, at: Instant): void {
  activate(world, order, at);
  consider(world, order, at);
  endGroup(world, order, 'canceled', at);
}
