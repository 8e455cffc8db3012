/**
 * Market data rows in Alpaca's compact JSON keys (Alpaca docs: market data), for REST and streams alike.
 * Times stay microseconds here; REST writes them as RFC 3339, streams in MessagePack as timestamps. Must hold no rule
 * about which rows are shown.
 */
import type { BarRow, QuoteRow, TradeRow } from '../market/tape.ts';

/** USD of whole billionths. Exact integers divided once, so the number prints as the decimal that is meant. */
export const usd = (billionths: number): number => billionths / 1e9;

/** Average prices have up to six decimals, or nine where the price is tiny. */
const average = (billionths: number): number =>
  billionths >= 1e9 ? Math.round(billionths / 1e3) / 1e6 : usd(Math.round(billionths));

/** `2026-11-23T14:30:00.123456Z`, without trailing zeros, as Alpaca writes times. */
export function timeText(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const fraction = String(us - seconds * 1e6)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** The tape to which a listing exchange reports, and the code of the exchange. */
const VENUES: Readonly<Record<string, readonly [tape: string, code: string]>> = {
  NASDAQ: ['C', 'Q'],
  NYSE: ['A', 'N'],
  ARCA: ['B', 'P'],
  AMEX: ['B', 'A'],
  OTC: ['O', 'U'],
};

/** How a stock's rows are marked: the tape, and the exchange they come from. */
export interface Venue {
  readonly tape: string;
  readonly code: string;
}

/** The venue of a stock on a feed: IEX shows its own book only, the others the listing exchange. */
export function venueOf(exchange: string, feed: string): Venue {
  const [tape, code] = VENUES[exchange] ?? ['C', 'Q'];
  return { tape, code: feed === 'iex' ? 'V' : code };
}

export const stockQuote = (row: QuoteRow, { tape, code }: Venue) => ({
  ap: usd(row.ask),
  as: row.askSize,
  ax: code,
  bp: usd(row.bid),
  bs: row.bidSize,
  bx: code,
  c: ['R'],
  z: tape,
});

export const stockTrade = (row: TradeRow, { tape, code }: Venue) => ({
  c: row.size < 100 ? ['@', 'I'] : ['@'],
  i: row.id,
  p: usd(row.price),
  s: row.size,
  x: code,
  z: tape,
});

export const cryptoQuote = (row: QuoteRow) => ({
  ap: usd(row.ask),
  as: row.askSize,
  bp: usd(row.bid),
  bs: row.bidSize,
});

export const cryptoTrade = (row: TradeRow) => ({ i: row.id, p: usd(row.price), s: row.size, tks: row.taker });

export const optionQuote = (row: QuoteRow) => ({
  ap: usd(row.ask),
  as: row.askSize,
  ax: row.ask === 0 ? ' ' : 'C',
  bp: usd(row.bid),
  bs: row.bidSize,
  bx: row.bid === 0 ? ' ' : 'C',
  c: 'A',
});

export const optionTrade = (row: TradeRow) => ({ c: 'a', p: usd(row.price), s: row.size, x: 'C' });

export const bar = (row: BarRow) => ({
  c: usd(row.close),
  h: usd(row.high),
  l: usd(row.low),
  n: row.trades,
  o: usd(row.open),
  v: row.volume,
  vw: average(row.vwap),
});

/** Ten levels on either side, sizes growing away from the middle. Levels lie `step` apart. */
export function orderbook(row: QuoteRow, step: number) {
  const levels = Array.from({ length: 10 }, (_, i) => i);
  const grown = (size: number, i: number): number => Math.round(size * (1 + i * 0.7) * 1e4) / 1e4;
  const gap = Math.max(step, Math.round((row.ask - row.bid) / 2 / step) * step);
  return {
    a: levels.map((i) => ({ p: usd(row.ask + i * gap), s: grown(row.askSize, i) })),
    b: levels.filter((i) => row.bid > i * gap).map((i) => ({ p: usd(row.bid - i * gap), s: grown(row.bidSize, i) })),
  };
}

/** The row's JSON with its time in front. */
export const stamped = <T extends object>(at: number, shape: T): T & { readonly t: string } => ({
  t: timeText(at),
  ...shape,
});
