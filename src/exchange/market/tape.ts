/**
 * The tape: quotes, trades and bars of an instrument, as they stand at a time or over a stretch of time. Here the model's
 * numbers become prices: whole billionths of a USD on the tick, bid below ask. Everything is computed from where it
 * stands in time, so the latest quote, the history and the stream show the same rows. Must never store rows.
 *
 * Times are microseconds since 1970 UTC; prices are whole billionths of a USD; sizes are units.
 */
import type { Gate, OpeningHours } from './hours.ts';
import type { Instrument } from './instrument.ts';
import { hash2, unit } from './noise.ts';

export interface QuoteRow {
  readonly at: number;
  readonly bid: number;
  readonly ask: number;
  readonly bidSize: number;
  readonly askSize: number;
}

export interface TradeRow {
  readonly at: number;
  readonly price: number;
  readonly size: number;
  readonly id: number;
  /** Who took: a buyer lifted the offer, or a seller hit the bid. */
  readonly taker: 'B' | 'S';
}

export interface BarRow {
  /** Start of the bar. */
  readonly at: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly trades: number;
  readonly vwap: number;
}

/** A stretch of time, both ends included, and how much of it is wanted. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly descending: boolean;
}

export const MINUTE = 60_000_000;
/** Nothing is older: 2016-01-01, as with Alpaca's stock data. */
export const HISTORY_START = Date.UTC(2016, 0, 1) * 1000;

const QUOTES = 0x71a7;
const TRADES = 0x7ade;

/** Something that happens once in every cell of a grid over time, at a place in the cell that depends on the cell alone. */
interface Grid {
  readonly every: number;
  readonly seed: number;
}

const quoteGrid = (instrument: Instrument): Grid => ({ every: instrument.quoteEvery, seed: instrument.seed ^ QUOTES });
const tradeGrid = (instrument: Instrument): Grid => ({ every: instrument.tradeEvery, seed: instrument.seed ^ TRADES });

const drawOf = (grid: Grid, cell: number): number => hash2(grid.seed ^ Math.floor(cell / 0x1_0000_0000), cell);
const timeOf = (grid: Grid, cell: number): number =>
  cell * grid.every + Math.floor(unit(drawOf(grid, cell)) * (grid.every - 1));

/** The last time up to `us` at which the instrument could trade. */
function lastOpen(instrument: Instrument, hours: OpeningHours, gate: Gate, us: number): number {
  const open = hours.lastOpen(gate, us);
  const halt = instrument.script.halted(open);
  return halt ? hours.lastOpen(gate, halt.from - 1) : open;
}

/** The last cell whose event is not later than `us` and happened while trading was open. */
function lastCell(
  instrument: Instrument,
  hours: OpeningHours,
  gate: Gate,
  grid: Grid,
  us: number,
  happened: (cell: number) => boolean,
): number {
  let limit = lastOpen(instrument, hours, gate, us);
  let cell = Math.floor(limit / grid.every);
  for (let tries = 0; tries < 2000; tries++) {
    const at = timeOf(grid, cell);
    if (at <= limit) {
      const open = lastOpen(instrument, hours, gate, at);
      if (open === at && happened(cell)) return cell;
      if (open !== at) {
        limit = open;
        cell = Math.floor(limit / grid.every) + 1;
      }
    }
    cell--;
  }
  return cell; // a symbol that hardly ever trades: something has to be its last trade
}

const always = (): boolean => true;

const round = (price: number, step: number): number => Math.max(step, Math.round((price * 1e9) / step) * step);

// --- quotes -------------------------------------------------------------------------------------------------------

/** The quote in force at `us`; null while nothing is known about the price. */
export function quoteAt(
  instrument: Instrument,
  hours: OpeningHours,
  us: number,
  gate = instrument.gate,
): QuoteRow | null {
  const grid = quoteGrid(instrument);
  const cell = lastCell(instrument, hours, gate, grid, us, always);
  const at = Math.max(timeOf(grid, cell), instrument.script.lastChange(us));
  return quoteOf(instrument, cell, at);
}

