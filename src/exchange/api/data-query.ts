/**
 * The query strings of the market data API: symbols, times, limits, pages. What cannot be read is refused in Alpaca's
 * words with 400. Must never throw for what a client sent.
 */
import { barsAtOnce, readTimeframe } from '../market/bars.ts';
import { HISTORY_START, type Stretch } from '../market/tape.ts';
import { type ApiAnswer, type ApiRequest, refusal } from './route.ts';

/** A value, or the refusal to answer with. */
export type Read<T> = { readonly value: T } | { readonly refused: ApiAnswer };

const bad = (message: string): { readonly refused: ApiAnswer } => ({ refused: refusal(400, null, message) });

export const microsOf = (at: bigint): number => Number(at / 1000n);

const TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Microseconds of an RFC 3339 time or of a date (its UTC midnight); null when it is neither. */
export function readTime(text: string): number | null {
  const match = TIME.exec(text);
  if (!match) return null;
  const [, date = '', time = '00:00:00', fraction = '', zone = 'Z'] = match;
  const ms = Date.parse(
    `${date}T${time.length === 5 ? `${time}:00` : time}${zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`,
  );
  return Number.isNaN(ms) ? null : ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/** A time of the query (a `+` of its zone may have arrived as a blank), or `fallback` when it was not given. */
export function timeParameter(query: URLSearchParams, name: string, fallback: number): Read<number> {
  const text = query.get(name);
  if (text === null || text === '') return { value: fallback };
  const at = readTime(text.replace(/ (\d{2}:?\d{2})$/, '+$1'));
  return at === null ? bad(`invalid ${name}: ${text} is not RFC 3339 or YYYY-MM-DD`) : { value: at };
}

/** A whole number from 1 to `most`. */
export function limitParameter(query: URLSearchParams, fallback: number, most: number): Read<number> {
  const text = query.get('limit');
  if (text === null || text === '') return { value: fallback };
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) return bad(`invalid limit: ${text} is not a whole number above 0`);
  return limit > most ? bad(`invalid limit: larger than the allowed maximum of ${most}`) : { value: limit };
}

/** The symbols of the path or of `symbols`, each once, sorted. `check` gives the reason against one, or null. */
export function symbolsOf(request: ApiRequest, check: (symbol: string) => string | null): Read<readonly string[]> {
  const text = request.params['symbol'] ?? request.query.get('symbols') ?? '';
  const symbols = [...new Set(text.split(',').map((symbol) => symbol.trim()))].filter((symbol) => symbol !== '').sort();
  if (symbols.length === 0) return bad('symbols is required');
  for (const symbol of symbols) {
    const reason = check(symbol);
    if (reason !== null) return bad(reason);
  }
  return { value: symbols };
}

export const checkStock = (symbol: string): string | null =>
  /^[A-Z][A-Z0-9]*([./-][A-Z0-9]+)?$/.test(symbol) && !symbol.includes('/') ? null : `invalid symbol: ${symbol}`;

const PAIR = /^[A-Z]+x?\/[A-Z]+$/;

export const checkPair = (symbol: string): string | null =>
  PAIR.test(symbol) ? null : `invalid symbol: ${symbol} does not match ^[A-Z]+x?/[A-Z]+$`;

export const checkOption = (symbol: string): string | null =>
  /^[A-Z]{1,6}\d{6}[CP]\d{8}$/.test(symbol) ? null : `invalid symbol: ${symbol}`;

/** `true` and `True` and `1` are yes. */
export const isYes = (text: string | null): boolean => text !== null && /^(true|1)$/i.test(text);

/** What a page of history was asked for. */
export interface PageQuery {
  readonly symbols: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly descending: boolean;
  /** Where the page begins: a symbol and the time of its next row. */
  readonly start: { readonly symbol: string; readonly at: number } | null;
}

/** Reads start, end, limit, sort and page_token. `dayStart`: where history begins when no start is given. */
export function pageQuery(
  request: ApiRequest,
  symbols: readonly string[],
  dayStart: number,
  latest: number,
): Read<PageQuery> {
  const { query } = request;
  const from = timeParameter(query, 'start', dayStart);
  if ('refused' in from) return from;
  const to = timeParameter(query, 'end', latest);
  if ('refused' in to) return to;
  if (from.value > to.value && query.has('start') && query.has('end')) return bad('end should not be before start');
  const limit = limitParameter(query, 1000, 10_000);
  if ('refused' in limit) return limit;
  const sort = query.get('sort') ?? 'asc';
  if (sort !== 'asc' && sort !== 'desc') return bad(`invalid sort: ${sort}`);
  const start = readToken(query.get('page_token'));
  if (start === undefined) return bad('invalid page_token');
  return {
    value: {
      symbols,
      from: Math.max(from.value, HISTORY_START),
      to: Math.min(to.value, latest),
      limit: limit.value,
      descending: sort === 'desc',
      start,
    },
  };
}

/** Null without a token, undefined when it is none of ours. */
function readToken(token: string | null): { symbol: string; at: number } | null | undefined {
  if (token === null || token === '') return null;
  const match = /^([^|]+)\|(\d{1,16})$/.exec(Buffer.from(token, 'base64url').toString());
  return match ? { symbol: match[1] ?? '', at: Number(match[2]) } : undefined;
}

const token = (symbol: string, at: number): string => Buffer.from(`${symbol}|${at}`).toString('base64url');

export interface Page<Row> {
  readonly rows: ReadonlyMap<string, readonly Row[]>;
  readonly next: string | null;
}

/** The stretch of one symbol; `begun` is where the page begins in it, if the page before ended there. */
export const stretchOf = (query: PageQuery, begun: number | null, limit: number): Stretch => ({
  from: begun !== null && !query.descending ? begun : query.from,
  to: begun !== null && query.descending ? begun : query.to,
  limit,
  descending: query.descending,
});

/**
 * One page over all symbols together: sorted by symbol, then time (Alpaca docs: historical data). A page may be shorter
 * than its limit although more follow: never more than `most` rows.
 */
export function page<Row extends { readonly at: number }>(
  query: PageQuery,
  list: (symbol: string, stretch: Stretch) => readonly Row[],
  most = Number.POSITIVE_INFINITY,
): Page<Row> {
  const rows = new Map<string, readonly Row[]>();
  let left = Math.min(query.limit, most);
  for (const symbol of query.symbols) {
    if (query.start && symbol < query.start.symbol) continue;
    const begun = query.start?.symbol === symbol ? query.start.at : null;
    const stretch = stretchOf(query, begun, left + 1);
    if (stretch.from > stretch.to) continue;
    const found = list(symbol, stretch);
    if (found.length > 0 && left > 0) rows.set(symbol, found.slice(0, left));
    const extra = found[left];
    if (extra) return { rows, next: token(symbol, extra.at) };
    left -= found.length;
  }
  return { rows, next: null };
}

/** The most rows that one page of this request may hold: long bars are dear. */
export function rowsAtOnce({ query }: ApiRequest): number {
  const frame = readTimeframe(query.get('timeframe') ?? '');
  return frame ? barsAtOnce(frame) : Number.POSITIVE_INFINITY;
}
