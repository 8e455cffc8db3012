/**
 * The messages that a feed owes its subscribers for a stretch of time: trades, quotes, books, bars, halts.
 * Made from the same rows as REST, so both always agree. Must never remember what was sent.
 */
import {
  bar,
  cryptoQuote,
  cryptoTrade,
  optionQuote,
  optionTrade,
  orderbook,
  stockQuote,
  stockTrade,
  timeText,
  usd,
  venueOf,
} from '../api/data-wire.ts';
import { newYorkDay } from '../market/calendar.ts';
import { OpeningHours } from '../market/hours.ts';
import type { Instrument } from '../market/instrument.ts';
import type { Market } from '../market/market.ts';
import { MINUTE, minuteBar, quoteAt, quotes, trades } from '../market/tape.ts';
import type { Channel, Feed } from './data-feeds.ts';

/** A time in a message: text in JSON, a timestamp in MessagePack. */
export class Stamp {
  /** Microseconds since 1970 UTC. */
  readonly us: number;

  constructor(us: number) {
    this.us = us;
  }

  toJSON(): string {
    return timeText(this.us);
  }
}

export interface Message {
  readonly T: string;
  readonly S: string;
  readonly t: Stamp;
}

/** Everything later than `from` up to `to`, in microseconds. */
export interface Due {
  readonly from: number;
  readonly to: number;
}

/** When time runs fast, a subscriber gets the latest few rows of a symbol, not all of them. */
const ROWS = 4;
const BARS = 60;

const ROUND_THE_CLOCK = new OpeningHours(false);

/** All messages of one symbol on the channels to which somebody listens. */
export function messagesFor(
  market: Market,
  feed: Feed,
  instrument: Instrument,
  channels: readonly Channel[],
  due: Due,
): readonly Message[] {
  const shifted = { from: due.from - feed.delay, to: due.to - feed.delay };
  return channels.flatMap((channel) => channelMessages(market, feed, instrument, channel, shifted));
}

function channelMessages(
  market: Market,
  feed: Feed,
  instrument: Instrument,
  channel: Channel,
  { from, to }: Due,
): readonly Message[] {
  const { symbol } = instrument;
  const hours = feed.kind === 'test' ? ROUND_THE_CLOCK : market.hours;
  const gate = feed.kind === 'test' ? instrument.gate : feed.gate;
  const latest = { from: from + 1, to, limit: ROWS, descending: true };
  const message = (T: string, us: number, shape: object): Message => ({ T, S: symbol, ...shape, t: new Stamp(us) });
  switch (channel) {
    case 'quotes':
      return quotes(instrument, hours, latest, gate)
        .reverse()
        .map((row) => message('q', row.at, quoteShape(market, feed, instrument)(row)));
    case 'trades':
      return trades(instrument, hours, latest, gate)
        .reverse()
        .map((row) => message('t', row.at, tradeShape(market, feed, instrument)(row)));
    case 'orderbooks': {
      const row = quotes(instrument, hours, { ...latest, limit: 1 }, gate)[0];
      if (!row) return [];
      return [message('o', row.at, { ...orderbook(row, instrument.step(usd(row.ask))), r: true })];
    }
    case 'bars':
      return minutes(from, to).flatMap((at) => {
        const row = isOpen(hours, gate, at) ? minuteBar(instrument, at) : null;
        return row ? [message('b', row.at, bar(row))] : [];
      });
    case 'dailyBars': {
      const last = minutes(from, to).at(-1);
      if (last === undefined || !isOpen(hours, gate, last)) return [];
      const day = feed.kind === 'crypto' ? Math.floor(last / 86_400_000_000) : newYorkDay(last / 1000);
      const row = market.bars.daily(instrument, day, to, false);
      return row ? [message('d', row.at, bar(row))] : [];
    }
    case 'lulds': {
      const last = minutes(from, to).at(-1);
      const row = last !== undefined && isOpen(hours, gate, last) ? quoteAt(instrument, hours, last, gate) : null;
      if (!row || last === undefined) return [];
      const band = (factor: number): number => Math.round(usd(row.ask) * factor * 100) / 100;
      return [
        message('l', last + MINUTE, { u: band(1.05), d: band(0.95), i: 'B', z: venue(market, feed, symbol).tape }),
      ];
    }
    case 'statuses':
      return statuses(market, feed, instrument, { from, to });
    case 'imbalances': // there are no auctions to be out of balance
    case 'updatedBars': // nothing is ever reported late here
    case 'corrections':
    case 'cancelErrors':
    case 'news':
      return [];
  }
}

/** Starts of the minutes that ended within a stretch. */
function minutes(from: number, to: number): readonly number[] {
  const last = Math.floor(to / MINUTE) - 1;
  const first = Math.max(Math.floor(from / MINUTE), last - BARS + 1);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * MINUTE);
}

const isOpen = (hours: OpeningHours, gate: Feed['gate'], at: number): boolean => hours.lastOpen(gate, at) === at;

const venue = (market: Market, feed: Feed, symbol: string) =>
  venueOf(market.listing(symbol)?.asset.exchange ?? 'NASDAQ', feed.name);

function quoteShape(market: Market, feed: Feed, { symbol, kind }: Instrument) {
  if (kind === 'coin') return cryptoQuote;
  if (kind === 'option') return optionQuote;
  const marks = venue(market, feed, symbol);
  return (row: Parameters<typeof stockQuote>[0]) => stockQuote(row, marks);
}

function tradeShape(market: Market, feed: Feed, { symbol, kind }: Instrument) {
  if (kind === 'coin') return cryptoTrade;
  if (kind === 'option') return optionTrade;
  const marks = venue(market, feed, symbol);
  return (row: Parameters<typeof stockTrade>[0]) => stockTrade(row, marks);
}

/** Halts that began or ended (Alpaca docs: trading statuses, CTA codes). */
function statuses(market: Market, feed: Feed, { symbol, script }: Instrument, { from, to }: Due): readonly Message[] {
  const z = venue(market, feed, symbol).tape;
  const status = (us: number, sc: string, sm: string, rc: string, rm: string): Message & Record<string, unknown> => ({
    T: 's',
    S: symbol,
    sc,
    sm,
    rc,
    rm,
    t: new Stamp(us),
    z,
  });
  return script.halts.flatMap((halt) => [
    ...(halt.from > from && halt.from <= to ? [status(halt.from, 'H', 'Trading Halt', halt.code, halt.reason)] : []),
    ...(halt.until > from && halt.until <= to ? [status(halt.until, 'T', 'Trading Resumption', '', '')] : []),
  ]);
}