function quoteOf(instrument: Instrument, cell: number, at: number): QuoteRow | null {
  const draw = hash2(instrument.seed ^ 0x3c6ef3, cell);
  const [bidSize, askSize] = [size(instrument, draw), size(instrument, hash2(draw, 7))];
  const held = instrument.script.held(at);
  if (held) return { at, bid: held.bid, ask: held.ask, bidSize, askSize };
  const recorded = instrument.recorded?.at(at);
  if (recorded === null) return null;
  if (recorded && instrument.script.factor(at) === 1) return { ...recorded, at: Math.max(recorded.at, at) };
  const price = instrument.price(at / 1000);
  if (Number.isNaN(price)) return null;
  const step = instrument.step(price);
  const half = instrument.halfSpread(price) * (0.6 + 0.8 * unit(draw));
  const middle = price + half * 0.5 * (unit(hash2(draw, 3)) - 0.5);
  const bid = Math.floor(((middle - half) * 1e9) / step) * step;
  const ask = Math.max(Math.ceil(((middle + half) * 1e9) / step) * step, bid + step);
  if (instrument.kind === 'option') {
    if (price <= 0) return { at, bid: 0, ask: 0, bidSize: 0, askSize: 0 };
    return bid > 0 ? { at, bid, ask, bidSize, askSize } : { at, bid: 0, ask: Math.max(ask, step), bidSize: 0, askSize };
  }
  if (bid >= step) return { at, bid, ask, bidSize, askSize };
  return { at, bid: step, ask: Math.max(ask, 2 * step), bidSize, askSize };
}

/** Small sizes are common, big ones rare. */
function size(instrument: Instrument, draw: number): number {
  const scale = 10 ** instrument.sizeDigits;
  const share = unit(hash2(draw, 11));
  return Math.max(1, Math.round(instrument.size * (0.2 + 2.4 * share * share) * scale)) / scale;
}

/** The quotes of a stretch, in its order. */
export function quotes(
  instrument: Instrument,
  hours: OpeningHours,
  stretch: Stretch,
  gate = instrument.gate,
): QuoteRow[] {
  const grid = quoteGrid(instrument);
  const rows: QuoteRow[] = [];
  for (const cell of cells(instrument, hours, gate, grid, stretch)) {
    const row = quoteOf(instrument, cell, timeOf(grid, cell));
    if (row) rows.push(row);
    if (rows.length >= stretch.limit) break;
  }
  return rows;
}

/** The cells of a grid whose events fall into a stretch while trading was open, in the order of the stretch. */
function* cells(
  instrument: Instrument,
  hours: OpeningHours,
  gate: Gate,
  grid: Grid,
  { from, to, descending }: Stretch,
): Generator<number> {
  const first = Math.floor(Math.max(from, HISTORY_START) / grid.every);
  const last = Math.floor(to / grid.every);
  const open = (cell: number): boolean => {
    const at = timeOf(grid, cell);
    return at >= from && at <= to && lastOpen(instrument, hours, gate, at) === at;
  };
  if (descending) {
    for (let cell = last; cell >= first; cell--) if (open(cell)) yield cell;
  } else {
    for (let cell = first; cell <= last; cell++) if (open(cell)) yield cell;
  }
}

// --- trades -------------------------------------------------------------------------------------------------------

const traded =
  (instrument: Instrument, grid: Grid) =>
  (cell: number): boolean =>
    unit(hash2(grid.seed ^ 0x6a09e6, cell)) < instrument.tradeChance;

/** The last trade up to `us`; null while nothing is known about the price. */
export function tradeAt(
  instrument: Instrument,
  hours: OpeningHours,
  us: number,
  gate = instrument.gate,
): TradeRow | null {
  const grid = tradeGrid(instrument);
  const cell = lastCell(instrument, hours, gate, grid, us, traded(instrument, grid));
  const at = Math.max(timeOf(grid, cell), instrument.script.lastChange(us));
  return tradeOf(instrument, hours, gate, cell, at);
}

