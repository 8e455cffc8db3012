/**
 * Recorded quotes to replay instead of the price process, read from CSV or JSON lines.
 * Must never guess: a line that is not understood is refused with its number.
 *
 * CSV has a header with the columns `timestamp,symbol,bid_price,ask_price` and optionally `bid_size,ask_size`, in any
 * order. A JSON line is an object with the same keys, or with Alpaca's short ones (`t`, `S`, `bp`, `ap`, `bs`, `as`).
 * Timestamps are RFC 3339 with a zone; prices are plain decimals in USD.
 */

/** One symbol's quotes in the order of time. Times in microseconds, prices in whole billionths of a USD. */
export class Recorded {
  private readonly times: Float64Array;
  private readonly rows: readonly RecordedQuote[];

  constructor(rows: readonly RecordedQuote[]) {
    this.rows = rows.toSorted((a, b) => a.at - b.at);
    this.times = Float64Array.from(this.rows, (row) => row.at);
  }

  /** The quote in force at `us`; null before the first. */
  at(us: number): RecordedQuote | null {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.times[middle] ?? 0) <= us) low = middle + 1;
      else high = middle;
    }
    return this.rows[low - 1] ?? null;
  }

  /** Middle of bid and ask in USD; NaN before the first quote. */
  mid(ms: number): number {
    const row = this.at(ms * 1000);
    return row ? (row.bid + row.ask) / 2e9 : Number.NaN;
  }
}

export interface RecordedQuote {
  readonly at: number;
  readonly bid: number;
  readonly ask: number;
  readonly bidSize: number;
  readonly askSize: number;
}

export type Recording = ReadonlyMap<string, Recorded>;

/** A recording cannot be read; the message names the line and the remedy. */
class BadRecording extends Error {
  override readonly name = 'BadRecording';
}

const NAMES: Readonly<Record<string, readonly string[]>> = {
  timestamp: ['timestamp', 't'],
  symbol: ['symbol', 'S'],
  bid: ['bid_price', 'bp'],
  ask: ['ask_price', 'ap'],
  bidSize: ['bid_size', 'bs'],
  askSize: ['ask_size', 'as'],
};

type Cells = (name: string) => unknown;

/** Reads a whole file's text. Throws `BadRecording`. */
export function readRecording(text: string): Recording {
  const lines = text.split(/\r?\n/);
  const json =
    lines
      .find((line) => line.trim() !== '')
      ?.trimStart()
      .startsWith('{') ?? false;
  const bySymbol = new Map<string, RecordedQuote[]>();
  let header: readonly string[] | null = null;
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    if (!json && header === null) {
      header = line.split(',').map((cell) => cell.trim());
      continue;
    }
    const cells = json ? jsonCells(line, index + 1) : csvCells(line, header ?? []);
    const symbol = cells('symbol');
    if (typeof symbol !== 'string' || symbol === '') throw bad(index + 1, 'symbol', symbol, 'a symbol such as AAPL');
    const quote = readQuote(cells, index + 1);
    const rows = bySymbol.get(symbol);
    if (rows) rows.push(quote);
    else bySymbol.set(symbol, [quote]);
  }
  if (bySymbol.size === 0)
    throw new BadRecording('the recording holds no quotes: give a header line and at least one quote');
  return new Map([...bySymbol].map(([symbol, rows]) => [symbol, new Recorded(rows)]));
}

function jsonCells(line: string, number: number): Cells {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new BadRecording(`line ${number} is not JSON: write one object per line`);
  }
  if (typeof value !== 'object' || value === null) throw new BadRecording(`line ${number} is not a JSON object`);
  const record = new Map<string, unknown>(Object.entries(value));
  return (name) => NAMES[name]?.map((key) => record.get(key)).find((cell) => cell !== undefined);
}

function csvCells(line: string, header: readonly string[]): Cells {
  const cells = line.split(',').map((cell) => cell.trim());
  return (name) => NAMES[name]?.map((key) => cells[header.indexOf(key)]).find((cell) => cell !== undefined);
}

function readQuote(cells: Cells, line: number): RecordedQuote {
  const timestamp = cells('timestamp');
  const at = typeof timestamp === 'string' ? microseconds(timestamp) : null;
  if (at === null) throw bad(line, 'timestamp', timestamp, 'RFC 3339 with a zone, such as 2026-11-23T14:30:00.123Z');
  const bid = price(cells('bid'));
  const ask = price(cells('ask'));
  if (bid === null) throw bad(line, 'bid_price', cells('bid'), 'a plain decimal');
  if (ask === null) throw bad(line, 'ask_price', cells('ask'), 'a plain decimal');
  if (bid > 0 && ask > 0 && bid >= ask)
    throw bad(line, 'bid_price', cells('bid'), `a price below the ask of ${ask / 1e9}`);
  const size = (name: string): number => {
    const given = Number(cells(name) ?? 100);
    if (!(given >= 0)) throw bad(line, name, cells(name), 'a size of 0 or more');
    return given;
  };
  return { at, bid, ask, bidSize: size('bidSize'), askSize: size('askSize') };
}

/** Microseconds since 1970 of an RFC 3339 time; digits below a microsecond are cut off. Null when it is none. */
function microseconds(text: string): number | null {
  const match = /^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  if (!match) return null;
  const ms = Date.parse(`${match[1]?.replace(' ', 'T')}${match[3]}`);
  return Number.isNaN(ms) ? null : ms * 1000 + Number((match[2] ?? '').padEnd(6, '0').slice(0, 6));
}

/** Whole billionths of a plain decimal; null when it is none. */
function price(value: unknown): number | null {
  const match = /^(\d{1,7})(?:\.(\d{1,9}))?$/.exec(String(value ?? ''));
  return match ? Number(`${match[1]}${(match[2] ?? '').padEnd(9, '0')}`) : null;
}

const bad = (line: number, field: string, value: unknown, wanted: string): BadRecording =>
  new BadRecording(`line ${line}: ${field} is ${JSON.stringify(value) ?? 'missing'}; it must be ${wanted}`);
