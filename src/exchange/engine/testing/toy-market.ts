/**
 * A market that shows exactly what it is told, for tests, benches and small simulations of the engine: a handful of
 * instruments, quotes set by hand, sessions on weekdays by a clock five hours behind UTC. Must never move by itself.
 */
import { fixed } from '../fixed.ts';
import { hashText } from '../ids.ts';
import { DAY, HOUR, iso, isoDate, MINUTE, parseInstant } from '../time.ts';
import type { Asset, Contract, Fixed, Instant, MarketView, Quote, Session, TradingDay } from '../types.ts';

const OFFSET = 5n * HOUR;

/** The instant of a New York winter wall time: `2026-01-07 10:00`. */
export function newYork(wall: string): Instant {
  const instant = parseInstant(`${wall.replace(' ', 'T')}:00Z`);
  if (instant === undefined) throw new TypeError(`not a wall time: ${JSON.stringify(wall)}`);
  return instant + OFFSET;
}

const hex8 = (n: number): string => n.toString(16).padStart(8, '0');
/** The same symbol has the same id. */
const idOf = (symbol: string): string =>
  `${hex8(hashText(symbol, 1))}-0000-4000-8000-0000${hex8(hashText(symbol, 0x811c9dc5))}`;

export function stock(symbol: string, changes: Partial<Asset> = {}): Asset {
  return {
    kind: 'asset',
    id: idOf(symbol),
    class: 'us_equity',
    exchange: 'NASDAQ',
    symbol,
    name: `${symbol} common stock`,
    status: 'active',
    tradable: true,
    marginable: true,
    shortable: true,
    easyToBorrow: true,
    fractionable: true,
    attributes: ['has_options', 'fractional_eh_enabled', 'overnight_tradable'],
    leverage: 1,
    ...changes,
  };
}

export const coin = (symbol: string, changes: Partial<Asset> = {}): Asset =>
  stock(symbol, {
    class: 'crypto',
    exchange: 'CRYPTO',
    marginable: false,
    shortable: false,
    easyToBorrow: false,
    attributes: [],
    minOrderSize: fixed('0.00001'),
    minTradeIncrement: 1n,
    priceIncrement: 1n,
    ...changes,
  });

/** `option('AAPL', '2026-01-16', 'call', 100)`. */
export function option(underlying: Asset, expiry: string, type: 'call' | 'put', strike: number): Contract {
  const date = expiry.slice(2).replaceAll('-', '');
  const symbol = `${underlying.symbol}${date}${type === 'call' ? 'C' : 'P'}${String(strike * 1000).padStart(8, '0')}`;
  return {
    kind: 'contract',
    id: idOf(symbol),
    symbol,
    name: symbol,
    underlying: underlying.symbol,
    underlyingId: underlying.id,
    type,
    strike: fixed(String(strike)),
    expiry,
    style: 'american',
    multiplier: 100,
    status: 'active',
    tradable: true,
  };
}

export class ToyMarket implements MarketView {
  keepsHours = true;
  readonly #assets = new Map<string, Asset>();
  readonly #contracts = new Map<string, Contract>();
  readonly #quotes = new Map<string, Quote>();
  readonly #halts = new Set<string>();

  add(...instruments: readonly (Asset | Contract)[]): this {
    for (const each of instruments) {
      for (const key of [each.symbol, each.id, each.symbol.replaceAll('/', '')]) {
        if (each.kind === 'asset') this.#assets.set(key, each);
        else this.#contracts.set(key, each);
      }
    }
    return this;
  }

  /** Shows `bid` × `ask`; the last trade is `last`, or in the middle. */
  show(symbol: string, bid: string, ask: string, last?: string): this {
    const [low, high] = [fixed(bid), fixed(ask)];
    const trade: Fixed = last === undefined ? (low + high) / 2n : fixed(last);
    const prevClose = this.#quotes.get(symbol)?.prevClose ?? trade;
    const size = fixed('100');
    this.#quotes.set(symbol, { bid: low, ask: high, bidSize: size, askSize: size, last: trade, prevClose });
    return this;
  }

  /** Nothing is known about the symbol's price any more. */
  hide(symbol: string): void {
    this.#quotes.delete(symbol);
  }

  halt(symbol: string, halted: boolean): void {
    if (halted) this.#halts.add(symbol);
    else this.#halts.delete(symbol);
  }

  asset(key: string): Asset | undefined {
    return this.#assets.get(key);
  }
  contract(key: string): Contract | undefined {
    return this.#contracts.get(key);
  }
  quote(symbol: string): Quote | undefined {
    return this.#quotes.get(symbol);
  }
  halted(symbol: string): boolean {
    return this.#halts.has(symbol);
  }

  readonly #days = new Map<number, TradingDay>();

  tradingDay(at: Instant): TradingDay {
    // The day that an hour belongs to does not change within the hour: 20:00 is a whole hour.
    const hour = Number(at / HOUR);
    let day = this.#days.get(hour);
    if (day === undefined) {
      day = ToyMarket.#dayOf(at);
      this.#days.set(hour, day);
    }
    return day;
  }

  static #dayOf(at: Instant): TradingDay {
    for (let midnight = ((at - OFFSET) / DAY) * DAY; ; midnight += DAY) {
      const weekday = new Date(iso(midnight)).getUTCDay();
      const start = midnight + OFFSET;
      if (weekday === 0 || weekday === 6 || at >= start + 20n * HOUR) continue;
      return {
        date: isoDate(midnight),
        preOpen: start + 4n * HOUR,
        open: start + 9n * HOUR + 30n * MINUTE,
        close: start + 16n * HOUR,
        postClose: start + 20n * HOUR,
      };
    }
  }

  session(at: Instant): Session {
    if (!this.keepsHours) return 'core';
    const day = this.tradingDay(at);
    if (at < day.preOpen - 8n * HOUR) return 'closed';
    if (at < day.preOpen) return 'overnight';
    if (at < day.open) return 'pre';
    if (at < day.close) return 'core';
    return 'post';
  }
}