function tradeOf(instrument: Instrument, hours: OpeningHours, gate: Gate, cell: number, at: number): TradeRow | null {
  const quote = quoteAt(instrument, hours, at, gate);
  if (!quote || quote.ask === 0) return null;
  const draw = hash2(instrument.seed ^ 0xbb67ae, cell);
  const taker = quote.bid > 0 && draw & 1 ? 'S' : 'B';
  return {
    at,
    price: taker === 'B' ? quote.ask : quote.bid,
    size: size(instrument, hash2(draw, 5)),
    id: cell,
    taker,
  };
}

/** The trades of a stretch, in its order. */
export function trades(
  instrument: Instrument,
  hours: OpeningHours,
  stretch: Stretch,
  gate = instrument.gate,
): TradeRow[] {
  const grid = tradeGrid(instrument);
  const happened = traded(instrument, grid);
  const rows: TradeRow[] = [];
  for (const cell of cells(instrument, hours, gate, grid, stretch)) {
    const row = happened(cell) ? tradeOf(instrument, hours, gate, cell, timeOf(grid, cell)) : null;
    if (row) rows.push(row);
    if (rows.length >= stretch.limit) break;
  }
  return rows;
}

// --- bars ---------------------------------------------------------------------------------------------------------

/** The price on the tick at a time, as bars show it. NaN while nothing is known. */
export function markAt(instrument: Instrument, us: number): number {
  const price = instrument.price(us / 1000);
  return Number.isNaN(price) ? Number.NaN : round(price, instrument.step(price));
}

/**
 * The bar of the minute that starts at `at`; null when nothing traded and the instrument shows only what traded.
 * `before`, the bar of the minute before if there is one, spares the search for the opening price.
 */
export function minuteBar(
  instrument: Instrument,
  at: number,
  splitFactor = 1,
  before: BarRow | null = null,
): BarRow | null {
  if (instrument.script.halted(at) && instrument.script.halted(at + MINUTE - 1)) return null;
  const volume = instrument.volume(at / 1000);
  if (volume === 0 && instrument.kind !== 'coin') return null;
  const open = before && splitFactor === 1 && before.at === at - MINUTE ? before.close : markAt(instrument, at);
  if (Number.isNaN(open)) return null;
  const middle = markAt(instrument, at + MINUTE / 2);
  const close = markAt(instrument, at + MINUTE);
  const high = Math.max(open, middle, close);
  const low = Math.min(open, middle, close);
  const perTrade = instrument.size * 1.5;
  const adjust = (price: number): number => (splitFactor === 1 ? price : Math.round(price * splitFactor));
  return {
    at,
    open: adjust(open),
    high: adjust(high),
    low: adjust(low),
    close: adjust(close),
    volume: splitFactor === 1 ? volume : Math.round(volume / splitFactor),
    trades: volume === 0 ? 0 : Math.max(1, Math.round(volume / perTrade)),
    vwap: adjust(Math.round((open + 2 * middle + close) / 4)),
  };
}

/** Several minutes as one bar, from the prices at their ends only. Null when nothing traded. */
export function coarseBar(instrument: Instrument, at: number, minutes: number): BarRow | null {
  let volume = 0;
  for (let i = 0; i < minutes; i++) volume += instrument.volume((at + i * MINUTE) / 1000);
  if (volume === 0) return null;
  const open = markAt(instrument, at);
  const close = markAt(instrument, at + minutes * MINUTE);
  if (Number.isNaN(open) || Number.isNaN(close)) return null;
  const trades = Math.max(1, Math.round(volume / (instrument.size * 1.5)));
  const [high, low] = [Math.max(open, close), Math.min(open, close)];
  return { at, open, high, low, close, volume, trades, vwap: Math.round((open + close) / 2) };
}

/** Adds a later bar to an earlier one. */
export function join(first: BarRow, next: BarRow): BarRow {
  const volume = Math.round((first.volume + next.volume) * 1e4) / 1e4;
  const weight = volume === 0 ? 0.5 : next.volume / volume;
  return {
    at: first.at,
    open: first.open,
    high: Math.max(first.high, next.high),
    low: Math.min(first.low, next.low),
    close: next.close,
    volume,
    trades: first.trades + next.trades,
    vwap: Math.round(first.vwap + (next.vwap - first.vwap) * weight),
  };
}
