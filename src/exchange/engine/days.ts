/**
 * What the calendar does to accounts: the roll at the close of a trading day, options at their end, equity samples.
 * Must never match orders.
 */
import { valuation } from './margin.ts';
import { liquidateUnfunded, settleExpired } from './options.ts';
import { MINUTE } from './time.ts';
import type { Fixed, Instant, TradingDay } from './types.ts';
import type { World } from './world.ts';

/** The first close after `at`. */
export function closeAfter(world: World, at: Instant): Instant {
  const day = world.market.tradingDay(at);
  return at < day.close ? day.close : world.market.tradingDay(day.postClose).close;
}

/** Call on every tick. Does at most one roll, also when several days have passed unseen. */
export function rollDays(world: World, day: TradingDay, at: Instant): void {
  if (world.nextClose === null) return;
  if (at >= day.close - 30n * MINUTE && at < day.close && world.liquidatedOn !== day.date) {
    world.liquidatedOn = day.date;
    world.changed();
    liquidateUnfunded(world, day, at);
  }
  if (at < world.nextClose) return;
  settleExpired(world, day, at);
  for (const account of world.accounts.values()) {
    const { equity, maintenance } = valuation(world, account, at);
    account.lastEquity = equity;
    account.lastMaintenance = maintenance;
    account.balanceAsOf = day.date;
  }
  world.nextClose = closeAfter(world, at);
  world.changed();
}

const KEPT_SAMPLES = 40_000;

/** Notes the equity of accounts that have moved, at most once a minute. */
export function sampleEquity(world: World, at: Instant): void {
  for (const account of world.accounts.values()) {
    const last = account.samples.at(-1);
    if (last === undefined || (account.positions.size === 0 && !account.stirred)) continue;
    if (at / MINUTE <= last[0] / MINUTE) continue;
    const { equity } = valuation(world, account, at);
    if (account.stirred) {
      account.stirred = false;
      world.changed();
    }
    if (equity === last[1]) continue;
    account.samples.push([at, equity]);
    if (account.samples.length > KEPT_SAMPLES) account.samples = thinned(account.samples);
    world.changed();
  }
}

/** Every second sample of the older half goes. */
function thinned(samples: readonly (readonly [Instant, Fixed])[]): (readonly [Instant, Fixed])[] {
  const middle = samples.length >> 1;
  return samples.filter((_, i) => i >= middle || i % 2 === 0);
}
